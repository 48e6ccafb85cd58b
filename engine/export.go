package engine

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// Container is the form of an exported file.
type Container string

// The containers.
const (
	MP4 Container = "mp4"
	TS  Container = "ts"
)

// Containers lists them, the default first.
var Containers = []Container{MP4, TS}

// ContainerOf tells the container from a file's name; "" when that says nothing.
func ContainerOf(name string) Container {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".mp4", ".m4v", ".mov":
		return MP4
	case ".ts", ".m2ts", ".mts":
		return TS
	}
	return ""
}

// ExportOptions says what [Export] writes where.
type ExportOptions struct {
	Dir     string
	Cameras []string // none: all
	// Range says from when to when, given what the recording is about; zero times are its
	// ends. nil: all of it.
	Range     func(w archive.Window) (from, to time.Time, err error)
	Audio     string // the camera whose sound goes beside every picture; empty: its own
	Gaps      archive.GapMode
	Output    string    // a file, in which {camera} and {recording} are replaced; a directory; "-": Stdout
	Stdout    io.Writer // for "-"
	Container Container // empty: as the name says
	Overwrite bool
	// AsRecorded exports the sub-stream also where the main stream is kept beside it.
	AsRecorded bool
	Transcode  TranscodeOptions // what is not copied; Accept is Export's own
	// Exact cuts to the picture: where the range begins within a group of pictures, and where
	// it ends in one whose order allows no cut, that group is encoded anew. All others are
	// copied.
	Exact    bool
	Scratch  string                  // a directory for what is encoded on its way to Stdout; empty: the working one
	Progress func(done, total int64) // bytes; may be nil
}

// ExportReport is what was written.
type ExportReport struct {
	Dir   string         `json:"dir"`
	From  time.Time      `json:"from,omitzero"` // as asked for
	To    time.Time      `json:"to,omitzero"`
	Files []ExportedFile `json:"files"`
}

// ExportedFile is one camera's file.
type ExportedFile struct {
	Camera string        `json:"camera"`
	File   string        `json:"file"` // "-": standard output
	Bytes  int64         `json:"bytes"`
	Start  time.Time     `json:"start"` // capture time of its time 0
	End    time.Time     `json:"end"`
	Length float64       `json:"length_s"`
	Tracks []string      `json:"tracks"`
	Gaps   []archive.Gap `json:"gaps,omitempty"`
	Notes  []string      `json:"notes,omitempty"`
}

// Export writes one plain file a camera. It only reads the recording, which may still be
// written. A file appears under its name when it is complete. The error is a
// fault.Incomplete beside the report where media is missing in the range.
func Export(ctx context.Context, d Deps, o ExportOptions) (*ExportReport, error) {
	if err := o.check(d.Coder); err != nil {
		return nil, err
	}
	x := &export{Deps: d, ExportOptions: o}
	if err := x.load(); err != nil {
		return nil, err
	}
	defer x.close()
	if err := x.assemble(ctx); err != nil {
		return nil, err
	}
	report := &ExportReport{Dir: o.Dir, From: x.from, To: x.to}
	missing := 0
	for _, item := range x.items {
		file, err := x.write(ctx, item)
		if err != nil {
			return report, err
		}
		missing += len(file.Gaps)
		report.Files = append(report.Files, file)
	}
	if missing > 0 {
		return report, fault.New(fault.Incomplete, "export %s: media is missing", o.Dir)
	}
	return report, nil
}

// check refuses what cannot be.
func (o ExportOptions) check(coder media.Coder) error {
	if err := o.Transcode.check(coder); err != nil {
		return err
	}
	if o.Exact && coder == nil {
		return fault.Because("cut exactly", errNoCodecs)
	}
	return nil
}

// export is one run of Export.
type export struct {
	Deps
	ExportOptions
	rec         *archive.Recording
	from, to    time.Time
	items       []*exportItem
	done, total int64
}

type exportItem struct {
	clip      *archive.Clip
	camera    string
	name      string
	container Container
}

func (x *export) close() {
	for _, i := range x.items {
		i.clip.Close()
	}
}

// load reads as much of the catalogue as the range needs.
func (x *export) load() error {
	summary, err := archive.Summarize(x.FS, x.Dir)
	if err != nil {
		return err
	}
	if x.Range != nil {
		if x.from, x.to, err = x.Range(summary.Window); err != nil {
			return err
		}
	}
	if x.from.IsZero() || x.to.IsZero() {
		x.rec, err = archive.Load(x.FS, x.Dir)
	} else {
		x.rec, err = archive.LoadBetween(x.FS, x.Dir, x.from, x.to)
	}
	return err
}

// assemble decides about names and puts every file together, before any is written.
func (x *export) assemble(ctx context.Context) error {
	cameras, err := x.cameras()
	if err != nil {
		return err
	}
	names, err := x.names(cameras)
	if err != nil {
		return err
	}
	from := x.from
	if from.IsZero() && len(cameras) > 1 { // all files begin at the same time
		from = x.begin(cameras)
	}
	var none error
	for i, camera := range cameras {
		clip, err := x.clip(ctx, camera, archive.ClipOptions{From: from, To: x.to, Audio: x.Audio, Gaps: x.Gaps, AsRecorded: x.AsRecorded})
		if fault.Is(err, fault.NotFound) && len(cameras) > 1 {
			x.observe(Notice{Camera: camera, Message: err.Error()})
			none = err
			continue
		}
		if err != nil {
			return err
		}
		x.items = append(x.items, &exportItem{clip: clip, camera: camera, name: names[i], container: x.container(names[i])})
		x.total += clip.Size()
	}
	if len(x.items) == 0 {
		return none
	}
	return nil
}

// clip assembles one camera. What is said of a range without media is said of the whole
// recording.
func (x *export) clip(ctx context.Context, camera string, o archive.ClipOptions) (*archive.Clip, error) {
	clip, err := x.rec.Clip(ctx, x.FS, camera, o)
	if fault.Is(err, fault.NotFound) {
		if whole, failed := archive.Load(x.FS, x.Dir); failed == nil {
			return whole.Clip(ctx, x.FS, camera, o)
		}
	}
	return clip, err
}

func (x *export) cameras() ([]string, error) {
	var all []string
	for _, c := range x.rec.Cameras {
		all = append(all, c.Name)
	}
	for _, name := range append(slices.Clone(x.Cameras), x.Audio) {
		if name != "" && !slices.Contains(all, name) {
			return nil, fault.New(fault.Usage, "%s has no camera %q: it has %s", x.Dir, name, strings.Join(all, ", "))
		}
	}
	if len(x.Cameras) > 0 {
		return x.Cameras, nil
	}
	if len(all) == 0 {
		return nil, fault.New(fault.NotFound, "%s has no camera", x.Dir)
	}
	if x.Audio != "" && len(all) > 1 { // whose sound is taken has a file of its own only when asked for
		all = slices.DeleteFunc(all, func(name string) bool { return name == x.Audio })
	}
	return all, nil
}

// begin is when the first of the cameras begins.
func (x *export) begin(cameras []string) time.Time {
	var first time.Time
	for _, name := range cameras {
		for _, s := range x.rec.Camera(name).Segments {
			for _, t := range s.Tracks {
				if t.Units > 0 && (first.IsZero() || t.Start.Before(first)) {
					first = t.Start
				}
			}
		}
	}
	return first
}

func (x *export) container(name string) Container {
	if x.Container != "" {
		return x.Container
	}
	if c := ContainerOf(name); c != "" {
		return c
	}
	return MP4
}

// write writes one camera's file.
func (x *export) write(ctx context.Context, i *exportItem) (ExportedFile, error) {
	notes, release, err := x.recode(ctx, i)
	if err != nil {
		return ExportedFile{}, err
	}
	defer release()
	file := ExportedFile{
		Camera: i.camera, File: i.name, Start: i.clip.Start, End: i.clip.End,
		Length: i.clip.Length.Seconds(), Gaps: i.clip.Gaps, Notes: slices.Concat(i.clip.Notes, notes),
	}
	for _, t := range i.clip.Tracks {
		file.Tracks = append(file.Tracks, describe(t))
	}
	if i.name == "-" {
		err = x.fill(ctx, i, x.Stdout, &file)
	} else {
		err = x.aside(i.name, x.Overwrite, func(w io.Writer) error { return x.fill(ctx, i, w, &file) })
	}
	x.done += i.clip.Size()
	return file, err
}

func (x *export) fill(ctx context.Context, i *exportItem, w io.Writer, file *ExportedFile) (err error) {
	progress := func(done int64) {
		if x.Progress != nil {
			x.Progress(x.done+done, x.total)
		}
	}
	if i.container == MP4 {
		file.Bytes, err = i.clip.Write(ctx, w, progress)
	} else {
		count := &counter{w: w}
		var notes []string
		notes, err = i.clip.WriteTS(ctx, count, progress)
		file.Bytes, file.Notes = count.n, append(file.Notes, notes...)
	}
	switch {
	case errors.Is(err, syscall.EPIPE):
		return fault.Wrap(fault.Canceled, "write to standard output: who read it is gone", err)
	case err != nil && fault.KindOf(err) == fault.Bug:
		return vfs.Fault("write "+i.name, err)
	}
	return err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
