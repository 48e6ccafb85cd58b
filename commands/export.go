package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
)

// exportOptions is what export's flags hold.
type exportOptions struct {
	engine.ExportOptions
	ss, to position
	length span
	sheet  span   // between the pictures of a contact sheet; zero: media is exported
	strip  string // file of a picture of the timeline; empty: media is exported
	coding codingFlags
	sound  soundFlag
}

func newExport(p *process) *cobra.Command {
	o := exportOptions{length: span{min: more}, sheet: span{min: time.Second / 10}}
	o.Gaps = archive.GapsKeep
	cmd := &cobra.Command{
		Use:   "export [flags] DIR -o FILE",
		Short: "Write a recording, or part of it, as plain MP4 or MPEG-TS",
		Long: `Write a recording, or a part of it, as one ordinary MP4 a camera: across
segments, gaps and changes of parameters, with the header at the beginning. The
recording is only read, and may still be written.

Pictures and sound are copied, but for what players do not play there: sound of
telephony, as G.711, becomes AAC, and so do codings that MPEG-TS has no way to
carry. --video and --audio say otherwise, --size, --fps and --preset re-encode
the pictures. --exact begins and ends with the very picture: the groups of
pictures at the edges are re-encoded, all others copied byte for byte.

--ss and --to (or -ss and -to) take a wall clock, 2026-11-22T09:00:00Z or 09:00
(local time), or an offset from the beginning of the recording: 90, 1h30m,
+01:30:00. Copied, a file holds the media from the key frame at or before --ss
on, as with ffmpeg -c copy; players begin at --ss itself, and so does the sound:
files of several cameras, played together from their beginnings, are in sync.
MPEG-TS cannot hide pictures: there a file begins at the key frame.

--gaps says what becomes of time without media: keep lets time run on while the
last picture stands, close cuts it out, mark keeps it and names each gap in a
chapter. Where media is missing the exit code is 3, and the gaps are listed.
Where a picture changes to another codec the file ends, which is said.

Where a camera's sub-stream was recorded because the way was too narrow, and its
main stream was got afterwards (--backfill), the file has the main stream, and
that is said. --as-recorded leaves it out.

Where FILE is a .jpg or .png it is the one picture at --ss. --sheet makes it a
contact sheet: a picture of each camera for each 5m, or whatever is said, with
the time of its capture; red where there is none. --strip draws the timeline: a
row a camera, what is missing in colours, and why.`,
		Example: `  rtsprec export math-101 -o math-101.mp4
  rtsprec export math-101 -ss 09:12:31 --camera teacher -o board.png
  rtsprec export math-101 --sheet 5m -o math-101.jpg
  rtsprec export math-101 --strip timeline.png
  rtsprec export math-101 -ss 09:00 -to 09:45 --camera teacher -o lesson.mp4
  rtsprec export math-101 -ss 10m -t 90 -o 'clips/{camera}.mp4'
  rtsprec export math-101 --camera teacher --audio microphone -o lesson.mp4
  rtsprec export math-101 -ss 09:12:31.4 -t 20 --exact -o answer.mp4
  rtsprec export math-101 --size 720p --video h264 -o '{camera}.mp4'
  rtsprec export math-101 --camera teacher --format ts -o - | ffplay -`,
		ValidArgsFunction: directories(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(cmd.CommandPath()+" DIR -o FILE", "export takes one directory, and got %d", len(args))
			}
			o.Dir = args[0]
			switch {
			case o.strip != "":
				return runStrip(cmd, p, &o)
			case o.sheet.d > 0:
				return runSheet(cmd, p, &o)
			case engine.IsPicture(o.Output):
				return runPictures(cmd, p, &o)
			}
			return runExport(cmd.Context(), p, &o)
		},
	}
	flags := cmd.Flags()
	flags.Var(&o.ss, "ss", "begin there: 09:00 (local time), 2026-11-22T09:00:00Z, or 90 and 1h30m from the beginning")
	flags.Var(&o.to, "to", "end there, in the same forms")
	flags.VarP(&o.length, "time", "t", "end after that: 90, 45m, 01:30:00")
	flags.StringArrayVar(&o.Cameras, "camera", nil, "only this camera; may be given again")
	o.coding.addVideo(cmd, engine.Auto)
	o.sound = soundFlag{coding: &o.coding.audio, camera: &o.Audio}
	o.coding.audio = engine.Auto
	o.sound.add(cmd)
	o.coding.addCoding(cmd, p)
	flags.BoolVar(&o.AsRecorded, "as-recorded", false, "the sub-stream where it was recorded, also where the main one was got afterwards")
	flags.BoolVar(&o.Exact, "exact", false, "cut to the picture: re-encode the groups of pictures at the edges")
	enumFlag(cmd, &o.Gaps, archive.GapModes, "gaps", "what becomes of time without media")
	enumFlag(cmd, &o.Container, engine.Containers, "format", "container, where the file's name does not say it")
	flags.StringVarP(&o.Output, "output", "o", "", "file, in which {camera} and {recording} are replaced; directory; - for standard output")
	flags.Var(&o.sheet, "sheet", "write a contact sheet, .jpg or .png: a picture each 5m")
	flags.StringVar(&o.strip, "strip", "", "draw the timeline as this `FILE`.png, and export nothing")
	flags.BoolVarP(&o.Overwrite, "overwrite", "y", false, "replace a file that is there")
	return cmd
}

func runExport(ctx context.Context, p *process, o *exportOptions) error {
	if err := p.checkExport(o); err != nil {
		return err
	}
	coding, err := o.coding.options(p)
	if err != nil {
		return err
	}
	o.Transcode, o.Scratch = coding, p.tempDir()
	o.Stdout = p.raw
	o.Range = func(w archive.Window) (time.Time, time.Time, error) { return p.exportRange(o, w) }
	progress, done := p.bytesProgress("exported")
	o.Progress = progress
	report, err := p.Engine.Export(ctx, p.deps(p.exportNotice), o.ExportOptions)
	done()
	if report != nil {
		p.tellExport(o, report)
	}
	switch {
	case report != nil && fault.Is(err, fault.Incomplete):
		return hinted{err, ""} // the files' lines have said it
	case err == nil:
		return nil
	}
	if none, ok := errors.AsType[*archive.NoMedia](err); ok {
		show := func(t time.Time) string { return p.dayTime(t) }
		return hinted{fault.New(fault.Incomplete, "%s", none.Text(show)), "rtsprec ls " + quoted(o.Dir) + " says from when to when it was recorded"}
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return hinted{err, "-y replaces it"}
	case fault.Is(err, fault.NotFound):
		return usage("rtsprec ls "+quoted(o.Dir), "%v", err)
	}
	return aboutDir(err, o.Dir)
}

// checkExport refuses what can be refused without looking into the recording.
func (p *process) checkExport(o *exportOptions) error {
	help := "rtsprec export -h"
	switch {
	case o.Output == "":
		return usage("rtsprec export "+quoted(o.Dir)+" -o FILE.mp4", "say where to: -o FILE, or - for standard output")
	case o.Output == "-" && p.json:
		return usage(help, "-o - and --json both write to standard output")
	case o.to.given() && o.length.d > 0:
		return usage(help, "-t and --to both say where to end")
	}
	return p.checkDir(o.Dir)
}

// exportNotice tells what a person should know before the files.
func (p *process) exportNotice(e engine.Event) {
	switch {
	case p.json:
		jsonView{p}.event(p.Clock.Wall(), e)
	case !p.quiet || e.Serious():
		fmt.Fprintln(p.Err, oneLine(e.Text(p.Zone)))
	}
}

// exportRange turns what was typed into times, and says how a time of day was taken.
func (p *process) exportRange(o *exportOptions, w archive.Window) (from, to time.Time, err error) {
	if o.ss.given() {
		from = p.said("--ss", o.ss, o.ss.in(w, time.Time{}, p.Zone))
	}
	begin := from
	if begin.IsZero() {
		begin = w.From
	}
	switch {
	case o.length.d > 0:
		to = begin.Add(o.length.d)
	case o.to.given():
		to = p.said("--to", o.to, o.to.in(w, begin, p.Zone))
	}
	if !to.IsZero() && !begin.Before(to) {
		return from, to, usage("rtsprec ls "+quoted(o.Dir), "the range ends at %s, before it begins at %s", p.dayTime(to), p.dayTime(begin))
	}
	return from, to, nil
}

func (p *process) said(flag string, what position, at time.Time) time.Time {
	if what.local() && !p.quiet && !p.json {
		fmt.Fprintf(p.Err, "%s %s is local time: %s\n", flag, what.text, at.In(p.Zone).Format(time.RFC3339))
	}
	return at
}

// tellExport prints a line a file, then what is missing from it. With -o - standard output
// is taken.
func (p *process) tellExport(o *exportOptions, r *engine.ExportReport) {
	if p.json {
		p.line("export", r)
		return
	}
	out := p.Out
	if o.Output == "-" {
		if out = p.Err; p.quiet {
			out = io.Discard
		}
	}
	for _, f := range r.Files {
		fmt.Fprintf(out, "%s: %s, %s, %s, %s, %s\n", f.File, f.Camera, p.fromTo(f.Start, f.End),
			spanText(time.Duration(f.Length*float64(time.Second))), strings.Join(f.Tracks, " + "), bytesText(f.Bytes))
		for _, line := range p.details(f.Camera, f.Gaps, nil) {
			fmt.Fprintln(out, line)
		}
		for _, note := range f.Notes {
			fmt.Fprintln(out, "  "+oneLine(note))
		}
	}
}

// A position is a place in a recording: a moment, a time of day there, or an offset from
// its beginning.
type position struct {
	instant
	offset   time.Duration
	isOffset bool
}

// Type implements pflag.Value. The word stands in help texts.
func (*position) Type() string { return "time" }

// Set implements pflag.Value. Seconds, durations and whatever has a plus are offsets;
// with colons it is a clock.
func (s *position) Set(text string) error {
	word := strings.TrimSpace(text)
	offset, isOffset := strings.CutPrefix(word, "+")
	if isOffset || !strings.Contains(word, ":") {
		d, err := parseSpan(offset)
		if err != nil || d < 0 {
			return fmt.Errorf("%q is no place in a recording: say 09:00 (local time), 2026-11-22T09:00:00Z, or 90, 1h30m, +01:30:00 from its beginning", text)
		}
		*s = position{instant: instant{text: word}, offset: d, isOffset: true}
		return nil
	}
	at, err := parseInstant(word)
	*s = position{instant: at}
	return err
}

// local reports whether it is a time of day.
func (s *position) local() bool { return s.given() && !s.isOffset && s.at.IsZero() }

// in returns the moment in a recording about w. A time of day is the first after a moment;
// without one the first in the window, or else on its first day.
func (s *position) in(w archive.Window, after time.Time, zone *time.Location) time.Time {
	switch {
	case s.isOffset:
		return w.From.Add(s.offset)
	case !s.local():
		return s.at
	case !after.IsZero():
		return s.after(after.In(zone))
	}
	first := w.From.In(zone)
	if at := s.onDay(first, 0); !at.Before(w.From) || s.onDay(first, 1).After(w.To) {
		return at
	}
	return s.onDay(first, 1)
}

// ffmpegForm makes ffmpeg's words of two letters, which would be read as words of one, into
// our long ones, for the commands that have them.
func ffmpegForm(args []string) []string {
	words := map[string]bool{"export": true, "compose": true}
	known := false
	out := make([]string, len(args))
	for i, arg := range args {
		out[i] = arg
		if arg == "--" {
			copy(out[i:], args[i:])
			break
		}
		known = known || words[arg]
		name, _, _ := strings.Cut(arg, "=")
		if known && (name == "-ss" || name == "-to") {
			out[i] = "-" + arg
		}
	}
	return out
}
