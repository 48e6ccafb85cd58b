package engine

import (
	"context"
	"image"
	"image/color"
	"testing"
	"time"

	"rtsprec/engine/av"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rate"
	"rtsprec/engine/rtsp"
	"rtsprec/presets"
)

// What was sent as it came is not shown again, and what follows it begins with a key frame.
func TestReencodingBeginsBehindWhatWasSentWithAKeyFrame(t *testing.T) {
	coder := av.New(av.Options{})
	if coder == nil {
		t.Skip("this build has no codecs")
	}
	track, source := testPictures(t, coder, 20)
	for _, sent := range []int{0, 4, 9} { // the last of the group that was sent; 9 is the newest
		c, err := newRecoder(coder, track, track.Config, "none", 2*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		c.after = source[sent].PTS
		c.aim(presets.Rung{Width: 160, Height: 90, Bitrate: 200_000}, false, false)
		for i, au := range source[:10] {
			c.wind(au, i == 9)
		}
		var out []media.AccessUnit
		c.start(context.Background(), func(au media.AccessUnit) { out = append(out, au) })
		for _, au := range source[10:15] { // more would be too many at once
			c.put(au)
		}
		c.end()
		if len(out) == 0 || !out[0].Key || out[0].PTS <= source[sent].PTS {
			t.Fatalf("sent up to %d: %d units, the first: %+v", sent, len(out), out[:min(1, len(out))])
		}
		first := media.Ticks(9)
		if sent == 9 {
			first = 10
		}
		if out[0].PTS != first*3600 {
			t.Errorf("sent up to %d: goes on at %d", sent, out[0].PTS/3600)
		}
		if media.ConfigOf(track.Codec, out[0].Data, nil) == nil {
			t.Error("the key frame has no parameter sets")
		}
	}
}

// Over UDP, what a lost packet breaks is whole again within a second: key frames are sent that
// far apart at most, whatever the pace of the step and of the source.
func TestKeyFramesOverUDPAreASecondApart(t *testing.T) {
	coder := av.New(av.Options{})
	if coder == nil {
		t.Skip("this build has no codecs")
	}
	track, source := testPictures(t, coder, 100)
	a := newAdapter(Deps{Coder: coder, Clock: media.SystemClock{}}, RelayAdapt{Device: "none"}, newLiveLine(Deps{}, RelayTarget{Name: "x", Transport: rtsp.UDP}))
	for _, rung := range []presets.Rung{{Width: 160, Height: 90, FPS: 25, Bitrate: 200_000}, {Width: 160, Height: 90, FPS: 50, Bitrate: 200_000}, {Width: 160, Height: 90, FPS: 7, Bitrate: 200_000}, {KeyFramesOnly: true, Bitrate: 100_000}} {
		c, err := newRecoder(coder, track, track.Config, "none", a.keys)
		if err != nil {
			t.Fatal(err)
		}
		c.aim(rung, false, false)
		last, most, keys := media.Ticks(-1), media.Ticks(0), 0
		c.start(t.Context(), func(au media.AccessUnit) {
			if !au.Key {
				return
			}
			if keys++; keys > 1 {
				most = max(most, au.PTS-last)
			}
			last = au.PTS
		})
		for _, au := range source {
			c.put(au)
			for !idle(c) {
				<-time.After(time.Millisecond)
			}
		}
		c.end()
		if most > 90000 || keys < 4 {
			t.Errorf("%s: %d key frames, up to %.2f s apart", rungName(rung), keys, float64(most)/90000)
		}
	}
}

// idle reports whether nothing waits for a recoder.
func idle(c *recoder) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.units) == 0
}

// testPictures are a track and pictures of 25 a second, a key frame every 20.
func testPictures(t *testing.T, coder media.Coder, count int) (media.Track, []media.AccessUnit) {
	t.Helper()
	canvas, err := coder.Canvas(media.CanvasOptions{Width: 320, Height: 180})
	if err != nil {
		t.Fatal(err)
	}
	defer canvas.Close()
	encoder, err := coder.PictureEncoder(media.EncodeOptions{Codec: media.H264, Width: 320, Height: 180, FPS: 25, Bitrate: 500_000, GOP: time.Minute, LowLatency: true})
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	var source []media.AccessUnit
	for n := range media.Ticks(count) {
		canvas.Fill(image.Rect(0, 0, 320, 180), color.NRGBA{uint8(4 * n), 80, 120, 255})
		p, err := canvas.Picture(n*3600, time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		units, err := encoder.Encode(p, n%20 == 0)
		p.Release()
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, units...)
	}
	return encoder.Track(), source
}

// A step that the encoder cannot make is left out, and that is said once; the others are
// used as if it had never been.
func TestAStepThatCannotBeEncodedIsLeftOutAndSaidOnce(t *testing.T) {
	coder := av.New(av.Options{})
	if coder == nil {
		t.Skip("this build has no codecs")
	}
	ladder := presets.Ladder{Name: "bad", Rungs: []presets.Rung{
		{Width: 320, Height: 180, FPS: 5000, Bitrate: 400_000}, {Width: 160, Height: 90, FPS: 10, Bitrate: 200_000},
	}}
	var said []string
	d := Deps{Coder: coder, Clock: media.SystemClock{}, Observe: func(e Event) {
		if n, ok := e.(Notice); ok {
			said = append(said, n.Message)
		}
	}}
	sink := &slowSink{gate: make(chan struct{})}
	close(sink.gate)
	line := newLiveLine(d, RelayTarget{Name: "x"})
	line.queue = newQueue(sink, 1<<20)
	a := newAdapter(d, RelayAdapt{Ladder: ladder, Device: "none"}, line)
	a.queue.start(t.Context())
	track, source := testPictures(t, coder, 60)
	a.Begin(t.Context(), media.Run{Tracks: []media.Track{track}})
	now := time.Unix(1_800_000_000, 0)
	pub := &rtsp.Publisher{}
	rateOf := func(bitrate int) (step int, why []rate.Reason) {
		a.loop.pub, a.loop.control = pub, rate.New(rate.Options{Start: bitrate})
		_, step, why = a.loop.update(now, rate.Feedback{}, pub, ladder, 320, 180, 500_000)
		return step, why
	}
	turned := false
	for i, au := range source {
		if !turned && i == 12 {
			step, why := rateOf(300_000)
			if step != 1 {
				t.Fatalf("step %d", step)
			}
			a.mu.Lock()
			a.turn(t.Context(), now, step, rate.Decision{Bitrate: 300_000, Steady: 300_000}, why)
			a.mu.Unlock()
			turned = true
		}
		a.Write(t.Context(), au)
		for a.coder != nil && !idle(a.coder) {
			<-time.After(time.Millisecond)
		}
		if a.coder != nil && a.coder.stuck() != nil {
			a.mu.Lock()
			a.without(a.coder.stuck())
			a.mu.Unlock()
		}
	}
	if len(said) != 1 {
		t.Errorf("said: %q", said)
	}
	if a.coder != nil || !a.copying {
		t.Error("the source is not sent again")
	}
	if step, _ := rateOf(150_000); step != 1 || a.loop.rungs[0].Width != 160 {
		t.Errorf("step %d of %+v", step, a.loop.rungs)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if last := sink.units[len(sink.units)-1]; last.PTS != source[len(source)-1].PTS {
		t.Errorf("the last picture is %d", last.PTS)
	}
}

func TestALadderThatDoesNotFallIsRefused(t *testing.T) {
	for _, bad := range [][]int{{500, 500}, {500, 600}, {500, 0}, {-1}} {
		o := RelayAdapt{}
		for _, bitrate := range bad {
			o.Ladder.Rungs = append(o.Ladder.Rungs, presets.Rung{Bitrate: bitrate})
		}
		if err := o.check(); !fault.Is(err, fault.Usage) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// Where encoding does not keep up, what follows says what is missing and why: the far end
// would take it for silence otherwise.
func TestPicturesThatThereIsNoTimeToReencodeAreAGapOfThatCause(t *testing.T) {
	t.Parallel()
	coder := av.New(av.Options{})
	if coder == nil {
		t.Skip("this build has no codecs")
	}
	track, source := testPictures(t, coder, 60)
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	for i := range source {
		source[i].Wall = start.Add(time.Duration(i) * 40 * time.Millisecond)
	}
	c, err := newRecoder(coder, track, track.Config, "none", 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	c.aim(presets.Rung{Width: 160, Height: 90, Bitrate: 200_000}, false, false)
	first, goOn := make(chan struct{}), make(chan struct{})
	var out []media.AccessUnit
	c.start(context.Background(), func(au media.AccessUnit) {
		if out = append(out, au); len(out) == 1 {
			close(first)
			<-goOn // the encoder is slow
		}
	})
	const few = 5 // that are not too many at once; decoders hold some back
	for _, au := range source[:few] {
		c.put(au)
	}
	select {
	case <-first:
	case <-time.After(time.Minute):
		t.Fatal("nothing comes")
	}
	for _, au := range source[few:] {
		c.put(au)
	}
	close(goOn)
	c.end()
	told := 0
	for i, au := range out {
		g := au.Missing
		if g == nil {
			continue
		}
		if told++; i == 0 || !g.From.Equal(out[i-1].Wall.Add(40*time.Millisecond)) || !g.To.Equal(au.Wall) || !g.Causes.Has(media.Overflow) || g.Note == "" {
			t.Errorf("unit %d of %d, at %v: %+v", i, len(out), au.Wall, g)
		}
	}
	if told != 1 || len(out) > len(source)/2 {
		t.Errorf("%d gaps are told of; %d units came of %d", told, len(out), len(source))
	}
}

// The steps of a source that takes another's place are made for what it is known to need,
// not for the rate of the other, and are not made before that is known.
func TestTheStepsAreThoseOfTheSourceThatPlaysNow(t *testing.T) {
	clock := &setClock{time.Unix(1_800_000_000, 0)}
	d := Deps{Clock: clock, Observe: func(Event) {}, Coder: struct{ media.Coder }{}}
	sink := &slowSink{gate: make(chan struct{})}
	close(sink.gate)
	line := newLiveLine(d, RelayTarget{Name: "x"})
	line.queue = newQueue(sink, 1<<20)
	ladder := presets.Ladder{Name: "two", Rungs: []presets.Rung{{Bitrate: 2_000_000, Width: 1280, Height: 720, FPS: 25}, {Bitrate: 300_000, Width: 320, Height: 180, FPS: 10}}}
	a := newAdapter(d, RelayAdapt{Ladder: ladder}, line)
	pub := &rtsp.Publisher{}
	a.path = func(int64) (rate.Feedback, *rtsp.Publisher) { return rate.Feedback{}, pub }
	for _, c := range []struct {
		name  string
		seen  int           // bit/s, before
		sends int           // bit/s
		after time.Duration // that long
		want  float64       // bit/s for which there are steps; 0: there are none
	}{
		{"at first", 0, 400_000, time.Second, 0},
		{"seen for a while", 0, 400_000, 4 * time.Second, 400_000},
		{"another, of which nothing is known", 0, 4_000_000, time.Second, 0},
		{"another, that was seen before", 4_000_000, 4_000_000, time.Second, 4_000_000},
	} {
		a.Begin(t.Context(), media.Run{Tracks: []media.Track{{Codec: media.H264, ClockRate: 90000}}, Variant: media.Variant{Rate: c.seen}})
		for range int(c.after / (100 * time.Millisecond)) {
			clock.at = clock.at.Add(100 * time.Millisecond)
			a.Write(t.Context(), media.AccessUnit{Key: true, Data: make([]byte, c.sends/80)})
			a.judge(t.Context())
		}
		if got := a.loop.source; got < 0.9*c.want || got > 1.1*c.want {
			t.Errorf("%s: steps for %.0f bit/s", c.name, got)
		}
	}
}

// A source that has more than the steps in use were made for has them made anew, not at
// once, and the way gets as much as it takes.
func TestStepsInUseAreMadeAnewForASourceThatGrows(t *testing.T) {
	ladder := presets.Ladder{Name: "three", Rungs: []presets.Rung{
		{Bitrate: 4_000_000, Width: 1920, Height: 1080, FPS: 25}, {Bitrate: 2_000_000, Width: 1280, Height: 720, FPS: 25}, {Bitrate: 300_000, Width: 320, Height: 180, FPS: 10},
	}}
	now := time.Unix(1_800_000_000, 0)
	var loop adaptLoop
	pub := &rtsp.Publisher{}
	loop.update(now, rate.Feedback{}, pub, ladder, 1920, 1080, 1e6)
	loop.control = rate.New(rate.Options{Start: 800_000})
	if _, step, why := loop.update(now, rate.Feedback{}, pub, ladder, 1920, 1080, 1e6); step != 1 || len(why) == 0 || loop.steps.Bitrate(rate.Decision{Bitrate: 3_000_000}) > 1e6 {
		t.Fatalf("step %d %v of %+v", step, why, loop.rungs)
	}
	loop.control = rate.New(rate.Options{Start: 3_000_000})
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{time.Second, 950_000}, {remade, 3_000_000}} {
		_, step, _ := loop.update(now.Add(c.after), rate.Feedback{}, pub, ladder, 1920, 1080, 8e6)
		if got := loop.steps.Bitrate(rate.Decision{Bitrate: 3_000_000}); step == 0 || got != c.want {
			t.Errorf("%v later: step %d of %+v takes %d bit/s, not %d", c.after, step, loop.rungs, got, c.want)
		}
	}
}

// setClock says what it is told to.
type setClock struct{ at time.Time }

func (c *setClock) Now() time.Time  { return c.at }
func (c *setClock) Wall() time.Time { return c.at }
