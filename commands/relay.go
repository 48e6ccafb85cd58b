package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rtsprec/engine"
	"rtsprec/engine/fault"
	"rtsprec/engine/rtsp"
)

// relayOptions is what was typed.
type relayOptions struct {
	connection
	input     []string
	subs      []string
	onvif     onvifFlags
	targets   []string
	out       rtsp.Transport
	outPin    string
	outUnsafe bool
	length    span
	until     moment
	spool     string
	spoolSize size
	pace      float64
	queue     size
	record    string
	keep      keepFlags
	grace     span
	latency   span
	metrics   string
	adapt     adaptFlags
	coding    codingFlags
}

func newRelay(p *process) *cobra.Command {
	o := relayOptions{
		length: span{min: more}, spoolSize: size{n: engine.DefaultSpoolSize}, queue: size{n: engine.DefaultRelayQueue}, grace: graceSpan(), latency: latencySpan(),
		coding: codingFlags{preset: livePreset},
	}
	cmd := &cobra.Command{
		Use:   "relay [flags] -i URL -o URL ...",
		Short: "Push a stream to other RTSP servers",
		Long: `Push a stream to any number of RTSP servers (publish). Each target has a queue
of its own: one that is slow, full or away holds up neither the others nor the
recording beside it, and is tried again until it is back.

Nothing is re-encoded but what a target refuses (--video and --audio auto): then
its sound becomes AAC, its pictures H.264, for that target, and that is said.
--video, --audio, --size, --fps and --preset ask for it from the beginning. The
recording and the spool keep what comes.

Without --spool a target that is away misses what its queue has no room for, to
the next key frame. With --spool the stream is kept on the disk until every
target has it, and sent in order, with its true capture times, however long a
target, the link or rtsprec itself was away; what is left at the end is sent by
the next relay with that spool. Everything then goes over the disk, which adds
about a quarter of a second.

With --adapt pictures that a target's link is too weak for are re-encoded, at a
lower rate and then smaller, and sent as they are again once that fits; sound
and the recording beside it stay what they are. With --latency alone pictures
that have waited for longer are left out, up to the next key frame.

A camera with a smaller stream (--sub, or sub_url of a known camera) is relayed
from that one while the way from it is too narrow for the main stream; targets
keep their session where the codecs are the same.

` + onvifHelp + `
After a link that was cut sending goes on with the last key frame before which
everything has arrived: nothing is lost, and at most one group of pictures
comes twice. "rtsprec serve" gets half a minute more and drops what it has, so
that there nothing is lost or doubled even when it was killed.`,
		Example: `  rtsprec relay -i rtsp://cam/live -o rtsp://platform/live/yard
  rtsprec relay -i rtsp://cam/live -o rtsp://a/x -o rtsp://b/y --record yard
  rtsprec relay -i yard -o rtsp://far:8554/yard --spool /var/spool/yard \
      --spool-size 50GB --pace 8
  rtsprec relay -i yard -o rtsp://far:8554/yard --adapt --report way.html
  rtsprec relay -i yard -o rtsp://far:8554/yard --latency 300ms --metrics :9464
  rtsprec relay -i rtsp://cam/live -o rtsp://a/x --size 720p --audio aac`,
		ValidArgsFunction: cobra.NoFileCompletions,
		Args:              noArguments,
		RunE:              func(cmd *cobra.Command, _ []string) error { return o.run(cmd, p) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringArrayVarP(&o.input, "input", "i", nil, "camera: `[NAME=]URL`, or one known by name")
	flags.StringArrayVarP(&o.targets, "output", "o", nil, "where to publish: `[NAME=]URL`; may be repeated")
	flags.VarP(&o.length, "time", "t", "how long to relay, from the first picture on")
	flags.Var(&o.until, "until", "when to stop: 10:45 (local time) or RFC 3339")
	addSubs(cmd, &o.subs)
	o.onvif.bind(cmd)
	o.addFlags(cmd)
	o.out = rtsp.TCP
	enumFlag(cmd, &o.out, []rtsp.Transport{rtsp.TCP, rtsp.UDP}, "out-transport", "how media travels to the targets")
	flags.BoolVar(&o.outUnsafe, "out-insecure", false, "rtsps targets: accept any certificate")
	flags.StringVar(&o.outPin, "out-fingerprint", "", "rtsps targets: accept only this certificate (SHA-256, `hex`)")
	flags.Var(&o.queue, "queue", "how much may wait for a target without a spool")
	flags.StringVar(&o.spool, "spool", "", "keep on the disk, in this `directory`, what targets do not have")
	flags.Var(&o.spoolSize, "spool-size", "most that the spool may grow to; then the oldest goes")
	flags.Float64Var(&o.pace, "pace", engine.DefaultPace, "`times` real time at which a backlog is sent; 0: no limit")
	flags.StringVar(&o.record, "record", "", "record it beside that, into this `directory`")
	o.keep.bind(cmd)
	addGrace(cmd, &o.grace)
	noFileCompletion(cmd, "input", "output", "time", "until", "reorder", "fingerprint", "out-fingerprint", "queue", "spool-size", "pace")
	flags.Var(&o.latency, "latency", "how long a picture may wait to be sent; without --adapt and without this: as long as there is room")
	flags.StringVar(&o.metrics, "metrics", "", "serve /metrics (Prometheus) and /healthz over HTTP at this `[HOST]:PORT`")
	noFileCompletion(cmd, "latency", "metrics")
	o.adapt.bind(cmd, p)
	o.coding.addVideo(cmd, engine.Auto)
	o.coding.addAudio(cmd, engine.Auto)
	o.coding.addCoding(cmd, p)
	_ = cmd.MarkFlagDirname("spool")
	_ = cmd.MarkFlagDirname("record")
	return cmd
}

func (o *relayOptions) run(cmd *cobra.Command, p *process) error {
	ctx := cmd.Context()
	options, err := o.options(ctx, p)
	if err != nil {
		return err
	}
	if options.Adapt, err = o.adapt.options(cmd, p, o.coding.device); err != nil {
		return err
	}
	options.Adapt.Latency = o.latency.d
	if cmd.Flags().Changed("latency") {
		options.Latency = o.latency.d
	}
	if o.spool != "" && options.Latency > 0 {
		return usage("one of the two", "--spool sends everything, however late; --latency sends nothing late")
	}
	if options.Transcode, err = o.coding.options(p); err != nil {
		return err
	}
	p.spare(2 + len(options.Targets))
	d, done := p.show(ctx)
	summary, err := p.Engine.Relay(ctx, p.deps(d.observe), options)
	done()
	if summary != nil {
		p.sayRelayed(summary)
		err = errors.Join(err, o.adapt.write(p, "relay of "+summary.Input, summary.Targets))
	}
	return err
}

// options checks what was typed. It creates nothing and asks nobody.
func (o *relayOptions) options(ctx context.Context, p *process) (engine.RelayOptions, error) {
	none := engine.RelayOptions{}
	const example = "rtsprec relay -i rtsp://CAMERA/PATH -o rtsp://SERVER/PATH"
	switch {
	case len(o.input) == 0:
		return none, usage(example, "no camera was given")
	case len(o.input) > 1:
		return none, usage("a relay for each: "+example, "%d cameras were given", len(o.input))
	case len(o.targets) == 0:
		return none, usage(example, "nowhere to send it was given")
	case o.pace < 0 || o.pace > 0 && o.pace < 1:
		return none, usage("--pace 4", "--pace: at %g times real time a backlog would never end", o.pace)
	case o.spool != "" && o.adapt.adapt:
		return none, usage("one of the two", "--spool sends everything, later; --adapt sends less, in time")
	case o.spool != "" && o.spool == o.record:
		return none, usage("--spool spool-"+o.record, "--spool and --record are the same directory")
	}
	if o.metrics != "" {
		if err := checkAddress(o.metrics); err != nil {
			return none, usage("--metrics localhost:9464", "%v", err)
		}
	}
	cameras, err := o.resolveInputs(ctx, p, o.input)
	if err == nil {
		err = addSubStreams(p, cameras, o.subs)
	}
	if err == nil {
		err = o.onvif.apply(cameras)
	}
	if err != nil {
		return none, err
	}
	targets, err := o.parseTargets()
	if err != nil {
		return none, err
	}
	w, err := planWindow(p.Clock.Wall().In(p.Zone), instant{}, o.until.instant, o.length.d)
	if err != nil {
		return none, err
	}
	return engine.RelayOptions{
		Input: cameras[0], Targets: targets, Length: w.length, Until: w.until, Queue: o.queue.n, Grace: o.grace.d, Metrics: o.metrics,
		Spool:  engine.RelaySpool{Dir: o.spool, Size: o.spoolSize.n, Pace: o.pace},
		Record: engine.RecordInto{Dir: o.record, Keep: o.keep.keep()},
	}, nil
}

// parseTargets reads what was typed after -o. A target without a name is called by its
// address.
func (o *relayOptions) parseTargets() ([]engine.RelayTarget, error) {
	pin, err := parseFingerprint(o.outPin)
	if err != nil {
		return nil, err
	}
	var list []engine.RelayTarget
	seen := map[string]bool{}
	for _, text := range o.targets {
		name, address, err := parseInput(text)
		if err != nil {
			return nil, err
		}
		if name == "" {
			_, name, _ = strings.Cut(address, "://")
			if at := strings.LastIndexByte(name, '@'); at >= 0 {
				name = name[at+1:]
			}
		}
		if seen[name] {
			return nil, usage("-o a=rtsp://... -o b=rtsp://...", "%s is given twice", fault.URL(name))
		}
		seen[name] = true
		list = append(list, engine.RelayTarget{Name: name, URL: address, Transport: o.out, Insecure: o.outUnsafe, Fingerprint: pin})
	}
	return list, nil
}

// sayRelayed prints what became of it, on standard output.
func (p *process) sayRelayed(s *engine.RelaySummary) {
	if p.json {
		p.line("relay_summary", s)
		return
	}
	fmt.Fprintf(p.Out, "%s: %s received\n", s.Input, count(int(s.Units), "unit"))
	fmt.Fprint(p.Out, targetTable(s.Targets))
}

// targetTable is a line for each server that was sent to.
func targetTable(list []engine.RelayTargetSummary) string {
	t := table{{"  target", "units", "sent", "sessions", "missed", "left"}}
	for _, l := range list {
		left := "-"
		if l.Left > 0 {
			left = spanText(time.Duration(l.Left * float64(time.Second)))
		}
		t = append(t, []string{"  " + l.Name, fmt.Sprint(l.Units), bytesText(int64(l.Bytes)), fmt.Sprint(l.Sessions), fmt.Sprint(l.Dropped), left})
	}
	return t.text("lrrrrr")
}
