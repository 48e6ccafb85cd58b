package archive

import (
	"context"
	"io"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
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
	// Browser makes sound that browsers do not play into FLAC (G.711, G.726, L16) and
	// leaves out what cannot be made playable. Clip.Notes says so.
	Browser bool
}

// Clip is one camera's media of a range as a file that was not written yet: an ordinary MP4
// that begins with its header. Payload is read from the segments when it is asked
// for. It is safe for concurrent use; Close closes the segments.
type Clip struct {
	Camera string
	Start  time.Time     // capture time of time 0
	End    time.Time     // capture time at the end
	Length time.Duration // of the file; with GapsClose shorter than End less Start
	Tracks []media.Track // as they are in the file
	Gaps   []Gap         // what is missing within Start..End
	Notes  []string      // what else a person should know: sound left out, an end before To

	size int64
}

// Clip assembles a camera's media. It reads the ends of the segments concerned, not the
// media. Errors: fault.NotFound where the range holds none (the text says what there is
// before and after), fault.Unsupported, and what the disk reports.
func (r *Recording) Clip(ctx context.Context, fsys vfs.FS, camera string, o ClipOptions) (*Clip, error) {
	return nil, fault.New(fault.Unsupported, "clip")
}

// Clip is [Recording.Clip] of what a path names, which may be in several recordings.
// ClipOptions.Audio is a path too.
func (l *Library) Clip(ctx context.Context, path string, o ClipOptions) (*Clip, error) {
	return nil, fault.New(fault.Unsupported, "clip")
}

// Size returns the bytes of the MP4.
func (c *Clip) Size() int64 { return c.size }

// ReadAt implements io.ReaderAt over the MP4.
func (c *Clip) ReadAt(p []byte, off int64) (int, error) { return 0, io.EOF }

// WriteTo writes the MP4. Into an *os.File the kernel copies what it can by itself.
func (c *Clip) WriteTo(w io.Writer) (int64, error) { return 0, nil }

// WriteTS writes the same media as MPEG-TS. It fails with fault.Unsupported when that has no
// way to carry the picture; sound that it cannot carry is left out, which notes says.
func (c *Clip) WriteTS(w io.Writer) (notes []string, err error) { return nil, nil }

// Close lets go of the segments.
func (c *Clip) Close() error { return nil }
