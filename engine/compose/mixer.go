package compose

import (
	"context"
	"io"
	"math"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// Everyone selects all inputs of a Mixer.
const Everyone = -1

// MixerOptions say what comes out of a mixer.
type MixerOptions struct {
	Inputs int
	Format media.SoundFormat // 0: 48000 Hz, two channels
	Block  int               // samples a channel of a block that comes out; 0: 1024, an AAC frame
	Fade   time.Duration     // in which one input makes way for another; 0: 50 ms
	Room   time.Duration     // of sound that may wait, an input; 0: 3 s
}

// Mixer makes one sound of many, on a grid of blocks that has no hole: what an input
// does not send is silence, and its neighbours are not moved by it.
//
// Inputs are aligned by capture time. An input whose clock runs faster or slower than it
// says is led back by a sample or two a block, which nobody hears; where it jumps, the
// sound jumps with it, without a click. An input that always comes too late is played as
// much later. What is louder than full scale is turned down, not clipped.
//
// Put, Offer and End may be called by other goroutines than Mix.
type Mixer struct {
	o      MixerOptions
	start  time.Time
	fade   float64 // level a sample
	gate   gate
	pos    int64 // samples a channel that were mixed
	lines  []soundLine
	limit  limiter
	closed bool
}

// SoundStats is what happened to an input's sound.
type SoundStats struct {
	Samples int64 // a channel, that came
	Late    int64 // of them, too late for their time
	Early   int64 // of them, without room
	Slipped int64 // samples put in or left out to follow its clock
	Jumps   int64 // times that it was aligned anew
}

// NewMixer begins a grid at start, with all inputs selected at gain 1.
func NewMixer(start time.Time, o MixerOptions) *Mixer {
	if o.Format.Rate <= 0 {
		o.Format.Rate = 48000
	}
	if o.Format.Channels < 1 || o.Format.Channels > 2 {
		o.Format.Channels = 2
	}
	if o.Block <= 0 {
		o.Block = 1024
	}
	if o.Fade <= 0 {
		o.Fade = 50 * time.Millisecond
	}
	if o.Room <= 0 {
		o.Room = 3 * time.Second
	}
	m := &Mixer{o: o, start: start, fade: 1 / (o.Fade.Seconds() * float64(o.Format.Rate)), lines: make([]soundLine, max(o.Inputs, 0))}
	m.limit = newLimiter(o.Format.Rate)
	for i := range m.lines {
		m.lines[i] = newSoundLine(o.Format)
	}
	return m
}

// Format is that of what comes out.
func (m *Mixer) Format() media.SoundFormat { return m.o.Format }

// Put takes a block of a live input; it is copied. What there is no room or no time for is
// counted. Sound of another rate is an error, of another number of channels is not.
func (m *Mixer) Put(input int, s media.Sound) error {
	m.gate.Lock()
	defer m.gate.Unlock()
	if err := m.check(input, s); err != nil {
		return err
	}
	m.lines[input].put(s, m.sample(s.Wall), m.pos, m.room())
	m.gate.change()
	return nil
}

// Offer takes a block of an input that is not live, and waits while there is no room. The
// error is also ctx's, or io.ErrClosedPipe after Close.
func (m *Mixer) Offer(ctx context.Context, input int, s media.Sound) error {
	m.gate.Lock()
	defer m.gate.Unlock()
	if err := m.check(input, s); err != nil {
		return err
	}
	m.lines[input].announce(m.sample(s.Wall))
	m.gate.change()
	for m.sample(s.Wall) > m.pos+m.room() && !m.closed {
		if err := m.gate.wait(ctx); err != nil {
			return err
		}
	}
	if m.closed {
		return io.ErrClosedPipe
	}
	m.lines[input].put(s, m.sample(s.Wall), m.pos, math.MaxInt64/2)
	m.gate.change()
	return nil
}

// Announce says that the next sound of an input begins at an instant: what is before it and
// was not put will not come. Offer does so by itself, before it waits: or a pause longer than
// the room there is would be waited for by both sides.
func (m *Mixer) Announce(input int, next time.Time) {
	m.gate.Lock()
	defer m.gate.Unlock()
	if input >= 0 && input < len(m.lines) {
		m.lines[input].announce(m.sample(next))
		m.gate.change()
	}
}

func (m *Mixer) check(input int, s media.Sound) error {
	if input < 0 || input >= len(m.lines) || s.Rate != m.o.Format.Rate || s.Channels < 1 || s.Channels > 2 {
		return fault.New(fault.Bug, "sound of input %d at %d Hz, %d channels, into a mixer of %d inputs at %d Hz", input, s.Rate, s.Channels, len(m.lines), m.o.Format.Rate)
	}
	return nil
}

func (m *Mixer) room() int64 { return int64(m.o.Room.Seconds() * float64(m.o.Format.Rate)) }

// sample is where an instant is on the grid. Within a year of the start it is exact.
func (m *Mixer) sample(at time.Time) int64 {
	d := at.Sub(m.start)
	rate := int64(m.o.Format.Rate)
	seconds := int64(d / time.Second)
	return seconds*rate + int64(d%time.Second)*rate/int64(time.Second)
}

// instant is when a sample of the grid is heard.
func (m *Mixer) instant(pos int64) time.Time {
	rate := int64(m.o.Format.Rate)
	return m.start.Add(time.Duration(pos/rate)*time.Second + time.Duration(pos%rate*int64(time.Second)/rate))
}

// End says that an input sends nothing for now; what it sends next takes it back.
func (m *Mixer) End(input int) {
	m.gate.Lock()
	defer m.gate.Unlock()
	if input >= 0 && input < len(m.lines) {
		m.lines[input].ended = true
		m.gate.change()
	}
}

// Known reports whether an input's sound up to an instant is there, or will not come.
func (m *Mixer) Known(input int, at time.Time) bool {
	m.gate.Lock()
	defer m.gate.Unlock()
	if input < 0 || input >= len(m.lines) {
		return true
	}
	return m.lines[input].known(m.sample(at))
}

// Await waits until the next block is known of all inputs. It is for inputs that are
// offered, each of which has to say End; one that is silent otherwise would be waited
// for.
func (m *Mixer) Await(ctx context.Context) error {
	m.gate.Lock()
	defer m.gate.Unlock()
	for !m.closed && !m.ready() {
		if err := m.gate.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (m *Mixer) ready() bool {
	for i := range m.lines {
		if !m.lines[i].known(m.pos + int64(m.o.Block)) {
			return false
		}
	}
	return true
}

// Select says who is heard: one input, or Everyone. The change is a crossfade that begins
// with the next block; before the first one it is at once.
func (m *Mixer) Select(input int) {
	m.gate.Lock()
	defer m.gate.Unlock()
	for i := range m.lines {
		l := &m.lines[i]
		if l.muted = input != Everyone && i != input; m.pos == 0 {
			l.level = l.target()
		}
	}
}

// Gain sets how loud an input is: 1 as it is, 0 silent, at most 16. What is no such number is
// ignored.
func (m *Mixer) Gain(input int, gain float64) {
	m.gate.Lock()
	defer m.gate.Unlock()
	if input >= 0 && input < len(m.lines) && gain >= 0 && gain <= 16 {
		m.lines[input].gain = gain
	}
}

// Next is when the next block ends: by then its sound has been captured.
func (m *Mixer) Next() time.Time {
	m.gate.Lock()
	defer m.gate.Unlock()
	return m.instant(m.pos + int64(m.o.Block))
}

// Mix returns the next block: PTS in samples from the start of the grid, Wall when its
// first one was captured. The samples are the caller's, each within [-1, 1].
func (m *Mixer) Mix() media.Sound {
	m.gate.Lock()
	defer m.gate.Unlock()
	channels := m.o.Format.Channels
	s := media.Sound{
		SoundFormat: m.o.Format, PTS: media.Ticks(m.pos), Wall: m.instant(m.pos),
		Samples: make([]float32, m.o.Block*channels),
	}
	for i := range m.lines {
		m.lines[i].mix(s.Samples, m.pos, m.fade)
	}
	m.limit.apply(s.Samples, channels)
	m.pos += int64(m.o.Block)
	m.gate.change()
	return s
}

// Stats says what happened to an input's sound.
func (m *Mixer) Stats(input int) SoundStats {
	m.gate.Lock()
	defer m.gate.Unlock()
	if input < 0 || input >= len(m.lines) {
		return SoundStats{}
	}
	return m.lines[input].stats
}

// Close makes who waits in Offer or Await go on.
func (m *Mixer) Close() {
	m.gate.Lock()
	defer m.gate.Unlock()
	m.closed = true
	m.gate.change()
}
