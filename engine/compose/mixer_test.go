package compose

import (
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/media"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// tone is a source of a sine in blocks, whose clock may run at another pace than it says.
type tone struct {
	hz, loud float64
	pace     float64 // capture seconds a second of samples; 0: 1
	start    time.Time
	n        int64
}

func (s *tone) next(samples int) media.Sound {
	pace := s.pace
	if pace == 0 {
		pace = 1
	}
	b := media.Sound{
		SoundFormat: media.SoundFormat{Rate: 48000, Channels: 1}, PTS: media.Ticks(s.n),
		Wall: s.start.Add(time.Duration(float64(s.n) / 48000 * pace * float64(time.Second))),
	}
	for i := range samples {
		b.Samples = append(b.Samples, float32(s.loud*math.Sin(2*math.Pi*s.hz*float64(s.n+int64(i))/48000)))
	}
	s.n += int64(samples)
	return b
}

func put(t *testing.T, m *Mixer, input int, s media.Sound) {
	t.Helper()
	if err := m.Put(input, s); err != nil {
		t.Fatal(err)
	}
}

// largestStep is the largest difference between two samples of the left channel.
func largestStep(samples []float32) (most float64) {
	for i := 2; i < len(samples); i += 2 {
		most = max(most, math.Abs(float64(samples[i]-samples[i-2])))
	}
	return most
}

func power(samples []float32) float64 {
	sum := 0.0
	for _, x := range samples {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum / float64(max(1, len(samples))))
}

func TestSoundComesOutBitForBitWhereNothingIsToBeDone(t *testing.T) {
	m := NewMixer(noon, MixerOptions{Inputs: 1})
	in := tone{hz: 440, loud: 0.5, start: noon}
	var sent, got []float32
	for range 100 {
		b := in.next(960)
		sent = append(sent, b.Samples...)
		put(t, m, 0, b)
	}
	for n := range int64(90) {
		b := m.Mix()
		if b.PTS != media.Ticks(n*1024) || !b.Wall.Equal(m.instant(n*1024)) || len(b.Samples) != 2048 {
			t.Fatalf("block %d at %d, %v, %d samples", n, b.PTS, b.Wall, len(b.Samples))
		}
		got = append(got, b.Samples...)
	}
	for i := 240; i < len(got)/2; i++ { // the first 5 ms are faded in
		if got[2*i] != sent[i] || got[2*i+1] != sent[i] {
			t.Fatalf("sample %d is %v, %v and was %v", i, got[2*i], got[2*i+1], sent[i])
		}
	}
	if s := m.Stats(0); s.Slipped+s.Jumps+s.Late+s.Early != 0 || s.Samples != 96000 {
		t.Errorf("%+v", s)
	}
}

func TestInputsAreAlignedByCaptureTimeAndAHoleIsSilence(t *testing.T) {
	m := NewMixer(noon, MixerOptions{Inputs: 2, Block: 960})
	// Both have one loud sample at the same instant; the second began 250 ms later and
	// has lost 100 ms.
	at := 48000 / 2
	for input, from := range []int{0, 12000} {
		for pos := from; pos < 48000; pos += 960 {
			if input == 1 && pos >= 12960 && pos < 12960+4800 {
				continue
			}
			b := media.Sound{SoundFormat: media.SoundFormat{Rate: 48000, Channels: 1}, PTS: media.Ticks(pos - from), Wall: m.instant(int64(pos)), Samples: make([]float32, 960)}
			for i := range b.Samples {
				b.Samples[i] = 0.001
				if pos+i == at {
					b.Samples[i] = 0.4
				}
			}
			put(t, m, input, b)
		}
	}
	var out []float32
	for range 50 {
		out = append(out, m.Mix().Samples...)
	}
	if x := out[2*at]; math.Abs(float64(x)-0.8) > 1e-6 {
		t.Errorf("at the instant of both: %v", x)
	}
	for pos, want := range map[int]float64{6000: 0.001, 12600: 0.002, 15000: 0.001, 20000: 0.002} {
		if x := float64(out[2*pos]); math.Abs(x-want) > 1e-6 {
			t.Errorf("at sample %d: %v, want %v", pos, x, want)
		}
	}
}

func TestAClockThatRunsOffIsFollowedAndNobodyHears(t *testing.T) {
	for _, ppm := range []float64{-500, 0, 500} {
		m := NewMixer(noon, MixerOptions{Inputs: 1})
		in := tone{hz: 1000, loud: 0.5, pace: 1 + ppm/1e6, start: noon}
		var out []float32
		const minutes = 0.3
		for m.Next().Before(noon.Add(minutes * 60 * time.Second)) {
			for !m.Known(0, m.Next().Add(100*time.Millisecond)) {
				put(t, m, 0, in.next(1024))
			}
			out = append(out, m.Mix().Samples...)
		}
		s := m.Stats(0)
		drift := int64(minutes * 60 * 48000 * math.Abs(ppm) / 1e6)
		if s.Jumps+s.Late+s.Early != 0 || s.Slipped < drift-200 || s.Slipped > drift+200 {
			t.Errorf("%v ppm: %+v, and %d samples of drift", ppm, s, drift)
		}
		// A sine of 1 kHz at half of full scale never steps by more than this.
		if step, most := largestStep(out[480:]), 0.5*2*math.Pi*1000/48000*1.01; step > most {
			t.Errorf("%v ppm: a step of %v; the tone itself has %v", ppm, step, most)
		}
		if off := math.Abs(m.lines[0].off); off > slipAbove*48000*1.2 {
			t.Errorf("%v ppm: %v samples off in the end", ppm, off)
		}
	}
}

func TestAJumpOfTheClockIsFollowedAtOnceWithoutAClick(t *testing.T) {
	for _, jump := range []time.Duration{300 * time.Millisecond, -200 * time.Millisecond} {
		m := NewMixer(noon, MixerOptions{Inputs: 1})
		in := tone{hz: 200, loud: 0.5, start: noon}
		var out []float32
		for i := range 200 {
			if i == 60 {
				in.start = in.start.Add(jump)
			}
			put(t, m, 0, in.next(1024))
			if i >= 20 {
				out = append(out, m.Mix().Samples...)
			}
		}
		if s := m.Stats(0); s.Jumps != 1 {
			t.Errorf("%v: %+v", jump, s)
		}
		if step := largestStep(out); step > 0.03 {
			t.Errorf("%v: a click of %v", jump, step)
		}
	}
}

func TestSoundThatEndsAndBeginsDoesNotClick(t *testing.T) {
	m := NewMixer(noon, MixerOptions{Inputs: 1})
	in := tone{hz: 300, loud: 0.9, start: noon}
	var out []float32
	for i := range 60 {
		b := in.next(1024)
		if i%7 != 3 { // lost
			put(t, m, 0, b)
		}
		if i > 2 {
			out = append(out, m.Mix().Samples...)
		}
	}
	if step := largestStep(out); step > 0.05 {
		t.Errorf("a click of %v", step)
	}
}

func TestASpeakerIsFollowedByACrossfadeOf50ms(t *testing.T) {
	m := NewMixer(noon, MixerOptions{Inputs: 2, Block: 480})
	m.Select(0)
	a, b := tone{hz: 400, loud: 0.5, start: noon}, tone{hz: 1000, loud: 0.5, start: noon}
	var levels []float64
	var out []float32
	for i := range 60 {
		put(t, m, 0, a.next(480))
		put(t, m, 1, b.next(480))
		if i == 30 {
			m.Select(1)
		}
		s := m.Mix().Samples
		levels = append(levels, power(s))
		out = append(out, s...)
	}
	for i, level := range levels {
		if i > 2 && (level < 0.5/math.Sqrt2*0.93 || level > 0.5/math.Sqrt2*1.07) {
			t.Errorf("block %d has a level of %v: one input makes way for the other at the same loudness", i, level)
		}
	}
	if step := largestStep(out); step > 0.5*2*math.Pi*1000/48000*1.2 {
		t.Errorf("a click of %v", step)
	}
	// After the fade it is the second alone.
	for i := 36 * 480; i < 60*480; i++ {
		if want := 0.5 * math.Sin(2*math.Pi*1000*float64(i)/48000); math.Abs(float64(out[2*i])-want) > 1e-4 {
			t.Fatalf("sample %d is %v, want %v", i, out[2*i], want)
		}
	}
}

func TestWhatIsTooLoudIsTurnedDown(t *testing.T) {
	m := NewMixer(noon, MixerOptions{Inputs: 8})
	for input := range 8 {
		in := tone{hz: 440, loud: 0.9, start: noon}
		for range 100 {
			put(t, m, input, in.next(1024))
		}
	}
	for range 99 {
		b := m.Mix()
		for _, x := range b.Samples {
			if x > ceiling+1e-6 || x < -ceiling-1e-6 {
				t.Fatalf("a sample of %v", x)
			}
		}
		// No clipping: the wave stays a sine, whose level is 0.707 of its peak.
		if level := power(b.Samples); b.PTS > 48000 && (level < 0.66 || level > 0.72) {
			t.Errorf("a level of %v at %d", level, b.PTS)
		}
	}
}

func TestAnInputThatAlwaysComesLateIsHeardLater(t *testing.T) {
	m := NewMixer(noon, MixerOptions{Inputs: 1})
	in := tone{hz: 440, loud: 0.5, start: noon.Add(-2 * time.Second)} // arrives 2 s after its capture
	heard := 0
	for range 200 {
		put(t, m, 0, in.next(1024))
		if power(m.Mix().Samples) > 0.3 {
			heard++
		}
	}
	if heard < 160 {
		t.Errorf("heard in %d of 200 blocks: %+v", heard, m.Stats(0))
	}
}

func TestAClockFromTheFutureIsHeardAllTheSame(t *testing.T) {
	m := NewMixer(noon, MixerOptions{Inputs: 1})
	in := tone{hz: 440, loud: 0.5, start: noon.Add(1000 * time.Hour)}
	heard := 0
	for range 200 {
		put(t, m, 0, in.next(1024))
		if power(m.Mix().Samples) > 0.3 {
			heard++
		}
	}
	if heard < 160 {
		t.Errorf("heard in %d of 200 blocks: %+v", heard, m.Stats(0))
	}
	if n := len(m.lines[0].chunks); n > 10 {
		t.Errorf("%d chunks wait", n)
	}
}

func TestAPauseLongerThanTheRoomStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMixer(noon, MixerOptions{Inputs: 2})
		offer := func(input int, from time.Time, blocks int) {
			in := tone{hz: 440, loud: 0.5, start: from}
			for range blocks {
				if err := m.Offer(t.Context(), input, in.next(4800)); err != nil {
					t.Error(err)
				}
			}
		}
		go func() {
			defer m.End(0)
			offer(0, noon, 10)
			offer(0, noon.Add(20*time.Second), 10) // after a pause
		}()
		go func() {
			defer m.End(1)
			offer(1, noon, 210)
		}()
		for !m.Next().After(noon.Add(21 * time.Second)) {
			if err := m.Await(t.Context()); err != nil {
				t.Fatal(err)
			}
			m.Mix()
		}
		synctest.Wait()
	})
}

func TestRecordedInputsWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMixer(noon, MixerOptions{Inputs: 2, Room: 100 * time.Millisecond})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 2)
		for input, pause := range []time.Duration{time.Millisecond, 30 * time.Millisecond} {
			go func() {
				in := tone{hz: 440, loud: 0.4, start: noon}
				for range 50 {
					time.Sleep(pause)
					if err := m.Offer(ctx, input, in.next(1024)); err != nil {
						done <- err
						return
					}
				}
				m.End(input)
				done <- nil
			}()
		}
		var out []float32
		for range 50 {
			if err := m.Await(ctx); err != nil {
				t.Fatal(err)
			}
			out = append(out, m.Mix().Samples...)
		}
		if a, b := <-done, <-done; a != nil || b != nil {
			t.Fatal(a, b)
		}
		for i := 480; i < len(out); i += 2 {
			want := 0.8 * math.Sin(2*math.Pi*440*float64(i/2)/48000)
			if math.Abs(float64(out[i])-want) > 1e-4 {
				t.Fatalf("sample %d is %v, want %v: something was lost on the way", i/2, out[i], want)
			}
		}
		// Who waits for room can give up, and is let go at the end.
		far := media.Sound{SoundFormat: media.SoundFormat{Rate: 48000, Channels: 2}, Wall: noon.Add(time.Hour), Samples: []float32{0, 0}}
		go func() { done <- m.Offer(ctx, 0, far) }()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("after cancel: %v", err)
		}
		go func() { done <- m.Offer(t.Context(), 0, far) }()
		synctest.Wait()
		m.Close()
		if err := <-done; !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// FuzzMixersAlwaysGiveWholeBlocks holds that whatever inputs send, a block is whole, within
// full scale and made of numbers, and that what waits is bounded.
func FuzzMixersAlwaysGiveWholeBlocks(f *testing.F) {
	f.Add(uint64(1), uint8(2))
	f.Add(uint64(77), uint8(9))
	f.Fuzz(func(t *testing.T, seed uint64, inputs uint8) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := NewMixer(noon, MixerOptions{Inputs: int(inputs % 10), Block: 1 + r.IntN(3000), Format: media.SoundFormat{Channels: 1 + r.IntN(2)}})
		for range 60 {
			wall := noon.Add(time.Duration(r.Int64N(int64(3*time.Second))) - time.Second)
			if r.IntN(20) == 0 {
				wall = time.Unix(r.Int64N(1<<40)-1<<39, 0)
			}
			pts := media.Ticks(r.Int64() >> r.IntN(63))
			if r.IntN(2) == 0 {
				pts = -pts
			}
			s := media.Sound{
				SoundFormat: media.SoundFormat{Rate: 48000, Channels: 1 + r.IntN(2)}, Wall: wall,
				PTS: pts, Samples: make([]float32, r.IntN(5000)),
			}
			for i := range s.Samples {
				s.Samples[i] = math.Float32frombits(r.Uint32())
			}
			input := r.IntN(11) - 1
			if err := m.Put(input, s); (err != nil) != (input < 0 || input >= int(inputs%10)) {
				t.Fatal(err)
			}
			m.Select(r.IntN(12) - 2)
			m.Gain(r.IntN(12)-1, math.Float64frombits(r.Uint64()))
			b := m.Mix()
			if len(b.Samples) != m.o.Block*b.Channels {
				t.Fatalf("%d samples", len(b.Samples))
			}
			for _, x := range b.Samples {
				if !(x >= -1 && x <= 1) {
					t.Fatalf("a sample of %v", x)
				}
			}
		}
		for i := range m.lines {
			if n := len(m.lines[i].chunks); n > 60 {
				t.Errorf("%d chunks wait", n)
			}
		}
	})
}
