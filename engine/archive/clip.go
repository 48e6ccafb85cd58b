package archive

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// GapMode says what becomes of time without media in a clip.
type GapMode string

// The modes.
const (
	GapsKeep  GapMode = "keep"  // time runs on: the last picture stands
	GapsClose GapMode = "close" // cut out: what follows moves up
	GapsMark  GapMode = "mark"  // kept, and named by chapters
)

// GapModes lists them, the default first.
var GapModes = []GapMode{GapsKeep, GapsClose, GapsMark}

// ClipOptions says what a clip is made of.
type ClipOptions struct {
	// From is time 0 of the clip, To its end, by capture time. The clip holds the media
	// from the key frame at or before From on; an edit list hides what is before From.
	// Zero: the beginning, the end of what there is.
	From, To time.Time
	Audio    string  // take the sound of this camera instead of the picture's own; empty: its own
	Gaps     GapMode // empty: GapsKeep
	// AsRecorded leaves what was recorded from a camera's sub-stream as it is, also where the
	// main stream was got afterwards and is kept beside it.
	AsRecorded bool
	// Browser makes sound that browsers do not play into FLAC (G.711, G.726, L16) and
	// leaves out what cannot be made playable. Clip.Notes says so.
	Browser bool
}

// Clip is one camera's media of a range as a file that was not written yet: an ordinary MP4
// that begins with its header. Payload is read from the segments when it is asked
// for. It is safe for concurrent use; Close closes the segments.
//
// Tried with ffmpeg 5.1, VLC 3.0, GStreamer 1.22 and mediainfo 23.04: the players go on
// across a change of parameters (a second sample description; the sets are in band too) and
// over time without media; ffmpeg and mediainfo list the chapters of gaps. What an edit list
// hides before time 0 ffmpeg and GStreamer decode and do not show; VLC runs through it.
// GStreamer then ends early by as much, as it does with files that ffmpeg cut.
type Clip struct {
	Camera string
	Start  time.Time     // capture time of time 0
	End    time.Time     // capture time at the end
	Length time.Duration // of the file; with GapsClose shorter than End less Start
	Tracks []media.Track // as they are in the file
	Gaps   []Gap         // what is missing within Start..End
	Notes  []string      // what else a person should know: sound left out, an end before To

	header  []byte
	payload *payload
	movie   *segment.Assembly
	lanes   []*lane
	strips  []*strip
	marked  bool // gaps are named by chapters
}

// Clip assembles a camera's media. It reads the ends of the segments concerned, not the
// media. ClipOptions.Audio is a camera of the same recording. Errors: fault.NotFound where
// the range holds none ([NoMedia]), fault.Usage for what is no range, fault.Unsupported, and
// what the disk reports.
func (r *Recording) Clip(ctx context.Context, fsys vfs.FS, camera string, o ClipOptions) (*Clip, error) {
	find := func(name string) ([]Holding, error) {
		if c := r.Camera(name); c != nil {
			return []Holding{{Recording: r, Camera: c}}, nil
		}
		return nil, fault.New(fault.NotFound, "%s has no camera %q", r.Dir, name)
	}
	return clip(ctx, fsys, find, camera, o)
}

// Clip is [Recording.Clip] of what a path names, which may be in several recordings.
// ClipOptions.Audio is a path too.
func (l *Library) Clip(ctx context.Context, path string, o ClipOptions) (*Clip, error) {
	return clip(ctx, l.fs, l.Resolve, path, o)
}

func clip(ctx context.Context, fsys vfs.FS, find func(string) ([]Holding, error), camera string, o ClipOptions) (*Clip, error) {
	if err := checkRange(o); err != nil {
		return nil, err
	}
	c := &Clip{}
	ready := false
	defer func() {
		if !ready {
			c.Close()
		}
	}()
	main, err := c.open(ctx, fsys, find, camera, o.From, o.To, o.AsRecorded)
	if err != nil {
		return nil, err
	}
	p, err := choose(main, o.From, o.To, o.Gaps)
	if err != nil {
		return nil, err
	}
	var sound *strip
	if o.Audio != "" {
		end := o.To
		if end.IsZero() {
			end = p.end
		}
		if sound, err = c.open(ctx, fsys, find, o.Audio, p.from, end, o.AsRecorded); err != nil {
			return nil, err
		}
	}
	m := &composer{plan: p, browser: o.Browser, silent: sound != nil, payload: payload{pages: true}, told: map[string]bool{}}
	m.movie.Camera, m.movie.Start = main.camera, p.from
	if !o.To.IsZero() {
		m.movie.Length = o.To.Sub(p.from) - p.closed()
	}
	if err := m.compose(ctx, main, sound); err != nil {
		return nil, err
	}
	if err := c.finish(m, main, sound, o); err != nil {
		return nil, err
	}
	ready = true
	return c, nil
}

func (c *Clip) open(ctx context.Context, fsys vfs.FS, find func(string) ([]Holding, error), camera string, from, to time.Time, asRecorded bool) (*strip, error) {
	holdings, err := find(camera)
	if err != nil {
		return nil, err
	}
	s, err := openStrip(ctx, fsys, holdings, from, to)
	if err != nil {
		return nil, err
	}
	c.strips = append(c.strips, s)
	if !asRecorded {
		for _, h := range holdings {
			s.prefer(fsys, h, from, to)
		}
	}
	return s, nil
}

// finish sums up and writes the header.
func (c *Clip) finish(m *composer, main, sound *strip, o ClipOptions) (err error) {
	c.Camera, c.Start = main.camera, m.from
	for i, k := range m.lanes {
		end, used := m.movie.End(i)
		if !used {
			continue
		}
		c.Tracks = append(c.Tracks, k.out)
		c.Length = max(c.Length, media.ToDuration(end, k.out.ClockRate))
	}
	if len(c.Tracks) == 0 || c.Length <= 0 {
		return noMedia(main.holdings, o.From, o.To)
	}
	if m.movie.Length > 0 {
		c.Length = min(c.Length, m.movie.Length)
	}
	c.End = m.from.Add(c.Length + m.closed())
	c.Gaps = main.missing(c.Start, later(c.End, o.To))
	c.Notes = slices.Concat(main.notes, m.plan.notes, m.notes)
	if sound != nil {
		c.Notes = append(c.Notes, sound.notes...)
		if !slices.ContainsFunc(c.Tracks, func(t media.Track) bool { return !t.Codec.Video() }) {
			c.Notes = append(c.Notes, sound.camera+" has no sound for this time")
		}
	}
	if c.marked = o.Gaps == GapsMark && len(c.Gaps) > 0; c.marked {
		c.mark(&m.movie)
	}
	c.movie, c.payload, c.lanes = &m.movie, &m.payload, m.lanes
	c.header, err = m.movie.Header(m.payload.size)
	return err
}

// mark names each gap in a chapter, and begins one behind it.
func (c *Clip) mark(movie *segment.Assembly) {
	media := func(at time.Time) {
		if at.Before(c.End) {
			movie.Chapter(at.Sub(c.Start), at.UTC().Format(time.RFC3339))
		}
	}
	at := c.Start
	for _, g := range c.Gaps {
		if !g.From.Before(c.End) {
			break
		}
		if at.Before(g.From) {
			media(at)
		}
		why := cmp.Or(g.Causes.String(), g.Note, "unexplained")
		movie.Chapter(g.From.Sub(c.Start), fmt.Sprintf("missing: %s, %s", why, g.To.Sub(g.From).Round(time.Millisecond)))
		at = g.To
	}
	media(at)
}

// Size returns the bytes of the MP4.
func (c *Clip) Size() int64 { return int64(len(c.header)) + c.payload.size }

// ReadAt implements io.ReaderAt over the MP4.
func (c *Clip) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fault.New(fault.Usage, "read at %d", off)
	}
	return (&headed{c.header, c.payload}).ReadAt(p, off)
}

// WriteTo writes the MP4. Into a file the kernel copies what it can by itself.
func (c *Clip) WriteTo(w io.Writer) (int64, error) { return c.Write(context.Background(), w, nil) }

// Write is WriteTo until the context ends; progress is told the bytes so far now and then,
// and may be nil.
func (c *Clip) Write(ctx context.Context, w io.Writer, progress func(done int64)) (int64, error) {
	n, err := w.Write(c.header)
	if err != nil {
		return int64(n), err
	}
	k, err := c.payload.write(ctx, w, func(done int64) {
		if progress != nil {
			progress(int64(n) + done)
		}
	})
	return int64(n) + k, err
}

// Close lets go of the segments.
func (c *Clip) Close() error {
	for _, s := range c.strips {
		s.Close()
	}
	return nil
}
