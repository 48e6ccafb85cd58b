package segment

import (
	"time"

	"rtsprec/engine/media"
)

// BodyOffset is where the body of every segment begins: behind the file's first box and
// the 16-byte header that sealing overwrites. All checksums start here.
const BodyOffset int64 = 48

// MaxFragment bounds the bytes of one fragment, and with it a reader's memory.
const MaxFragment = 64 << 20

// Header says what a segment is about. It never changes once the file exists.
type Header struct {
	Camera string
	Start  time.Time     // media time of tick 0 of every track, to the nanosecond; UTC when read
	Tracks []media.Track // Config filled; ID is the index when read
}

// Sample is one unit as it is stored.
type Sample struct {
	Track    int    // index into Header.Tracks
	DTS      int64  // ticks from Header.Start in the track's ClockRate; >= 0, never falls within a track
	Offset   int32  // PTS - DTS in ticks, within ±2^30; 0 for sound
	Duration uint32 // ticks; it counts for the last unit of a track in a fragment, else the next DTS decides
	Key      bool   // decoding may start here; true for sound
	Data     []byte // see media.Codec; never changed
}

// Commit is the range of a file that was written since the last one.
type Commit struct {
	From  int64       // first byte; BodyOffset in the first commit of a file
	Size  int64       // bytes of the file so far: the range is [From, Size)
	CRC   uint32      // CRC-32C of the range
	Ends  []time.Time // by track: end of the last unit in presentation; zero when there is none
	Units []int64     // by track: units so far
}

// Progress is what is in the file so far, fragments not yet flushed left out.
type Progress struct {
	Size  int64
	Units []int64     // by track
	Ends  []time.Time // by track; zero when there is no unit
}

// Sealed says what a sealed file holds.
type Sealed struct {
	Size   int64
	SHA256 string      // of the bytes from BodyOffset to the end, lower-case hex
	Start  time.Time   // presentation of the first unit of the leading track: video, or the longest
	End    time.Time   // end of presentation of the same track
	Starts []time.Time // by track; zero when it has no unit
	Ends   []time.Time
	Units  []int64
}
