package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/rtsp"
)

// composeOptions is what was typed.
type composeOptions struct {
	connection
	inputs  []string
	subs    []string
	from    string
	cameras []string
	ss, to  position

	layout  string
	cells   []string
	speaker string
	label   labelMode
	audio   string
	size    box
	fps     pace
	bitrate size
	preset  string
	device  device
	latency span

	outputs   []string
	listen    []string
	overwrite bool
	isolate   bool
	socket    string
	length    span
	at, until moment
	segment   span
	grace     span
	adapt     adaptFlags
}

// labelMode says what stands on the pictures.
type labelMode string

// The modes.
const (
	labelLayout labelMode = "layout" // as the layout says
	labelOn     labelMode = "on"
	labelOff    labelMode = "off"
	labelTime   labelMode = "time"
)

var labelModes = []labelMode{labelLayout, labelOn, labelOff, labelTime}

// maxLatency bounds how long a picture waits for the slowest camera.
const maxLatency = 10 * time.Second

// defaultComposeOptions is what counts when nothing is typed.
func defaultComposeOptions() composeOptions {
	return composeOptions{
		layout: "grid", label: labelLayout, audio: "mix", device: deviceAuto,
		latency: span{d: engine.DefaultComposeLatency, max: maxLatency},
		length:  span{min: more}, segment: span{d: engine.DefaultSegment, min: time.Second, max: 24 * time.Hour}, grace: graceSpan(),
	}
}

func newCompose(p *process) *cobra.Command {
	o := defaultComposeOptions()
	cmd := &cobra.Command{
		Use:   "compose [flags] -i [NAME=]URL|NAME|FILE ... -o OUT",
		Short: "Put many cameras into one picture",
		Long: `Put cameras, recordings and media files into one picture, aligned by when they
were captured. OUT is a directory (a recording, with all its guarantees), a file
(.mp4, there when it is complete), or an rtsp:// address; it may be repeated,
and --listen serves the picture as rtsp://HOST/composed. The picture keeps its
pace whatever its inputs do: one that is away shows its last picture, then a
slate with its name, until it is back. Recordings and files alone are composed
as fast as the machine can.

Inputs fill the cells of the layout in the order given; --cell says otherwise.
While it runs, layout and speaker are switched with keys (1 to 9: who speaks, l:
the next layout, q: the end) or by "rtsprec ctl". --isolate records the cameras
for themselves too, unchanged, into the same recording.

--adapt follows the link to an rtsp:// address: where it is too weak, the
picture is made at a lower rate, then smaller. What is recorded, kept in a file
or served beside it stays what it is, at the cost of a second encoder.`,
		Example: `  rtsprec compose -i teacher=rtsp://cam1/a -i slides=rtsp://cam2/b \
      --layout speaker -o lesson -t 45m
  rtsprec compose -i door -i yard -i hall --label time --listen :8554
  rtsprec compose --from math-101 -ss 10m -to 20m --layout pip -o clip.mp4
  rtsprec compose -i a.mp4 -i b.mp4 --layout side-by-side --size 720p -o c.mp4
  rtsprec compose -i door -i yard -o rtsp://far:8554/wall --adapt
  rtsprec compose -i testsrc:// -i testsrc:// --isolate -o both -t 60`,
		ValidArgsFunction: cobra.NoFileCompletions,
		Args:              noArguments,
		RunE:              func(cmd *cobra.Command, _ []string) error { return o.run(cmd, p) },
	}
	o.bind(cmd, p)
	return cmd
}

func (o *composeOptions) bind(cmd *cobra.Command, p *process) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringArrayVarP(&o.inputs, "input", "i", nil, "`[NAME=]URL`, a camera's name, or a media file; may be repeated")
	flags.StringVar(&o.from, "from", "", "compose the cameras of this recording, a `directory`")
	flags.StringArrayVar(&o.cameras, "camera", nil, "of --from only this `name`; may be repeated")
	flags.Var(&o.ss, "ss", "begin there in what is recorded: 09:00 (local time), or 90 and 10m from its beginning")
	flags.Var(&o.to, "to", "end there, in the same forms")
	flags.VarP(&o.length, "time", "t", "how long to compose, from --at or the first picture on")
	flags.Var(&o.until, "until", "when to stop: 10:45 (local time) or RFC 3339")
	flags.Var(&o.at, "at", "when to begin: 09:00 (local time) or RFC 3339")
	flags.StringArrayVarP(&o.outputs, "output", "o", nil, "where to: new directory, file.mp4 or rtsp:// `address`; may be repeated")
	flags.StringArrayVar(&o.listen, "listen", nil, "serve it over RTSP at this `[HOST]:PORT`, path composed")
	flags.BoolVarP(&o.overwrite, "overwrite", "y", false, "replace a file that is there")
	flags.BoolVar(&o.isolate, "isolate", false, "record the cameras for themselves too")
	layoutFlag(cmd, p, &o.layout)
	flags.StringArrayVar(&o.cells, "cell", nil, "which input fills a cell: `CELL=INPUT`; may be repeated")
	flags.StringVar(&o.speaker, "speaker", "", "`input` in the layout's large cell at first")
	enumFlag(cmd, &o.label, labelModes, "label", "names on the pictures, or names and times")
	flags.StringVar(&o.audio, "audio", o.audio, "sound: mix, follow (the speaker's), none, or an `input`")
	flags.Var(&o.size, "size", "of the picture: 1280x720 or 720p; default: 1080p, or what the preset wants")
	flags.Var(&o.fps, "fps", "pictures a second; default: 30, or what the preset wants")
	flags.Var(&o.bitrate, "bitrate", "of the picture, like 4M; default: the preset's for the size")
	encoderFlag(cmd, p, &o.preset)
	flags.Lookup("preset").Usage += "; default: " + defaultPreset + ", or " + livePreset + " where it is pushed or served"
	deviceFlag(cmd, &o.device)
	flags.Var(&o.latency, "latency", "how long the picture waits at most for the slowest camera")
	o.addFlags(cmd)
	flags.StringArrayVar(&o.subs, "sub", nil, "a camera's smaller stream, taken where it is shown small: `NAME=URL`")
	flags.Var(&o.segment, "segment", "length of the files, counted from the full UTC hour")
	flags.StringVar(&o.socket, "ctl", "", "`socket` for \"rtsprec ctl\"; default: one in the runtime directory")
	addGrace(cmd, &o.grace)
	o.adapt.bind(cmd, p)
	_ = cmd.RegisterFlagCompletionFunc("size", cobra.FixedCompletions([]cobra.Completion{"1080p", "720p", "540p", "360p"}, cobra.ShellCompDirectiveNoFileComp))
	noFileCompletion(cmd, "camera", "ss", "to", "time", "until", "at", "listen", "cell", "speaker", "audio", "fps", "bitrate", "latency", "reorder", "fingerprint", "sub", "segment")
	_ = cmd.MarkFlagDirname("from")
}

func (o *composeOptions) run(cmd *cobra.Command, p *process) error {
	ctx := cmd.Context()
	options, err := o.options(ctx, p)
	if err != nil {
		return err
	}
	if options.Adapt, err = o.adapt.options(cmd, p, o.device); err != nil {
		return err
	}
	if o.adapt.adapt && len(options.Out.Targets) == 0 {
		return usage("--adapt -o rtsp://SERVER/PATH", "--adapt follows the link to a server, and the picture is pushed to none")
	}
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	options.Control = engine.NewController()
	release, err := p.control(ctx, o.socket, options.Control)
	if err != nil {
		return err
	}
	defer release()
	defer p.watchKeys(ctx, options.Control, quit)()
	d, done := p.show(ctx)
	summary, err := p.Engine.Compose(ctx, p.deps(d.observe), options)
	done()
	if summary != nil {
		p.sayComposed(summary)
		err = errors.Join(err, o.adapt.write(p, "composition", summary.Targets))
	}
	live := slices.ContainsFunc(options.Inputs, func(in engine.ComposeInput) bool { return in.Camera != nil })
	switch missed := summary != nil && summary.Missed() && err != nil; {
	case missed && !live:
		return hinted{err, "ffprobe FILE says what is in a media file"}
	case missed && fault.Is(err, fault.Incomplete):
		return hinted{err, "is it on, and the address right? rtsprec probe says what it sends"}
	}
	return aboutDir(err, options.Out.Dir)
}

// options checks what was typed. It creates nothing and asks nobody.
func (o *composeOptions) options(ctx context.Context, p *process) (engine.ComposeOptions, error) {
	out := engine.ComposeOptions{
		Label: string(o.label), Audio: o.audio, FPS: float64(o.fps), Bitrate: int(min(o.bitrate.n, 1<<30)), Device: string(o.device),
		Latency: o.latency.d, Speaker: o.speaker, Isolate: o.isolate, Segment: o.segment.d, Grace: o.grace.d, Zone: p.Zone,
	}
	if o.label == labelLayout {
		out.Label = ""
	}
	var err error
	if out.Inputs, err = o.allInputs(ctx, p); err != nil {
		return out, err
	}
	set, err := p.presets()
	if err != nil {
		return out, err
	}
	out.Layouts = set.Layouts()
	if out.Layout, err = p.layout(o.layout); err != nil {
		return out, err
	}
	if out.Assign, err = parseCells(o.cells); err != nil {
		return out, err
	}
	o.shape(&out)
	if err := o.outs(p, &out); err != nil {
		return out, err
	}
	preset := o.preset
	switch {
	case preset != "":
	case len(out.Out.Targets) > 0 || len(out.Out.Listen) > 0:
		preset = livePreset
	default:
		preset = defaultPreset
	}
	if out.Encoder, err = p.encoder(preset); err != nil {
		return out, err
	}
	return out, o.times(p, &out)
}

// shape settles the size of the picture: of a height alone the width is that of 16:9.
func (o *composeOptions) shape(out *engine.ComposeOptions) {
	out.Size = o.size.Point
	if out.Size.X == 0 && out.Size.Y > 0 {
		out.Size.X = (out.Size.Y*16/9 + 1) &^ 1
	}
}

// times reads from when to when.
func (o *composeOptions) times(p *process, out *engine.ComposeOptions) error {
	played := 0
	for _, in := range out.Inputs {
		if in.Camera == nil {
			played++
		}
	}
	live := played < len(out.Inputs)
	if !live && (o.at.given() || o.until.given()) {
		return usage("-ss and -to say from when to when", "--at and --until are for cameras, and there is none")
	}
	if played == 0 && (o.ss.given() || o.to.given()) {
		return usage("--at 09:00, --until 09:45 or -t 45m", "--ss and --to are for recordings and files, and there is none")
	}
	length := o.length.d
	if !live {
		length = 0
	}
	w, err := planWindow(p.Clock.Wall().In(p.Zone), o.at.instant, o.until.instant, length)
	if err != nil {
		return err
	}
	out.At, out.Until, out.Length = w.at, w.until, w.length
	e := &exportOptions{ss: o.ss, to: o.to}
	if !live {
		e.length = o.length
	}
	if o.to.given() && o.length.d > 0 && !live {
		return usage("rtsprec compose -h", "-t and --to both say where to end")
	}
	out.Range = func(w archive.Window) (time.Time, time.Time, error) { return p.exportRange(e, w) }
	return nil
}

// outs reads what was typed after -o.
func (o *composeOptions) outs(p *process, out *engine.ComposeOptions) error {
	const example = "-o lesson, -o lesson.mp4, -o rtsp://SERVER/PATH or --listen :8554"
	for _, text := range o.outputs {
		switch {
		case strings.Contains(text, "://"):
			name, address, err := parseInput(text)
			if err != nil {
				return err
			}
			if name == "" {
				name = fault.URL(address)
			}
			out.Out.Targets = append(out.Out.Targets, engine.RelayTarget{Name: name, URL: p.login(address), Transport: rtsp.TCP})
		case engine.ContainerOf(text) == engine.MP4:
			if out.Out.File != "" {
				return usage(example, "%s and %s: a composition is written to one file", out.Out.File, text)
			}
			out.Out.File = text
		case engine.ContainerOf(text) != "":
			return usage("-o NAME.mp4, or -o DIR and rtsprec export DIR -o "+quoted(text), "a composition is written as MP4, not as %s", text)
		default:
			if out.Out.Dir != "" {
				return usage(example, "%s and %s: a composition is recorded into one directory", out.Out.Dir, text)
			}
			if err := p.checkNewDir(text); err != nil {
				return err
			}
			out.Out.Dir = text
		}
	}
	out.Out.Listen, out.Out.Overwrite = o.listen, o.overwrite
	if len(o.outputs)+len(o.listen) == 0 {
		return usage(example, "nowhere to put the picture was given")
	}
	return nil
}

func parseCells(typed []string) (map[string]string, error) {
	cells := map[string]string{}
	for _, text := range typed {
		cell, input, ok := strings.Cut(text, "=")
		if !ok || cell == "" || input == "" {
			return nil, usage("--cell main=teacher; \"rtsprec presets show LAYOUT\" names the cells", "--cell wants CELL=INPUT, and got %q", text)
		}
		if _, twice := cells[cell]; twice {
			return nil, usage("--cell main=teacher --cell inset=slides", "cell %s is given twice", cell)
		}
		cells[cell] = input
	}
	return cells, nil
}

// sayComposed prints what became of it, on standard output.
func (p *process) sayComposed(s *engine.ComposeSummary) {
	if p.json {
		p.line("compose_summary", s)
		return
	}
	fmt.Fprintf(p.Out, "%s in %s", count(int(s.Pictures), "picture"), spanText(s.To.Sub(s.From)))
	if s.Dropped > 0 {
		fmt.Fprintf(p.Out, "; %s left out, for want of time", count(int(s.Dropped), "picture"))
	}
	fmt.Fprintln(p.Out)
	t := table{{"  input", "pictures", "late", "broken"}}
	var details []string
	for _, in := range s.Inputs {
		t = append(t, []string{"  " + in.Name, fmt.Sprint(in.Pictures), fmt.Sprint(in.Dropped), fmt.Sprint(in.Broken)})
		if !in.Answered {
			details = append(details, fmt.Sprintf("  %s never answered: %s", in.Name, oneLine(in.Trouble)))
		}
	}
	fmt.Fprint(p.Out, t.text("lrrr"))
	for _, line := range details {
		fmt.Fprintln(p.Out, line)
	}
	if len(s.Targets) > 0 {
		fmt.Fprint(p.Out, targetTable(s.Targets))
	}
	if s.Recording != nil {
		fmt.Fprint(p.Out, p.summaryText(s.Recording))
	}
	if f := s.File; f != nil {
		fmt.Fprintf(p.Out, "%s: %s, %s, %s\n", f.File, spanText(time.Duration(f.Length*float64(time.Second))), strings.Join(f.Tracks, " + "), bytesText(f.Bytes))
	}
}
