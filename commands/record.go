package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"rtsprec/engine"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/vfs"
)

// recordOptions is what was typed.
type recordOptions struct {
	connection
	inputs    []string
	subs      []string
	dir       string
	length    span
	at, until moment
	segment   span
	commit    span
	fragment  span
	grace     span
	keep      keepFlags
	onvif     onvifFlags
	backfill  backfillFlags
	coding    codingFlags
}

func newRecord(p *process) *cobra.Command {
	o := recordOptions{
		length:   span{min: more},
		segment:  span{d: engine.DefaultSegment, min: time.Second, max: 24 * time.Hour},
		commit:   span{d: engine.DefaultCommit, min: 100 * time.Millisecond, max: time.Minute},
		fragment: span{d: engine.DefaultFragment, min: 20 * time.Millisecond, max: 10 * time.Second},
		grace:    graceSpan(),
	}
	cmd := &cobra.Command{
		Use:   "record [flags] -i [NAME=]URL|NAME ...",
		Short: "Record one or many cameras together",
		Long: `Record one or many cameras together into a new directory: plain MP4 files, cut
at the same instants for all cameras, and nothing re-encoded unless --video,
--audio, --size, --fps or --preset ask for it. A camera that is off is waited
for, one that drops out is taken up again, and what is missing is listed with
its cause. Ctrl-C ends the recording in order; a second one ends rtsprec at
once, and "rtsprec resume" repairs what that leaves.

Where re-encoding is slower than pictures come, some are left out before they
are encoded: that is said, and counted as damage. Sound and what is copied lose
nothing by it.

A camera with a smaller stream (--sub, or sub_url of a known camera) is recorded
from that one while the way from it is too narrow for the main stream, or the
main stream is refused, and from the main stream again once the way has been
seen to take it; nothing is missing between them. "rtsprec verify" tells when.

` + onvifHelp + `
Times are seconds, HH:MM:SS or 45m; times of day are local time. Without -t and
--until it records until stopped. User and password may stand in the URL or in
RTSPREC_USER and RTSPREC_PASSWORD. Cameras that "rtsprec cameras" knows are
called by their names.`,
		Example: `  rtsprec record -i rtsp://192.168.1.10/live -t 45m
  rtsprec record -i teacher=rtsp://cam1/live -i students=rtsp://cam2/live \
      --at 09:00 --until 09:45 -o math-101
  rtsprec record -i rtsps://cam/live --fingerprint 12:AB:... --transport tcp
  rtsprec record -i rtsp://cam/live --backfill rtsp://near-cam/cam
  rtsprec record -i rtsp://cam/live --sub rtsp://cam/small -t 45m
  rtsprec record -i rtsp://cam/live --onvif-bitrate 800 -t 45m
  rtsprec record teacher student -t 45m
  rtsprec record -i rtsp://cam/live --size 720p --fps 15 --audio aac
  rtsprec record rtsp://cam/live -t 60 --json | jq 'select(.type == "gap")'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.inputs = append(o.inputs, args...)
			return o.run(cmd.Context(), p)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringArrayVarP(&o.inputs, "input", "i", nil, "camera: `[NAME=]URL` or a known name; NAME becomes its folder; may be repeated")
	flags.VarP(&o.length, "time", "t", "how long to record, from --at or the first picture on")
	flags.Var(&o.until, "until", "when to stop: 10:45 (local time) or RFC 3339")
	flags.Var(&o.at, "at", "when to begin: 09:00 (local time) or RFC 3339")
	flags.StringVarP(&o.dir, "output", "o", "", "new `directory`; default: named by the UTC start time")
	o.addFlags(cmd)
	cmd.ValidArgsFunction = o.completeCameras(p)
	addSubs(cmd, &o.subs)
	o.onvif.bind(cmd)
	flags.Var(&o.segment, "segment", "length of the files, counted from the full UTC hour")
	flags.Var(&o.commit, "commit", "how often the disk is made to keep what it has")
	flags.Var(&o.fragment, "fragment", "how much media is collected for one write")
	o.keep.bind(cmd)
	o.backfill.bind(cmd)
	o.coding.addVideo(cmd, engine.Copy)
	o.coding.addAudio(cmd, engine.Copy)
	o.coding.addCoding(cmd, p)
	addGrace(cmd, &o.grace)
	_ = cmd.RegisterFlagCompletionFunc("input", o.completeCameras(p)) // fails for unknown flags only
	noFileCompletion(cmd, "time", "until", "at", "segment", "commit", "fragment", "reorder", "fingerprint")
	_ = cmd.MarkFlagDirname("output")
	return cmd
}

func addSubs(cmd *cobra.Command, to *[]string) {
	cmd.Flags().StringArrayVar(to, "sub", nil, "a camera's smaller stream, taken while the main one is refused or the way is too narrow for it: `[NAME=]URL`; may be repeated")
	noFileCompletion(cmd, "sub")
}

func graceSpan() span {
	return span{d: engine.DefaultGrace, min: time.Second, max: 10 * time.Minute}
}

func addGrace(cmd *cobra.Command, grace *span) {
	cmd.Flags().Var(grace, "grace", "how long an orderly stop may take to write the rest")
	noFileCompletion(cmd, "grace")
}

// noFileCompletion keeps file names out of the completion of flags that take none.
func noFileCompletion(cmd *cobra.Command, flags ...string) {
	for _, f := range flags {
		_ = cmd.RegisterFlagCompletionFunc(f, cobra.NoFileCompletions) // fails for unknown flags only
	}
}

func (o *recordOptions) run(ctx context.Context, p *process) error {
	options, err := o.options(ctx, p)
	if err != nil {
		return err
	}
	if options.Dir == "" {
		options.Dir, err = p.newDir(options.At)
	} else {
		err = p.checkNewDir(options.Dir)
	}
	if err != nil {
		return err
	}
	if copies(options.Transcode) {
		p.spare(len(options.Cameras))
	}
	d, done := p.show(ctx)
	summary, err := p.Engine.Record(ctx, p.deps(d.observe), options)
	done()
	p.summaries("summary", summary)
	return aboutDir(err, options.Dir)
}

// options checks what was typed. It creates nothing and asks nobody.
func (o *recordOptions) options(ctx context.Context, p *process) (engine.RecordOptions, error) {
	none := engine.RecordOptions{}
	if len(o.inputs) == 0 {
		return none, usage("rtsprec record -i rtsp://HOST/PATH", "no camera was given")
	}
	cameras, err := o.resolveInputs(ctx, p, o.inputs)
	if err == nil {
		err = addSubStreams(p, cameras, o.subs)
	}
	if err == nil {
		err = o.onvif.apply(cameras)
	}
	if err != nil {
		return none, err
	}
	w, err := planWindow(p.Clock.Wall().In(p.Zone), o.at.instant, o.until.instant, o.length.d)
	if err != nil {
		return none, err
	}
	sources, err := o.backfill.sources(p)
	if err != nil {
		return none, err
	}
	coding, err := o.coding.options(p)
	if err != nil {
		return none, err
	}
	return engine.RecordOptions{
		Transcode: coding, Dir: o.dir, Cameras: cameras, At: w.at, Until: w.until, Length: w.length,
		Segment: o.segment.d, Commit: o.commit.d, Fragment: o.fragment.d, Grace: o.grace.d, Keep: o.keep.keep(),
		Backfill: sources, BackfillRate: o.backfill.rate.n,
	}, nil
}

// newDir makes the directory of a recording that got none: named by when it begins, in
// UTC. Of two that begin in the same second, the second gets a number.
func (p *process) newDir(at time.Time) (string, error) {
	if at.IsZero() {
		at = p.Clock.Wall()
	}
	base := at.UTC().Format("2006-01-02T150405Z")
	for n, name := 2, base; ; n++ {
		err := p.FS.Mkdir(name, 0o755)
		if !errors.Is(err, fs.ErrExist) || n > 1000 {
			return name, aboutDir(vfs.Fault("begin a recording here", err), ".")
		}
		name = fmt.Sprintf("%s-%d", base, n)
	}
}

// checkNewDir refuses a directory in which no recording can begin, and says what to do
// with it. What is only a name yet is fine.
func (p *process) checkNewDir(dir string) error {
	info, err := p.FS.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return aboutDir(vfs.Fault("", err), dir)
	case !info.IsDir():
		return usage("-o NEW-DIRECTORY", "%s is a file, not a directory", dir)
	}
	entries, err := p.FS.ReadDir(dir)
	if err != nil {
		return aboutDir(vfs.Fault("", err), dir)
	}
	if len(entries) == 0 {
		return nil
	}
	if _, err := p.FS.Stat(filepath.Join(dir, journal.PlanName)); err != nil {
		return usage("-o NEW-DIRECTORY, or leave -o out", "%s is not empty and not a recording", dir)
	}
	if p.locked(dir) {
		return hinted{fault.New(fault.Busy, "%s is being recorded by another rtsprec", dir), "-o NEW-DIRECTORY, or leave -o out"}
	}
	return usage("rtsprec resume "+quoted(dir)+" goes on to its planned end; for another one: -o NEW-DIRECTORY", "%s is a recording already", dir)
}

// locked reports whether somebody writes the recording.
func (p *process) locked(dir string) bool {
	name := filepath.Join(dir, "lock")
	if _, err := p.FS.Stat(name); err != nil {
		return false // and does not create it
	}
	lock, err := p.FS.Lock(name)
	if err != nil {
		return fault.Is(err, fault.Busy)
	}
	lock.Close()
	return false
}
