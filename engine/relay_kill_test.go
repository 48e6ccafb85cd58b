package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/vfs"
)

// serverEnv makes this binary a server with these options, to be killed, or to be ended by
// an interrupt.
const serverEnv = "ENGINE_TEST_SERVER"

func serverProcess(text string) int {
	var o engine.ServeOptions
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	d := engine.Deps{FS: vfs.OS(), Clock: media.SystemClock{}, Dial: engine.DialRTSP, Version: "test"}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := engine.Serve(ctx, d, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// victim is a server that records what is published, in a process of its own.
func victim(t testing.TB, port int, dir string) *os.Process {
	t.Helper()
	text, err := json.Marshal(struct {
		RTSP   []string
		Record struct{ Dir string }
		Paths  []map[string]any
	}{
		RTSP: []string{fmt.Sprintf("127.0.0.1:%d", port)}, Record: struct{ Dir string }{dir},
		Paths: []map[string]any{{"Name": "**", "Record": true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serverEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd.Process
}

func TestRelayToAServerThatIsKilledLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, stream := range []rtspcam.Stream{"h264b+aac", "h265+pcma"} {
		t.Run(string(stream), func(t *testing.T) {
			t.Parallel()
			cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": stream}})
			dir, spool, port := filepath.Join(t.TempDir(), "far"), filepath.Join(t.TempDir(), "spool"), freeTCP(t)
			r := relay(t, engine.RelayOptions{
				Input: camera("a", cam.URL("a"), "tcp"), Targets: []engine.RelayTarget{to(port, "x")}, Spool: engine.RelaySpool{Dir: spool, Pace: 8},
			})
			for range 2 {
				p := victim(t, port, dir)
				since(t, dir, "x", time.Now().Add(2300*time.Millisecond))
				p.Kill()
				<-time.After(1500 * time.Millisecond)
			}
			s := takes(t, port, dir)
			since(t, dir, "x", time.Now())
			r.end(t)
			if r.err != nil {
				t.Error(r.err)
			}
			s.end(t)
			complete(t, dir, "x", 25*7)
			verified(t, s.Deps, dir, archive.Clean) // what the kills cut off is there again
		})
	}
}
