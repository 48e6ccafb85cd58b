package segment

import (
	"time"

	"rtsprec/engine/media"
)

// BodyOffset is where the body of every segment begins: behind the file's first box and
// the 16-byte header that sealing overwrites. All checksums start here.
const BodyOffset int64 = headerOffset + headerSize

// MaxFragment bounds the bytes of one fragment, and with it a reader's memory.
const MaxFragment = 64 << 20

// Limits of what is written and believed.
const (
	maxTracks = 64
	maxInit   = 4 << 20 // bytes of the first moov
	maxTicks  = 1 << 44 // of a DTS: six years at 90 kHz
	maxOffset = 1 << 30 // of PTS - DTS, either way: the tables keep 31 bits
)

// Header says what a segment is about. It never changes once the file exists.
type Header struct {
	Camera string
	Start  time.Time     // media time of tick 0 of every track, to the nanosecond; UTC when read
	Tracks []media.Track // Config filled; when read, ID is the index
}

// Sample is one unit as it is stored.
type Sample struct {
	Track    int    // index into Header.Tracks
	DTS      int64  // ticks from Header.Start in the track's ClockRate; >= 0, never falls within a track
	Offset   int32  // PTS - DTS in ticks, within ±2^30
	Duration uint32 // ticks; it counts for a track's last unit of a fragment, for others the next DTS does
	Key      bool   // decoding may start here; units of sound are always read as keys
	Data     []byte // see media.Codec; nobody changes it
}

// Unit is a stored unit with its times.
type Unit struct {
	Sample
	PTS  int64     // ticks from Header.Start
	Time time.Time // media time of PTS
}

// Commit is the range of a file that was written since the last one.
type Commit struct {
	From  int64       // first byte; BodyOffset in the first commit of a file
	Size  int64       // bytes of the file so far: the range is [From, Size)
	CRC   uint32      // CRC-32C of the range
	Ends  []time.Time // by track: end of presentation so far; zero when there is no unit
	Units []int64     // by track: units so far
}

// Progress is what is in the file so far, without the open fragment.
type Progress struct {
	Size  int64
	Units []int64     // by track
	Ends  []time.Time // by track: end of presentation; zero when there is no unit
}

// Summary says what a sealed file holds.
type Summary struct {
	Size   int64
	SHA256 string      // of the bytes from BodyOffset to the end, lower-case hex
	Start  time.Time   // presentation of the leading track's first unit: the first track of video, else the longest
	End    time.Time   // end of presentation of the same track
	Starts []time.Time // by track; zero when it has no unit
	Ends   []time.Time
	Units  []int64
}

// Fragment is one write's worth of units.
type Fragment struct {
	Offset int64         // of its first byte
	Size   int64         // the next fragment begins at Offset+Size
	Time   time.Time     // presentation of the first unit of the leading track, or of any when that one is absent
	Span   time.Duration // of the same track, by decoding time
	Key    bool          // decoding may start here: it begins with a key picture, or the segment has no video
}

// TrackInfo sums up a track.
type TrackInfo struct {
	Units      int64
	Start, End time.Time // of presentation; zero when there is no unit
}
