package compose

import (
	"math"
	"slices"

	"rtsprec/engine/media"
)

// How an input's sound is kept in step with its capture times.
const (
	slipAbove  = 0.003 // s: further off than that it is led back
	slipUntil  = 0.0005
	slipShare  = 500   // a sample in so many is put in or left out, three cents of pitch
	jumpAbove  = 0.080 // s: further off than that it is aligned anew
	strayLimit = 0.5   // s of sound that comes at an impossible time before the input is moved
	strayRoom  = 0.040 // s: how much earlier than needed it then comes
	edgeTime   = 0.005 // s in which sound begins, and dies away where it ends
	loudest    = 4.0   // that a sample may claim to be
)

// soundLine is one input's sound: chunks on the mixer's grid, rising, none overlapping.
type soundLine struct {
	format    media.SoundFormat
	chunks    []soundChunk
	begun     bool
	ended     bool
	end       int64 // where the next sample goes when it follows on
	next      int64 // where the next sample goes, of one that was announced
	announced bool
	pts       media.Ticks // which is then this one's
	off       float64     // how far capture times are ahead of end, smoothed; samples
	slips     bool        // it is being led back
	shift     int64       // samples by which an input is moved that comes at impossible times
	stray     int64       // samples in a row that did
	last      [2]float32  // the last sample, for interpolation

	gain  float64
	muted bool
	level float64 // of the crossfade, 0 to 1
	loud  float64 // the gain at the moment
	edge  float64 // of what begins, 0 to 1
	tail  [2]float32
	stats SoundStats
}

type soundChunk struct {
	pos     int64
	samples []float32 // interleaved
}

func newSoundLine(f media.SoundFormat) soundLine {
	return soundLine{format: f, gain: 1, loud: 1, level: 1}
}

// known reports whether all sound up to a sample is there, or will not come.
func (l *soundLine) known(pos int64) bool {
	return l.ended || l.begun && l.end >= pos || l.announced && l.next >= pos
}

// announce says that nothing comes before a sample.
func (l *soundLine) announce(pos int64) { l.next, l.announced = pos, true }

func (l *soundLine) seconds(s float64) int64 { return int64(s * float64(l.format.Rate)) }

// put places a block whose first sample was captured at want. What is before mixed is
// over; sound may wait for room samples behind it.
func (l *soundLine) put(s media.Sound, want, mixed, room int64) {
	samples := l.convert(s)
	n := int64(len(samples) / l.format.Channels)
	if n == 0 {
		return
	}
	l.ended = false
	l.stats.Samples += n
	want += l.shift
	l.follow(s.PTS, want)
	samples = l.slip(samples)
	pos := l.end
	l.pts = s.PTS + media.Ticks(n)
	n = int64(len(samples) / l.format.Channels)
	copy(l.last[:], samples[len(samples)-l.format.Channels:])
	if k := len(l.chunks); k > 0 { // what was put is not taken back: after a step back of the clock, time has to pass
		last := l.chunks[k-1]
		mixed = max(mixed, last.pos+int64(len(last.samples)/l.format.Channels))
	}

	switch {
	case pos+n <= mixed: // all of it
		l.stats.Late += n
		l.strayed(n, pos, mixed)
	case pos > mixed+room:
		l.stats.Early += n
		l.strayed(n, pos, mixed)
	default:
		if late := mixed - pos; late > 0 {
			l.stats.Late += late
			samples = samples[int(late)*l.format.Channels:]
			l.strayed(late, pos, mixed)
			pos, n = mixed, n-late
		} else {
			l.stray = 0
		}
		l.chunks = append(l.chunks, soundChunk{pos, samples})
	}
	l.end = pos + n
}

// follow finds where a block goes: behind the one before, after a hole where samples are
// missing, or where its capture time says, when that is far from there.
func (l *soundLine) follow(pts media.Ticks, want int64) {
	if !l.begun {
		l.begun, l.end, l.off = true, want, 0
		return
	}
	// Times of units are rounded; a difference of a few samples is none.
	if hole := int64(pts - l.pts); hole > l.seconds(0.002) && hole < l.seconds(10) {
		l.end += hole
	}
	off := float64(want - l.end)
	if math.Abs(off) > jumpAbove*float64(l.format.Rate) {
		l.stats.Jumps++
		l.slips, l.off, l.end = false, 0, want
		return
	}
	l.off += (off - l.off) / 16
}

// strayed counts sound that comes at an impossible time. When that goes on, the input is
// moved to where it can be heard.
func (l *soundLine) strayed(n, pos, mixed int64) {
	if l.stray += n; l.stray < l.seconds(strayLimit) {
		return
	}
	by := mixed + l.seconds(strayRoom) - pos
	l.shift += by
	l.stray, l.begun = 0, false
	l.stats.Jumps++
}

// slip makes a block a little longer or shorter while the input is off.
func (l *soundLine) slip(samples []float32) []float32 {
	rate := float64(l.format.Rate)
	switch off := math.Abs(l.off); {
	case off > slipAbove*rate:
		l.slips = true
	case off < slipUntil*rate:
		l.slips = false
	}
	n := len(samples) / l.format.Channels
	if !l.slips || n < 64 {
		return samples
	}
	by := max(1, n/slipShare)
	if l.off < 0 {
		by = -by
	}
	l.off -= float64(by)
	l.stats.Slipped += int64(max(by, -by))
	return l.resample(samples, n+by)
}

// resample stretches a block to n samples by cubic interpolation; its first sample stays
// where it is, so that blocks join.
func (l *soundLine) resample(in []float32, n int) []float32 {
	channels := l.format.Channels
	length := len(in) / channels
	out := make([]float32, n*channels)
	at := func(i, c int) float64 {
		switch {
		case i < 0:
			return float64(l.last[c])
		case i >= length: // goes on as it did
			return 2*float64(in[(length-1)*channels+c]) - float64(in[(length-2)*channels+c])
		}
		return float64(in[i*channels+c])
	}
	for i := range n {
		x := float64(i) * float64(length) / float64(n)
		k := int(x)
		t := x - float64(k)
		for c := range channels {
			a, b, d, e := at(k-1, c), at(k, c), at(k+1, c), at(k+2, c)
			// Catmull-Rom.
			out[i*channels+c] = float32(b + t/2*(d-a+t*(2*a-5*b+4*d-e+t*(3*(b-d)+e-a))))
		}
	}
	return out
}

// convert copies a block into the mixer's channels. What is no number is silence.
func (l *soundLine) convert(s media.Sound) []float32 {
	n := len(s.Samples) / s.Channels
	out := make([]float32, n*l.format.Channels)
	for i := range n {
		a := sound(s.Samples[i*s.Channels])
		b := sound(s.Samples[i*s.Channels+s.Channels-1])
		if l.format.Channels == 1 {
			out[i] = (a + b) / 2
			continue
		}
		out[2*i], out[2*i+1] = a, b
	}
	return out
}

func sound(x float32) float32 {
	if x != x {
		return 0
	}
	return min(max(x, -loudest), loudest)
}

// mix adds the line's part of the block at pos.
func (l *soundLine) mix(to []float32, pos int64, fade float64) {
	channels := l.format.Channels
	n := int64(len(to) / channels)
	target := l.target()
	rise := 1 / (edgeTime * float64(l.format.Rate))
	used := 0
	for i := range n {
		l.level = towards(l.level, target, fade)
		l.loud = towards(l.loud, l.gain, fade*16)
		for used < len(l.chunks) && l.chunks[used].pos+int64(len(l.chunks[used].samples)/channels) <= pos+i {
			used++
		}
		if used < len(l.chunks) && l.chunks[used].pos <= pos+i {
			l.edge = min(1, l.edge+rise)
			at := int(pos+i-l.chunks[used].pos) * channels
			for c := range channels {
				l.tail[c] = l.chunks[used].samples[at+c] * float32(l.edge)
			}
		} else { // what was there dies away, instead of clicking
			l.edge = 0
			for c := range channels {
				l.tail[c] *= float32(1 - 4*rise)
			}
		}
		if amp := l.amplitude(); amp != 0 {
			for c := range channels {
				to[int(i)*channels+c] += l.tail[c] * amp
			}
		}
	}
	for used < len(l.chunks) && l.chunks[used].pos+int64(len(l.chunks[used].samples)/channels) <= pos+n {
		used++
	}
	l.chunks = slices.Delete(l.chunks, 0, used)
}

// target is where the crossfade goes.
func (l *soundLine) target() float64 {
	if l.muted {
		return 0
	}
	return 1
}

// amplitude follows a quarter of a sine, so that two inputs that swap are as loud
// together as each alone.
func (l *soundLine) amplitude() float32 {
	switch l.level {
	case 0:
		return 0
	case 1:
		return float32(l.loud)
	}
	return float32(l.loud * math.Sin(l.level*math.Pi/2))
}

// towards moves a number by a step at most.
func towards(now, target, step float64) float64 {
	if now < target {
		return min(now+step, target)
	}
	return max(now-step, target)
}
