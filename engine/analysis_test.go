package engine

import (
	"math"
	"testing"
	"time"
)

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestAProbeMeasuresTheTrueFrameRateAndGOP(t *testing.T) {
	a := newAnalysis(testRun)
	frame := time.Second / 25 * 2 // 12.5 frames a second, whatever is announced
	a.add(unit(0, -frame, false)) // joined in mid-GOP: not counted
	for i := range 26 {
		if a.done() {
			t.Fatalf("done after %d pictures", i)
		}
		au := unit(0, time.Duration(i)*frame, i%25 == 0)
		au.Data = make([]byte, 1000)
		a.add(au)
		if i == 3 {
			a.add(unit(1, 0, true))
		}
	}
	if !a.done() {
		t.Fatal("not done at the second key frame")
	}
	v := &a.tracks[0]
	near(t, "frame rate", v.fps(), 12.5, 1e-9)
	near(t, "bitrate", v.bitrate(), 12.5*8000, 1e-6)
	frames, seconds := v.gop()
	if frames != 25 || v.bframes {
		t.Errorf("GOP of %d frames, B-frames %v", frames, v.bframes)
	}
	near(t, "GOP length", seconds, 2, 1e-9)
}

func TestAProbeSeesBFrames(t *testing.T) {
	a := newAnalysis(testRun)
	for i, pts := range []int{0, 3, 1, 2, 6, 4, 5} {
		a.add(unit(0, time.Duration(pts)*40*time.Millisecond, i == 0))
	}
	if !a.tracks[0].bframes {
		t.Error("no B-frames seen")
	}
	near(t, "frame rate", a.tracks[0].fps(), 25, 1e-9)
	if frames, _ := a.tracks[0].gop(); frames != 0 {
		t.Error("a GOP was measured without a second key frame")
	}
}

func TestAProbeOfSoundAloneListensForTwoSeconds(t *testing.T) {
	a := newAnalysis(soundRun)
	n := 0
	for ; !a.done() && n < 1000; n++ {
		au := unit(1, time.Duration(n)*20*time.Millisecond, true)
		au.Track = 0
		a.add(au)
	}
	near(t, "seconds heard", float64(n-1)*0.02, 2, 0.001)
}

func TestAMeterForgetsWhatIsOld(t *testing.T) {
	var m meter
	for i := range 100 { // ten seconds of ten pictures
		m.add(nine.Add(time.Duration(i)*100*time.Millisecond), 1250, true)
	}
	fps, bitrate := m.rates(nine.Add(10 * time.Second))
	near(t, "frame rate", fps, 10, 1e-9)
	near(t, "bitrate", bitrate, 100000, 1e-6)
	if fps, bitrate = m.rates(nine.Add(time.Minute)); fps != 0 || bitrate != 0 {
		t.Errorf("after a minute of silence %v fps, %v bit/s", fps, bitrate)
	}
}
