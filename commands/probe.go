package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"rtsprec/engine"
)

// probeOptions is what was typed.
type probeOptions struct {
	connection
	max       span
	soak      span
	quick     bool
	snapshot  string
	overwrite bool
}

func newProbe(p *process) *cobra.Command {
	o := probeOptions{
		max:  span{d: engine.DefaultProbe, min: time.Second, max: 10 * time.Minute},
		soak: span{min: time.Second, max: 7 * 24 * time.Hour},
	}
	cmd := &cobra.Command{
		Use:   "probe [flags] [NAME=]URL|NAME ...",
		Short: "Show what cameras send and whether it can be recorded",
		Long: `Play each camera for a few seconds and show what it really sends: codecs, frame
rate, key frames, bitrate, losses, its clock, which transports work, and whether
rtsprec can record it. Several cameras are shown side by side. What did not come
in time is marked "not seen". With --soak the stream is watched for longer and
judged: steady, usable or bad. With --snapshot a picture is written, too.
Cameras that "rtsprec cameras" knows are called by their names.

` + testSourceHelp,
		Example: `  rtsprec probe rtsp://192.168.1.10/live
  rtsprec probe --quick rtsp://cam1/live rtsp://cam2/live
  rtsprec probe teacher student
  rtsprec probe --snapshot 'seen/{camera}.jpg' teacher student
  rtsprec probe --soak 60s left=rtsp://cam1/live right=rtsp://cam2/live
  RTSPREC_PASSWORD=secret rtsprec probe rtsp://admin@cam/live`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), p, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&o.max, "max", "how long to wait for the second key frame")
	flags.Var(&o.soak, "soak", "watch the stream for this long and judge it")
	flags.BoolVar(&o.quick, "quick", false, "only ask for the description, play nothing")
	flags.StringVar(&o.snapshot, "snapshot", "", "write a picture: .jpg or .png `FILE`, in which {camera} is replaced; or a directory")
	flags.BoolVarP(&o.overwrite, "overwrite", "y", false, "replace a picture that is there")
	o.addFlags(cmd)
	cmd.ValidArgsFunction = o.completeCameras(p)
	noFileCompletion(cmd, "max", "soak", "reorder", "fingerprint")
	return cmd
}

func (o *probeOptions) run(ctx context.Context, p *process, args []string) error {
	if len(args) == 0 {
		return usage("rtsprec probe rtsp://HOST/PATH", "no camera was given")
	}
	if o.quick && o.soak.d > 0 {
		return usage("leave one of them out", "--quick plays nothing, --soak watches what is played")
	}
	if o.quick && o.snapshot != "" {
		return usage("leave one of them out", "--quick plays nothing, --snapshot needs a picture")
	}
	cameras, err := o.resolveInputs(ctx, p, args)
	if err != nil {
		return err
	}
	observe, done := o.watch(ctx, p, len(cameras))
	reports, err := p.Engine.Probe(ctx, p.deps(observe), engine.ProbeOptions{
		Cameras: cameras, Max: o.max.d, Soak: o.soak.d, Quick: o.quick,
		Snapshot: o.snapshot, Overwrite: o.overwrite,
	})
	done()
	p.probed(reports)
	if errors.Is(err, fs.ErrExist) {
		return hinted{err, "-y replaces it"}
	}
	return err
}

// watch tells what goes on until done is called: events to scripts and to those who
// look for a fault, and to a person only what is waited for.
func (o *probeOptions) watch(ctx context.Context, p *process, cameras int) (observe func(engine.Event), done func()) {
	if p.json || p.debug {
		d, done := p.show(ctx)
		return d.observe, done
	}
	return nil, p.waiting(o.waitText(cameras), o.soak.d)
}

func (o *probeOptions) waitText(cameras int) string {
	switch {
	case o.quick:
		return "asking " + count(cameras, "camera")
	case o.soak.d > 0:
		return "watching " + count(cameras, "camera")
	}
	return fmt.Sprintf("watching %s, for %s at most", count(cameras, "camera"), spanText(o.max.d))
}

// waiting tells a person at a terminal what is being waited for, with a bar when the
// whole is known. finish takes it off the screen.
func (p *process) waiting(text string, whole time.Duration) (finish func()) {
	if _, _, terminal := p.Screen(); !terminal || p.quiet {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	start := p.Clock.Now()
	go func() {
		defer close(done)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			line := text + " ..."
			if whole > 0 {
				passed := min(p.Clock.Now().Sub(start), whole)
				line = fmt.Sprintf("%s  %s %s %s", text, clockSpan(passed), bar(passed, whole, 30), clockSpan(whole))
			}
			fmt.Fprint(p.Err, "\r"+line)
			select {
			case <-quit:
				fmt.Fprint(p.Err, "\r\x1b[K")
				return
			case <-tick.C:
			}
		}
	}()
	return func() { close(quit); <-done }
}

// probed prints the reports, on standard output.
func (p *process) probed(reports []*engine.ProbeReport) {
	if p.json {
		for _, r := range reports {
			if r != nil {
				p.line("probe", r)
			}
		}
		return
	}
	width, _, terminal := p.Screen()
	if !terminal {
		width = 100
	}
	fmt.Fprint(p.Out, probeText(reports, width))
}
