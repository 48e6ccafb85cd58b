package engine

import (
	"context"
	"errors"
	"image"
	"slices"
	"strings"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
	"rtsprec/presets"
)

// ComposeOptions says what is put into one picture, how it looks and where it goes. Zero
// values are the defaults named beside them.
type ComposeOptions struct {
	Inputs  []ComposeInput
	Layout  presets.Layout
	Layouts []presets.Layout  // what Control may switch to, in the order in which it goes through them
	Assign  map[string]string // input by cell; the other inputs fill the other cells in order
	Speaker string            // the input of the layout's speaker cell at the start; empty: by order

	Size    image.Point // 0: 1920x1080, or less where the preset wants it; even sides
	FPS     float64     // 0: 30
	Encoder presets.Encoder
	Bitrate int    // bit/s; 0: the preset's for the size
	Device  string // of decoding and encoding, as media.DecodeOptions.Device
	Audio   string // "none", "mix", "follow" (the speaker's), or an input's name; empty: "mix"
	Label   string // "on", "off", "time" (with the time of day), or empty: as the layout says

	// Latency is how long the picture waits at most for the slowest live input.
	// 0: 200 ms.
	Latency time.Duration

	// Range says from when to when recorded inputs are played, given what their recording is
	// about; zero times are its ends. Where there are only files, the window begins with
	// them and has no end. nil: all of it.
	Range     func(w archive.Window) (from, to time.Time, err error)
	At, Until time.Time // of live inputs, as in RecordOptions
	Length    time.Duration
	Zone      *time.Location // of the time on labels; nil: UTC

	Out     ComposeOut
	Adapt   RelayAdapt // of Out.Targets; without a ladder what does not fit the way waits and is dropped
	Isolate bool       // the live inputs are recorded too, each for itself, into Out.Dir

	Segment, Commit, Fragment time.Duration // as in RecordOptions
	Grace                     time.Duration
	Queue                     int64 // bytes that may wait for the disk or a target

	Control *Controller // switches layout and speaker meanwhile; nil: nobody does
}

// ComposeInput is one input: exactly one of Camera, File, Dir and Path is given.
type ComposeInput struct {
	Name   string          // unique; what stands on its slate
	Camera *journal.Camera // live. Its sub-stream is taken where it is shown small
	File   string          // a media file
	Dir    string          // a recording; Name is the camera
	Path   string          // a live path of the server that composes; only in ServePath.Compose
}

// ComposeOut is where the picture goes: any of them, at least one.
type ComposeOut struct {
	Dir       string // a new recording, in which it is the camera Name
	Name      string // empty: "composed"
	File      string // an MP4 file, which appears when it is complete
	Overwrite bool   // of File
	Targets   []RelayTarget
	Listen    []string   // addresses of a small RTSP server with the path Name
	Sink      media.Sink // whoever takes it as it comes: it never waits. nil: nobody
}

// Defaults of composing.
const (
	DefaultComposeName    = "composed"
	DefaultComposeLatency = 200 * time.Millisecond
	DefaultComposeFPS     = 30
)

// ComposeSummary is what became of it.
type ComposeSummary struct {
	Pictures  uint64                `json:"pictures"` // that were put together
	Dropped   uint64                `json:"dropped"`  // that there was no time for
	From      time.Time             `json:"from,omitzero"`
	To        time.Time             `json:"to,omitzero"`
	Inputs    []ComposeInputSummary `json:"inputs"`
	Targets   []RelayTargetSummary  `json:"targets,omitempty"`
	Recording *Summary              `json:"recording,omitempty"`
	File      *ExportedFile         `json:"file,omitempty"`
}

// ComposeInputSummary is one input's part.
type ComposeInputSummary struct {
	Name     string `json:"name"`
	Pictures uint64 `json:"pictures"` // decoded
	Dropped  uint64 `json:"dropped"`  // of them, because the output was late
	Broken   uint64 `json:"broken"`   // units that could not be decoded
	Answered bool   `json:"answered"`
	Trouble  string `json:"trouble,omitempty"` // the last reason when it did not
}

// Compose puts inputs into one picture until its time is over, the recorded inputs have
// ended, or ctx ends. The picture keeps its pace whatever the inputs do; where none of them
// is live and nobody watches, it is made as fast as it can be. The error is Incomplete when
// something is missing in what was recorded, and what kept the inputs away when none of
// them ever came.
func Compose(ctx context.Context, d Deps, o ComposeOptions) (*ComposeSummary, error) {
	if err := d.needCodecs("compose pictures"); err != nil {
		return nil, err
	}
	c, err := newComposer(d, o)
	if err != nil {
		return nil, err
	}
	grace := orDefault(o.Grace, DefaultGrace)
	work, cancel := graceContext(ctx, grace)
	defer cancel()
	err = c.prepare()
	if err == nil {
		c.deps.observe(c.composing())
		err = c.run(ctx, work, grace)
	}
	closing, cancelClosing := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancelClosing()
	err = errors.Join(err, c.close(closing))
	switch {
	case err != nil && c.pictured.Load() > 0 && c.hidden != "":
		return nil, fault.Because("what was composed is the recording "+c.hidden, err)
	case err != nil:
		return nil, err
	}
	s, err := c.summary()
	if s == nil {
		return nil, err
	}
	var failed error
	if s.File, failed = c.writeFile(context.WithoutCancel(ctx)); failed != nil {
		return s, failed
	}
	if c.hidden != "" { // its folder is gone
		s.Recording = nil
	}
	return s, err
}

// newComposer checks the options and fills them in. It touches nothing.
func newComposer(d Deps, o ComposeOptions) (*composer, error) {
	c := &composer{clock: &steady{host: d.Clock}, woken: make(chan struct{}, 1), encoded: make(chan composed, 2)}
	d.Clock = c.clock
	c.deps, c.files = d, &descriptors{count: openDescriptors}
	if err := o.fill(); err != nil {
		return nil, err
	}
	c.o = o
	cameras := []journal.Camera{}
	names := map[string]bool{strings.ToLower(o.Out.Name): o.Isolate}
	for _, given := range o.Inputs {
		if key := strings.ToLower(given.Name); given.Name == "" || names[key] {
			return nil, fault.New(fault.Usage, "inputs need names of their own, and %q is none", given.Name)
		}
		names[strings.ToLower(given.Name)] = true
		in := &composeInput{ComposeInput: given}
		if in.live() {
			c.live = true
			cameras = append(cameras, *in.Camera)
		}
		c.inputs = append(c.inputs, in)
	}
	if err := d.checkCameras(cameras...); err != nil {
		return nil, err
	}
	c.paced = c.live || o.Out.Sink != nil || len(o.Out.Targets)+len(o.Out.Listen) > 0
	for _, in := range c.inputs {
		in.pictures = newPictureLine(c.clock, in.live(), o.Latency, c.wake)
	}
	var err error
	if c.stage, err = newStage(c); err != nil {
		return nil, err
	}
	if c.paint, err = newPainter(c); err != nil {
		return nil, err
	}
	if o.Control != nil {
		o.Control.keys.Store(c)
	}
	return c, c.prepareSound()
}

// fill replaces zero values and refuses what makes no sense.
func (o *ComposeOptions) fill() error {
	if o.Size == (image.Point{}) {
		o.Size = image.Pt(1920, 1080)
		o.Size.X, o.Size.Y, _ = o.Encoder.Within(o.Size.X, o.Size.Y, o.FPS)
	}
	if o.FPS == 0 {
		o.FPS = DefaultComposeFPS
		if o.Encoder.FPS > 0 {
			o.FPS = min(o.FPS, o.Encoder.FPS)
		}
	}
	if o.Encoder.Video == "" {
		o.Encoder = DefaultEncoder
	}
	o.Latency = orDefault(o.Latency, DefaultComposeLatency)
	if o.Out.Name == "" {
		o.Out.Name = DefaultComposeName
	}
	live := slices.ContainsFunc(o.Inputs, func(in ComposeInput) bool { return in.Camera != nil })
	switch {
	case len(o.Inputs) == 0:
		return fault.New(fault.Usage, "nothing to compose")
	case o.Out.Dir == "" && o.Out.File == "" && o.Out.Sink == nil && len(o.Out.Targets)+len(o.Out.Listen) == 0:
		return fault.New(fault.Usage, "a composition that goes nowhere")
	case o.Isolate && (o.Out.Dir == "" || !live):
		return fault.New(fault.Usage, "isolated cameras are recorded into the recording of the composition, and there is none")
	case !(o.FPS >= 1 && o.FPS <= 120):
		return fault.New(fault.Usage, "%g pictures a second: there are 1 to 120", o.FPS)
	case o.Latency < 0 || o.Length < 0:
		return fault.New(fault.Usage, "a duration below zero makes no sense")
	}
	return o.Adapt.check()
}

// prepare opens what is read and written. It starts nothing.
func (c *composer) prepare() error {
	if err := c.hideRecording(); err != nil {
		return err
	}
	if err := c.prepareRange(); err != nil {
		return err
	}
	if err := c.prepareEncoders(); err != nil {
		return err
	}
	if err := c.prepareOut(); err != nil {
		return err
	}
	for i, in := range c.inputs {
		if !in.live() {
			continue
		}
		var recorder media.Sink
		if c.o.Isolate {
			var err error
			if recorder, err = c.out.job.rec.Camera(in.Name); err != nil {
				return err
			}
		}
		c.prepareLive(i, recorder)
	}
	return nil
}

// prepareRange finds out from when to when what is played is played.
func (c *composer) prepareRange() error {
	c.fileStart = c.deps.Clock.Wall()
	window := archive.Window{From: c.fileStart}
	recorded := false
	for _, in := range c.inputs {
		switch {
		case in.File != "":
			if _, err := c.deps.FS.Stat(in.File); err != nil {
				return vfs.Fault("play "+in.File, err)
			}
		case in.Dir != "":
			s, err := archive.Summarize(c.deps.FS, in.Dir)
			if err != nil {
				return err
			}
			if !recorded || s.Window.From.Before(window.From) {
				window.From = s.Window.From
			}
			if s.Window.To.After(window.To) {
				window.To = s.Window.To
			}
			recorded = true
		}
	}
	if c.o.Range != nil {
		var err error
		if c.from, c.to, err = c.o.Range(window); err != nil {
			return err
		}
	}
	if recorded {
		c.fileStart = window.From
		if !c.from.IsZero() {
			c.fileStart = c.from
		}
	}
	return nil
}

// close ends what prepare opened.
func (c *composer) close(ctx context.Context) error {
	c.encoders.close()
	if c.canvas != nil {
		c.canvas.Close()
	}
	if c.out == nil {
		return nil
	}
	why, at := "stopped", time.Time{}
	if end := c.end(); c.live && !end.IsZero() && !c.deps.Clock.Now().Before(end) {
		why, at = "planned", end
	}
	return c.out.close(ctx, why, at)
}
