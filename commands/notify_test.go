package commands

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"rtsprec/engine"
)

// manager is systemd, as far as a service sees it.
type manager struct{ *net.UnixConn }

func (f *fake) manager(t *testing.T) manager {
	t.Helper()
	name := filepath.Join(t.TempDir(), "s") // a socket's name is short
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	f.env["NOTIFY_SOCKET"] = name
	return manager{c}
}

// next is the next datagram, its lines; nil: none came.
func (m manager) next(t *testing.T, wait time.Duration) []string {
	t.Helper()
	m.SetReadDeadline(time.Now().Add(wait))
	b := make([]byte, 4096)
	n, err := m.Read(b)
	if err != nil {
		return nil
	}
	return strings.Split(string(b[:n]), "\n")
}

func TestSystemdHearsOfStartReloadTroubleAndEnd(t *testing.T) {
	f := newFake(t, "serve", "--config", "serve.yaml")
	systemd := f.manager(t)
	f.env["WATCHDOG_USEC"], f.env["WATCHDOG_PID"] = "60000000", strconv.Itoa(os.Getpid())
	if err := os.WriteFile("serve.yaml", []byte("paths: {a: {}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said := func(what string) []string {
		t.Helper()
		lines := systemd.next(t, 10*time.Second)
		if len(lines) == 0 || what != "" && lines[0] != what && lines[len(lines)-1] != what {
			t.Fatalf("systemd heard %q, want %q", lines, what)
		}
		return lines
	}
	f.Engine.Serve = func(ctx context.Context, d engine.Deps, o engine.ServeOptions) error {
		if len(o.Paths) != 1 {
			t.Errorf("%d paths", len(o.Paths))
		}
		d.Observe(engine.Serving{Paths: []string{"a"}})
		said("READY=1")
		d.Observe(engine.Progress{Cameras: []engine.CameraProgress{{Name: "a", State: "live"}}})
		if lines := said("WATCHDOG=1"); lines[0] != "STATUS=1 path, 1 live" {
			t.Errorf("%q", lines)
		}
		d.Observe(engine.Progress{Stuck: true})
		if lines := said(""); strings.Contains(strings.Join(lines, " "), "WATCHDOG") {
			t.Errorf("the watchdog is fed while nothing reaches the disk: %q", lines)
		}
		if err := os.WriteFile("serve.yaml", []byte("paths: {a: {}, b: {}}\n"), 0o600); err != nil {
			t.Error(err)
		}
		f.signals <- syscall.SIGHUP
		said("RELOADING=1")
		if again := <-o.Reload; len(again.Paths) != 2 {
			t.Errorf("%d paths after the reload", len(again.Paths))
		}
		d.Observe(engine.Reloaded{Paths: 2})
		said("READY=1")
		if err := os.WriteFile("serve.yaml", []byte("pahts: {}\n"), 0o600); err != nil {
			t.Error(err)
		}
		f.signals <- syscall.SIGHUP
		said("RELOADING=1")
		said("READY=1") // with what was
		f.signals <- syscall.SIGTERM
		<-ctx.Done()
		said("STOPPING=1")
		return nil
	}
	f.run(t, 0)
	contains(t, f.err.String(), "the new configuration is not used, the old one stays", "serve.yaml:1:", `is it "paths"?`)
}

func TestTheWatchdogOfAnotherProcessIsNotFed(t *testing.T) {
	f := newFake(t, "serve")
	systemd := f.manager(t)
	f.env["WATCHDOG_USEC"], f.env["WATCHDOG_PID"] = "60000000", "1"
	f.Engine.Serve = func(_ context.Context, d engine.Deps, _ engine.ServeOptions) error {
		d.Observe(engine.Progress{})
		if lines := systemd.next(t, 10*time.Second); len(lines) != 1 {
			t.Errorf("%q", lines)
		}
		return nil
	}
	f.run(t, 0)
}

func TestHangingUpEndsAServerWithoutConfiguration(t *testing.T) {
	f := newFake(t, "serve")
	f.Engine.Serve = func(ctx context.Context, _ engine.Deps, o engine.ServeOptions) error {
		if o.Reload != nil {
			t.Error("there is nothing to be read again")
		}
		f.signals <- syscall.SIGHUP
		<-ctx.Done()
		return nil
	}
	f.run(t, 0)
}

func TestWhatIsTypedCountsMoreThanTheFile(t *testing.T) {
	f := newFake(t, "serve", "--config", "serve.yaml", "--rtsp", "", "--http", "127.0.0.1:1", "--keep-age", "7d", "-i", "gate=rtsp://cam9/live")
	if err := os.WriteFile("serve.yaml", []byte("rtsp: ':1'\nhttp: ':2'\nrecord: {dir: live, segment: 5m}\nretention: {age: 30d, size: 1TB}\npaths: {gate: {source: rtsp://cam1/live}, yard: {}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	asked := 0
	f.Engine.Serve = func(_ context.Context, _ engine.Deps, o engine.ServeOptions) error {
		asked++
		if len(o.RTSP) != 0 || len(o.HTTP) != 1 || o.HTTP[0] != "127.0.0.1:1" {
			t.Errorf("%q %q", o.RTSP, o.HTTP)
		}
		if k := o.Record.Keep; k.Age != 7*24*time.Hour || k.Size != 1e12 || o.Record.Segment != 5*time.Minute {
			t.Errorf("%+v", o.Record)
		}
		if len(o.Paths) != 2 || o.Paths[0].Name != "yard" || o.Paths[1].Camera.URL != "rtsp://cam9/live" || !o.Paths[1].Record {
			t.Errorf("%+v", o.Paths)
		}
		return nil
	}
	f.run(t, 0)
	if asked != 1 {
		t.Error("nothing was served")
	}
}

func TestWithoutAnythingEverybodyMayPublishEverywhere(t *testing.T) {
	f := newFake(t, "serve")
	f.Engine.Serve = func(_ context.Context, _ engine.Deps, o engine.ServeOptions) error {
		if len(o.Paths) != 1 || o.Paths[0].Name != "**" || o.Paths[0].Record || len(o.Users) != 0 || o.RTSP[0] != engine.DefaultRTSPAddress || o.HTTP[0] != engine.DefaultHTTPAddress {
			t.Errorf("%+v", o)
		}
		return nil
	}
	f.run(t, 0)
	for _, args := range [][]string{
		{"serve", "--rtsp", "8554"}, {"serve", "--rtsp", "", "--http", ""}, {"serve", "--rtsps", ":322"}, {"serve", "--udp", "8001"},
		{"serve", "extra"}, {"serve", "--keep-size", "lots"}, {"serve", "-i", "http://cam"},
	} {
		f := newFake(t, args...)
		f.Engine.Serve = func(context.Context, engine.Deps, engine.ServeOptions) error {
			t.Errorf("%q: served", args)
			return nil
		}
		f.run(t, 2)
	}
}
