package commands

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/vfs"
)

// noon is when tests happen: 2026-11-22 12:00 in a zone an hour ahead of UTC.
var (
	zone = time.FixedZone("CET", 3600)
	noon = time.Date(2026, 11, 22, 12, 0, 0, 0, zone)
)

// fixedClock stands still unless told.
type fixedClock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *fixedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *fixedClock) Wall() time.Time { return c.Now() }

// buffer is a bytes.Buffer that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// fake is a process at whose edge a test stands. Its engine records what it was asked.
type fake struct {
	Edge
	out, err buffer
	env      map[string]string
	signals  chan os.Signal
	clock    *fixedClock

	record []engine.RecordOptions
	probe  []engine.ProbeOptions
	resume []string
	verify []archive.VerifyOptions
	list   [][]string
}

// newFake runs in an empty directory of its own.
func newFake(t *testing.T, args ...string) *fake {
	t.Helper()
	t.Chdir(t.TempDir())
	f := &fake{env: map[string]string{}, signals: make(chan os.Signal, 4), clock: &fixedClock{t: noon}}
	f.Edge = Edge{
		Args: args, Out: &f.out, Err: &f.err, Clock: f.clock, Zone: zone, FS: vfs.OS(), Version: "1.2.3",
		Env:     func(name string) (string, bool) { v, set := f.env[name]; return v, set },
		Signals: func() (<-chan os.Signal, func()) { return f.signals, func() {} },
		Screen:  func() (int, int, bool) { return 0, 0, false },
		Engine: Engine{
			Record: func(_ context.Context, _ engine.Deps, o engine.RecordOptions) (*engine.Summary, error) {
				f.record = append(f.record, o)
				return nil, nil
			},
			Resume: func(_ context.Context, _ engine.Deps, dir string, _ engine.ResumeOptions) (*engine.Summary, error) {
				f.resume = append(f.resume, dir)
				return nil, nil
			},
			ResumeAll: func(_ context.Context, _ engine.Deps, root string, _ engine.ResumeOptions) ([]*engine.Summary, error) {
				f.resume = append(f.resume, "all "+root)
				return nil, nil
			},
			Probe: func(_ context.Context, _ engine.Deps, o engine.ProbeOptions) ([]*engine.ProbeReport, error) {
				f.probe = append(f.probe, o)
				return nil, nil
			},
			Verify: func(_ context.Context, _ engine.Deps, _ string, o archive.VerifyOptions) (*archive.Report, error) {
				f.verify = append(f.verify, o)
				return nil, nil
			},
			List: func(_ context.Context, _ engine.Deps, dirs []string) ([]archive.Summary, error) {
				f.list = append(f.list, dirs)
				return nil, nil
			},
		},
	}
	return f
}

// run is Main, which must exit with want.
func (f *fake) run(t *testing.T, want int) {
	t.Helper()
	if got := Main(f.Edge); got != want {
		t.Errorf("rtsprec %s: exit code %d, want %d\nstdout: %s\nstderr: %s", strings.Join(f.Args, " "), got, want, f.out.String(), f.err.String())
	}
}

// process is the edge as a command sees it.
func (f *fake) process() *process { return &process{Edge: f.Edge} }

// contains fails unless text holds every part.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in:\n%s", part, text)
		}
	}
}

// eventually waits until ok, for a while.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("%s: it never came to that", what)
		case <-tick.C:
		}
	}
}
