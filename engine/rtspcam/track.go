package rtspcam

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// track is one elementary stream of a path. Only the path's goroutine changes it; what
// others read is copied under the path's lock.
type track struct {
	format format
	clip   *clip // what is being sent
	other  *clip // what "parameters" changes to; nil where there is none
	video  bool

	counter uint64 // of the next unit
	index   int    // of the next frame in the clip
	elapsed int64  // ticks from the stream's origin to the next frame's dts
	due     time.Time

	ssrc    uint32
	base    uint32 // RTP time at the origin
	seq     uint16 // of the next packet
	frozen  uint32 // the RTP time at which "frozen" stopped it
	still   bool
	packets uint32
	octets  uint32

	seen  map[string]int // how many of each instant fault were carried out
	line  impair
	sent  *ledger
	parts *ledger // units of which packets were lost on purpose

	batch []piece // units that wait to go in one packet
	first int64   // ticks of the first of them
}

// piece is a unit with its mark.
type piece struct {
	frame *frame
	mark  Mark
}

// formatsOf reads codec names joined by "+". Errors are of kind fault.Usage.
func formatsOf(codecs string) (list []format, err error) {
	all := formats()
	for name := range strings.SplitSeq(codecs, "+") {
		i := slices.IndexFunc(all, func(f format) bool { return f.name == name })
		if i < 0 {
			return nil, fault.New(fault.Usage, "no codec is called %q; see -h", name)
		}
		list = append(list, all[i])
	}
	return list, nil
}

// newTracks makes the tracks of codec names joined by "+".
func (l *library) newTracks(codecs string) (list []*track, err error) {
	formats, err := formatsOf(codecs)
	if err != nil {
		return nil, err
	}
	for _, f := range formats {
		t := &track{
			format: f, video: f.codec.Video() || f.codec == unknown,
			seen: map[string]int{}, sent: &ledger{}, parts: &ledger{},
		}
		if t.clip, err = l.clip(f, ""); err == nil && t.clip == nil {
			err = fault.New(fault.Bug, "there is no clip %s", f.name)
		}
		if err == nil {
			t.other, err = l.clip(f, "-other")
		}
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// begin sets the track to the start of its clip with a new identity.
func (t *track) begin(random *rand.Rand, tswrap time.Duration, seqwrap int) {
	t.index, t.elapsed, t.batch = 0, 0, nil
	t.ssrc, t.base, t.seq = random.Uint32(), random.Uint32(), uint16(random.Uint32())
	t.packets, t.octets = 0, 0
	if tswrap > 0 {
		t.base = -uint32(media.FromDuration(tswrap, t.format.rate))
	}
	if seqwrap > 0 {
		t.seq = -uint16(seqwrap)
	}
}

// ticks is how many ticks of the track's clock a camera that runs ppm fast counts in d.
func ticks(d time.Duration, rate int, ppm float64) int64 {
	return media.FromDuration(d+time.Duration(float64(d)*ppm/1e6), rate)
}

// after is how long a camera that runs ppm fast takes for so many ticks.
func after(n int64, rate int, ppm float64) time.Duration {
	d := media.ToDuration(n, rate)
	return d - time.Duration(float64(d)*ppm/(1e6+ppm))
}

// fresh reports how many instants of a fault have come since it was last asked.
func (t *track) fresh(total int, name string) int {
	n := total - t.seen[name]
	t.seen[name] = total
	return n
}

// dice throws a number from 0 to 1 that depends on the seed, the track and a count alone.
func dice(seed uint64, what string, n uint64) float64 {
	x := seed ^ n*0x9e3779b97f4a7c15
	for _, c := range []byte(what) {
		x = (x ^ uint64(c)) * 0x100000001b3
	}
	x ^= x >> 31
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	x ^= x >> 31
	return float64(x>>11) / (1 << 53)
}
