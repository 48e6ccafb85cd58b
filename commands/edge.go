package commands

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// Edge is everything that a command touches outside itself: the edge of the process in
// one struct, so that a test can be the process. All fields but Coder are needed.
type Edge struct {
	Args     []string  // without the program's name
	In       io.Reader // nil: empty
	Out, Err io.Writer
	Env      func(name string) (value string, set bool)
	Clock    media.Clock
	Zone     *time.Location // of the times of day that are typed and shown
	// Signals delivers INT, TERM and HUP until release is called. INT and TERM come even
	// where the process was started with them ignored (a shell's background job); HUP
	// does not (nohup).
	Signals func() (signals <-chan os.Signal, release func())
	// Screen is the size in cells of the terminal that Err is; ok is false where Err
	// is a file or a pipe.
	Screen func() (width, height int, ok bool)
	// Keys delivers what is typed, key by key and unseen, until release is called; ok is
	// false where In is no terminal, or somebody else's. nil: never. Restore leaves the
	// terminal as it was found, also where release was not called; nil: nothing to do.
	Keys    func() (keys <-chan byte, release func(), ok bool)
	Restore func()
	FS      vfs.FS
	Engine  Engine
	Coder   media.Coder // nil: this build has no codecs
	Version string
}

// Engine is what commands ask of package engine, as functions, so that a test can
// answer instead.
type Engine struct {
	Record    func(ctx context.Context, d engine.Deps, o engine.RecordOptions) (*engine.Summary, error)
	Resume    func(ctx context.Context, d engine.Deps, dir string, o engine.ResumeOptions) (*engine.Summary, error)
	ResumeAll func(ctx context.Context, d engine.Deps, root string, o engine.ResumeOptions) ([]*engine.Summary, error)
	Serve     func(ctx context.Context, d engine.Deps, o engine.ServeOptions) error
	Relay     func(ctx context.Context, d engine.Deps, o engine.RelayOptions) (*engine.RelaySummary, error)
	Compose   func(ctx context.Context, d engine.Deps, o engine.ComposeOptions) (*engine.ComposeSummary, error)
	Probe     func(ctx context.Context, d engine.Deps, o engine.ProbeOptions) ([]*engine.ProbeReport, error)
	Export    func(ctx context.Context, d engine.Deps, o engine.ExportOptions) (*engine.ExportReport, error)
	Pictures  func(ctx context.Context, d engine.Deps, o engine.PictureOptions) ([]engine.ExportedPicture, error)
	Sheet     func(ctx context.Context, d engine.Deps, o engine.SheetOptions) (*engine.SheetReport, error)
	Strip     func(d engine.Deps, o engine.StripOptions) (*engine.StripReport, error)
	Verify    func(ctx context.Context, d engine.Deps, dir string, o archive.VerifyOptions) (*archive.Report, error)
	List      func(ctx context.Context, d engine.Deps, dirs []string) ([]archive.Summary, error)
	Doctor    func(ctx context.Context, d engine.Deps, o engine.DoctorOptions) (*engine.DoctorReport, error)

	Protect     func(ctx context.Context, d engine.Deps, dir string, p journal.Protect) (uint64, error)
	Protections func(ctx context.Context, d engine.Deps, dir string) ([]journal.Protect, error)
}

// System is the process we really are.
func System(version string) Edge {
	keys := &keyboard{}
	return Edge{
		Args:    os.Args[1:],
		In:      os.Stdin,
		Out:     os.Stdout,
		Err:     os.Stderr,
		Env:     os.LookupEnv,
		Clock:   media.SystemClock{},
		Zone:    time.Local,
		Signals: systemSignals,
		Screen:  systemScreen,
		Keys:    keys.watch,
		Restore: keys.restore,
		FS:      vfs.OS(),
		Version: version,
		Engine: Engine{
			Record: engine.Record, Resume: engine.Resume, ResumeAll: engine.ResumeAll,
			Serve: engine.Serve, Relay: engine.Relay, Compose: engine.Compose, Probe: engine.Probe, Export: engine.Export, Pictures: engine.Pictures, Sheet: engine.Sheet, Strip: engine.Strip, Verify: engine.Verify, List: engine.List, Doctor: engine.Doctor,
			Protect: engine.Protect, Protections: engine.Protections,
		},
	}
}

func systemSignals() (<-chan os.Signal, func()) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	// A reader of our output that goes away (`| head`) must not end a recording. With
	// PIPE caught, the write fails instead.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	return signals, func() {
		signal.Stop(signals)
		signal.Stop(pipe)
	}
}

func systemScreen() (width, height int, ok bool) {
	if term, set := os.LookupEnv("TERM"); !set || term == "dumb" {
		return 0, 0, false
	}
	width, height, err := term.GetSize(int(os.Stderr.Fd()))
	if err == nil && width <= 0 {
		width, height = 80, 24 // a serial line does not know
	}
	return width, height, err == nil
}
