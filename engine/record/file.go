package record

import (
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

const (
	// fragmentLimit is where a fragment is closed whatever its span, in bytes.
	fragmentLimit = 16 << 20
)

// keepLimit bounds what one file keeps in memory for being written again, in bytes, so
// that a recording's cameras share some 256 MiB. It is reached only by long groups of
// pictures of high bitrate, and where nothing can be committed for long; then the
// oldest goes.
func keepLimit(cameras int) int { return min(32<<20, max(2<<20, (256<<20)/max(1, cameras))) }

// file is a segment being written. Its camera's lock guards it, except handle.Sync.
type file struct {
	n       uint64
	name    string // final, relative to the recording, forward slashes
	run     uint64
	stream  string // media.SubStream: of the camera's sub-stream
	limit   int    // bit/s, see journal.Segment
	head    segment.Header
	slots   map[media.TrackID]int // tracks of the run that are in it
	until   time.Time             // the instant from which on a key frame cuts
	from    time.Time             // media time of the unit it was begun for
	shift   time.Duration         // by which the run was moved not to overlap the one before
	span    time.Duration         // of a fragment
	video   int                   // slot of the picture; -1: none
	keep    int                   // bytes kept in memory, see keepLimit
	instead []journal.Instead
	fill    uint64 // the gap that it is to fill; 0: it is live
	beside  bool   // it is the main stream's, of a time that was recorded from the sub-stream

	handle vfs.File
	mount  int // see Recording.mounts
	w      *segment.Writer

	fragments  []*fragment // the last one is open unless ended; the first ones may be committed
	begun      bool        // there was a fragment
	pictures   bool        // the picture has begun
	begin      int64       // where media begins
	committed  int64       // bytes that are synced and journaled; begin: no media yet
	committing int64       // bytes in commits that were begun
	safe       time.Time   // media time up to which units are
	ended      bool        // no unit will be added
	left       time.Time   // when the camera went on to the next file, monotonic; zero: not yet
	misfits    []misfit
	broken     error // the disk failed it: nothing more is written here
}

// misfit is a unit that the writer refuses although it was looked at before.
type misfit struct {
	segment.Sample
	err error
}

// fragment is a moof and mdat, before and after it is written.
type fragment struct {
	samples []segment.Sample
	starts  map[int]int64 // by slot
	bytes   int
	key     bool  // decoding may start here
	closed  bool  // nothing more is added
	handed  bool  // the writer has it
	offset  int64 // where it stands; -1: not written
}

// slot is the track's place in the file; -1: it has none.
func (f *file) slot(t *track) int {
	if i, ok := f.slots[t.ID]; ok {
		return i
	}
	return -1
}

// fits reports whether units of the track, as it is configured now, may go into f.
func (f *file) fits(t *track) bool {
	i := f.slot(t)
	return i >= 0 && media.SameConfig(t.Codec, f.head.Tracks[i].Config, t.Config)
}

// push adds a unit to the open fragment, after closing that where it must end.
func (f *file) push(s segment.Sample, codec media.Codec) {
	last := f.open()
	rate := f.head.Tracks[s.Track].ClockRate
	if last != nil && f.mustClose(last, s, codec) {
		last.closed = true
		last = nil
	}
	if last == nil {
		last = &fragment{starts: map[int]int64{}, offset: -1}
		// Sound before the first picture stays with it: readers order files by picture.
		last.key = f.video < 0 || !f.begun || !f.pictures && s.Track != f.video || f.pictures && s.Track == f.video && s.Key
		f.begun = true
		f.fragments = append(f.fragments, last)
	}
	f.pictures = f.pictures || s.Track == f.video
	if _, begun := last.starts[s.Track]; !begun {
		last.starts[s.Track] = s.DTS
	}
	last.samples = append(last.samples, s)
	last.bytes += len(s.Data)
	span := s.DTS + int64(s.Duration) - last.starts[s.Track]
	last.closed = media.ToDuration(span, rate) >= f.span || last.bytes >= fragmentLimit
}

// mustClose reports whether s belongs into a new fragment.
func (f *file) mustClose(last *fragment, s segment.Sample, codec media.Codec) bool {
	if s.Track == f.video && s.Key && codec != media.MJPEG {
		return true // of MJPEG every picture is a key frame
	}
	start, begun := last.starts[s.Track]
	if !begun {
		return false
	}
	return media.ToDuration(s.DTS+int64(s.Duration)-start, f.head.Tracks[s.Track].ClockRate) > f.span
}

// open returns the open fragment, or nil.
func (f *file) open() *fragment {
	if n := len(f.fragments); n > 0 && !f.fragments[n-1].closed {
		return f.fragments[n-1]
	}
	return nil
}

// spanOf is the longest time that a fragment holds of any track.
func (f *file) spanOf(g *fragment) time.Duration {
	var longest time.Duration
	for _, s := range g.samples {
		span := s.DTS + int64(s.Duration) - g.starts[s.Track]
		longest = max(longest, media.ToDuration(span, f.head.Tracks[s.Track].ClockRate))
	}
	return longest
}

// close closes the open fragment.
func (f *file) close() {
	if g := f.open(); g != nil {
		g.closed = true
	}
}

// write writes every closed fragment, each in one write. On a full disk it may simply be
// called again; any other error breaks the file.
func (f *file) write() error {
	if f.broken != nil {
		return f.broken
	}
	for _, g := range f.fragments {
		if !g.closed || g.offset >= 0 {
			continue
		}
		if !g.handed {
			for _, s := range g.samples {
				if err := f.w.Add(s); err != nil {
					f.misfits = append(f.misfits, misfit{s, err})
				}
			}
			g.handed = true
		}
		at := f.written()
		if err := f.w.Flush(); err != nil {
			err = vfs.Fault("write "+f.name, err)
			if fault.Is(err, fault.DiskFull) {
				return err
			}
			return f.fail(err)
		}
		g.offset = at
	}
	f.forget()
	return nil
}

func (f *file) fail(err error) error {
	if f.broken == nil {
		f.broken = err
	}
	return err
}

// written is how many bytes are in the file.
func (f *file) written() int64 { return f.w.Progress().Size }

// units is how many are in the file.
func (f *file) units() int64 {
	var n int64
	for _, u := range f.w.Progress().Units {
		n += u
	}
	return n
}

// whole reports whether everything that was pushed is in the file.
func (f *file) whole() bool {
	n := len(f.fragments)
	return n == 0 || f.fragments[n-1].offset >= 0
}

// acknowledge notes that the first size bytes are committed and forgets what need not
// be kept any more.
func (f *file) acknowledge(size int64) {
	f.committed = max(f.committed, size)
	for _, g := range f.fragments {
		if g.offset >= 0 && g.offset < f.committed {
			f.safe = f.decoded(g.samples[len(g.samples)-1])
		}
	}
	f.fragments = f.fragments[f.restart(true):]
	f.forget()
}

// restart returns the fragment from which on a broken file is written again: the last
// one that decoding may start at before anything that is not committed. When that is
// not kept it is, unless strict, the next such one, or len(f.fragments).
func (f *file) restart(strict bool) int {
	lost := len(f.fragments)
	for i, g := range f.fragments {
		if g.offset < 0 || g.offset >= f.committed {
			lost = i
			break
		}
	}
	for i := min(lost, len(f.fragments)-1); i >= 0; i-- {
		if f.fragments[i].key {
			return i
		}
	}
	if strict {
		return 0
	}
	for i := lost; i < len(f.fragments); i++ {
		if f.fragments[i].key {
			return i
		}
	}
	return len(f.fragments)
}

// forget drops the oldest of what is kept while that is too much.
func (f *file) forget() {
	var bytes int
	for _, g := range f.fragments {
		bytes += g.bytes
	}
	for len(f.fragments) > 0 && bytes > f.keep && f.fragments[0].offset >= 0 {
		bytes -= f.fragments[0].bytes
		f.fragments = f.fragments[1:]
	}
}

// again returns what fragment i and those behind it hold, in order, and the byte of the
// file at which they begin.
func (f *file) again(i int) (samples []segment.Sample, from int64) {
	from = f.written()
	if i < len(f.fragments) && f.fragments[i].offset >= 0 {
		from = f.fragments[i].offset
	}
	for _, g := range f.fragments[i:] {
		samples = append(samples, g.samples...)
	}
	return samples, from
}

// decoded is the media time at which a sample is decoded.
func (f *file) decoded(s segment.Sample) time.Time {
	return f.head.Start.Add(media.ToDuration(s.DTS, f.head.Tracks[s.Track].ClockRate))
}
