package rtsp

import (
	"errors"
	"math/rand/v2"
	"net/textproto"
	"testing"
	"time"

	"rtsprec/engine/media"
)

func TestAPlayRequestSaysHowToPlay(t *testing.T) {
	header := func(pairs ...string) textproto.MIMEHeader {
		h := textproto.MIMEHeader{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	o, err := parsePlay(header("Cseq", "515", "Require", "a, ONVIF-Replay", "Rate-Control", "no", "Frames", "intra/4000", "Scale", "-1.0",
		"Range", "clock=20261122T090000Z-"))
	if err != nil || !o.onvif || !o.unpaced || !o.keys || o.every != 4*time.Second || o.scale != -1 || o.seq != 3 || !o.hasRange || !o.reverse() || !o.keysOnly() {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err := parsePlay(header()); err != nil || o.scale != 1 || o.speed != 1 || o.unpaced || o.keysOnly() || o.hasRange {
		t.Errorf("nothing asked for gives %+v, %v", o, err)
	}
	for v, want := range map[string]float64{"0.5": 1, "1": 1, "2": 2, "2.9": 2, "3.5": 4, "100": 8, "-1": -1, "-8": -1} {
		if o, err := parsePlay(header("Scale", v)); err != nil || o.scale != want {
			t.Errorf("Scale %s is %v, %v; want %v", v, o.scale, err, want)
		}
	}
	for _, bad := range [][2]string{{"Scale", "0"}, {"Scale", "NaN"}, {"Scale", "fast"}, {"Scale", "Inf"}, {"Speed", "-1"}, {"Frames", "few"}, {"Frames", "intra/x"}, {"Range", "npt=x-"}} {
		var e *rangeError
		if _, err := parsePlay(header(bad[0], bad[1])); !errors.As(err, &e) || e.code != 400 {
			t.Errorf("%s: %s gives %v", bad[0], bad[1], err)
		}
	}
}

func TestTheReplayExtensionKeepsEveryNanosecond(t *testing.T) {
	now := at("2026-11-22T09:00:00Z")
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		x := replayExt{
			at:    time.Unix(now.Unix()+rng.Int64N(1<<32)-1<<31, rng.Int64N(1e9)).UTC(),
			clean: rng.IntN(2) == 0, end: rng.IntN(2) == 0, jump: rng.IntN(2) == 0, terminal: rng.IntN(2) == 0, seq: uint8(rng.IntN(256)),
		}
		b := x.append(nil)
		if got, ok := parseReplayExt(b, now); !ok || got != x || len(b) != replayExtSize {
			t.Fatalf("%+v comes back as %+v", x, got)
		}
	}
	if _, ok := parseReplayExt(make([]byte, replayExtSize-1), now); ok {
		t.Error("a body that is too short is taken")
	}
}

// replayed places units at the given recorded milliseconds; a negative one follows a gap.
func replayed(c *replayClock, start time.Time, ms ...int) (places []int, jumps []bool) {
	for _, m := range ms {
		au := media.AccessUnit{}
		if m < 0 {
			m = -m
			au.Missing = &media.Gap{}
		}
		au.Wall = start.Add(time.Duration(m) * time.Millisecond)
		p, jump := c.place(&au)
		places, jumps = append(places, int(p/time.Millisecond)), append(jumps, jump)
	}
	return places, jumps
}

func TestGapsAreLeftOutOfPlayingTimeAndCountWithoutRateControl(t *testing.T) {
	start := at("2026-11-22T09:00:00Z")
	for _, c := range []struct {
		name   string
		clock  *replayClock
		in     []int
		places []int
		jumps  []bool
	}{
		{"as it was", newReplayClock(start, 1, false, 1, nil), []int{0, 40, 80, -90080, 90120}, []int{0, 40, 80, 120, 160}, []bool{false, false, false, true, false}},
		{"original times", newReplayClock(start, 1, true, 1, nil), []int{0, 40, -90080}, []int{0, 40, 90080}, []bool{false, false, true}},
		{"four times as fast", newReplayClock(start, 4, false, 1, nil), []int{0, 2000, 4000, -90000}, []int{0, 500, 1000, 1500}, []bool{false, false, false, true}},
		{"backwards", newReplayClock(start.Add(90*time.Second), -1, false, 1, nil), []int{90000, 88000, 86000, -4000, 2000}, []int{0, 2000, 4000, 6000, 8000}, []bool{false, false, false, true, false}},
		{"backwards at original times", newReplayClock(start.Add(90*time.Second), -1, true, 1, nil), []int{90000, 88000, -4000}, []int{0, -2000, -86000}, []bool{false, false, true}},
		{"reordered", newReplayClock(start, 1, false, 1, nil), []int{0, 120, 40, 80, 240, 160, 200}, []int{0, 120, 40, 80, 240, 160, 200}, make([]bool, 7)},
	} {
		places, jumps := replayed(c.clock, start, c.in...)
		for i := range c.in {
			if places[i] != c.places[i] || jumps[i] != c.jumps[i] {
				t.Errorf("%s: %v %v, want %v %v", c.name, places, jumps, c.places, c.jumps)
				break
			}
		}
	}
}

func TestASecondTrackJumpsTheSameGapOnce(t *testing.T) {
	start := at("2026-11-22T09:00:00Z")
	c := newReplayClock(start, 1, false, 2, nil)
	place := func(track media.TrackID, ms int, gap bool) (int, bool) {
		au := media.AccessUnit{Track: track, Wall: start.Add(time.Duration(ms) * time.Millisecond)}
		if gap {
			au.Missing = &media.Gap{}
		}
		p, jump := c.place(&au)
		return int(p / time.Millisecond), jump
	}
	place(0, 0, false)
	place(1, 10, false)
	place(0, 40, false)
	place(1, 50, false)
	if p, jump := place(0, 60080, true); p != 90 || !jump {
		t.Errorf("the picture behind the gap is at %d ms, jump %v", p, jump)
	}
	if p, jump := place(1, 60085, true); p != 95 || !jump {
		t.Errorf("the sound behind the gap is at %d ms, jump %v", p, jump)
	}
	next := newReplayClock(start, 1, false, 2, c)
	if p, _ := next.place(&media.AccessUnit{Wall: start}); p <= 95*time.Millisecond {
		t.Errorf("RTP time falls to %v with the next PLAY", p)
	}
}
