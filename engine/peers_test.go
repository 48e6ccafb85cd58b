package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/av"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
	"rtsprec/testdata/peers"
)

// recorderEnv makes the test binary a recorder: what a test can kill. descriptorsEnv
// limits how many files that may hold open.
const (
	recorderEnv    = "RTSPREC_TEST_RECORDER"
	descriptorsEnv = "RTSPREC_TEST_DESCRIPTORS"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(recorderEnv); text != "" {
		os.Exit(recorder(text))
	}
	if text := os.Getenv(serverEnv); text != "" {
		os.Exit(serverProcess(text))
	}
	if text := os.Getenv(viewerEnv); text != "" {
		os.Exit(viewerProcess(text))
	}
	if text := os.Getenv(cameraEnv); text != "" {
		os.Exit(cameraProcess(text))
	}
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if !asked {
		flag.Set("test.parallel", side)
	}
	os.Exit(m.Run())
}

// side is how many tests run side by side unless -parallel says so: they wait for
// cameras, hardly for processors.
const side = "8"

// alone is called instead of t.Parallel by tests that need the processors to themselves:
// they encode, and judge what the way takes by how fast things go. go test runs them one
// after the other, before those that run side by side.
func alone(testing.TB) {}

func recorder(text string) int {
	var o engine.RecordOptions
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if n, err := strconv.ParseUint(os.Getenv(descriptorsEnv), 10, 64); err == nil {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
	}
	d := engine.Deps{FS: vfs.OS(), Clock: media.SystemClock{}, Dial: engine.DialRTSP, Coder: av.New(av.Options{}), Version: "test"}
	if _, err := engine.Record(context.Background(), d, o); err != nil {
		fmt.Fprintf(os.Stderr, "%v: %v\n", fault.KindOf(err), err)
		return 1
	}
	return 0
}

// recorderProcess is a process that records, not started yet.
func recorderProcess(t testing.TB, o engine.RecordOptions, env ...string) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(env, recorderEnv+"="+string(text))...)
	return cmd
}

func TestEveryMountOfAnIndependentCameraIsRecordedWhole(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			url := peers.GStreamer(t, "--user", "viewer", "--password", "p@ss word:1", "--size", "320x240")
			login := strings.Replace(url, "rtsp://", "rtsp://viewer:p%40ss%20word:1@", 1)
			d, ev := deps(t)
			dir := filepath.Join(t.TempDir(), "rec")
			o := engine.RecordOptions{Dir: dir, Segment: 2 * time.Second}
			for _, mount := range peers.Mounts {
				o.Cameras = append(o.Cameras, camera(mount, login+mount, transport))
			}
			stop := recording(t, d, o)
			// On a busy machine its encoders need some time to start.
			waitFor(t, "all mounts", flowing(ev, 1))
			began := time.Now()
			<-time.After(4 * time.Second)
			live := time.Since(began)
			if err := stop(); err != nil && !fault.Is(err, fault.Incomplete) {
				t.Fatal(err)
			}
			// Encoders that start while ten others do may hiccup: what came must be there
			// and explained, and nobody may be missing.
			report, _ := engine.Verify(t.Context(), d, dir, archive.VerifyOptions{Deep: true})
			if report == nil || report.Status == archive.Damaged {
				t.Fatalf("verify: %+v", report)
			}
			for _, c := range report.Cameras {
				window := report.Window.To.Sub(report.Window.From)
				if has := time.Duration(c.Coverage.Share() * float64(window)); has < live/2 || c.Segments == 0 {
					t.Errorf("%s: %v of %v, %d files, gaps %+v", c.Name, has, live, c.Segments, c.Gaps)
				}
				decodes(t, filepath.Join(dir, c.Name))
			}
		})
	}
}

// TestAKilledRecorderLeavesFilesThatPlay kills a real process with -9 and has ffmpeg
// decode what it left, as it left it and repaired.
func TestAKilledRecorderLeavesFilesThatPlay(t *testing.T) {
	t.Parallel()
	url := peers.GStreamer(t, "--size", "320x240")
	dir := filepath.Join(t.TempDir(), "rec")
	o := engine.RecordOptions{Dir: dir}
	for _, mount := range []string{"h264-aac", "h265-aac", "mpeg4-alaw"} {
		o.Cameras = append(o.Cameras, camera(mount, url+mount, "tcp"))
	}
	cmd := recorderProcess(t, o)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "commits of three cameras", func() bool { return commits(dir) >= 5 })
	cmd.Process.Kill()
	if err := cmd.Wait(); errors.As(err, new(*exec.ExitError)) && !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the recorder ended by itself: %v %s", err, stderr.String())
	}
	decodes(t, dir)

	d, _ := deps(t)
	summary, err := engine.Resume(t.Context(), d, dir, engine.ResumeOptions{Repair: true})
	if err != nil && !fault.Is(err, fault.Incomplete) {
		t.Fatal(err)
	}
	for _, c := range summary.Cameras {
		if c.Bytes == 0 {
			t.Errorf("nothing of %s", c.Name)
		}
	}
	verified(t, d, dir, archive.Incomplete)
	decodes(t, dir)
	playsInVLC(t, dir)
}

// commits counts the rounds journaled so far that hold all three cameras.
func commits(dir string) int {
	log, err := journal.Read(vfs.OS(), filepath.Join(dir, "journal"))
	if err != nil {
		return 0
	}
	n := 0
	for _, line := range log.Lines {
		if c, ok := line.Entry.(*journal.Commit); ok && len(c.Files) == 3 {
			n++
		}
	}
	return n
}
