package rtsp

import (
	"strings"
	"testing"
	"time"
)

func TestADescriptionSaysWhatIsRecorded(t *testing.T) {
	t.Parallel()
	s, _ := archived(t, 40*time.Second, 12*time.Second)
	for query, want := range map[string][]string{
		"": {"a=range:clock=20261122T090000Z-20261122T090140Z\r\n", "a=range:npt=0-100\r\n", "a=" + captureClock + "\r\n"},
		"?start=2026-11-22T09:00:05Z&end=2026-11-22T09:00:10.5Z": {"a=range:clock=20261122T090005Z-20261122T090010.5Z\r\n", "a=range:npt=0-5.5\r\n"},
	} {
		r := talkTo(t, s, "cam"+query).ask("DESCRIBE", s.url("cam"+query))
		for _, line := range want {
			if !strings.Contains(string(r.body), line) {
				t.Errorf("%q: %d, no %q in\n%s", query, r.code, line, r.body)
			}
		}
	}
}

func TestWhatCannotBeReplayedGetsTheStatusThatSaysWhy(t *testing.T) {
	t.Parallel()
	s, _ := archived(t, 40*time.Second, 0)
	for query, code := range map[string]int{
		"?start=yesterday": 400, "?start=NaN": 400, "?start=2026-11-22T09:00:10Z&end=2026-11-22T09:00:05Z": 457,
		"?start=2030-01-01T00:00:00Z": 457, "?end=2000-01-01T00:00:00Z": 457, "?start=1": 200,
	} {
		if r := talkTo(t, s, "cam").ask("DESCRIBE", s.url("cam"+query)); r.code != code {
			t.Errorf("%s is answered by %d %s, want %d", query, r.code, r.reason, code)
		}
	}
	k := talkTo(t, s, "cam")
	if r := k.ask("DESCRIBE", s.url("garden")); r.code != 404 {
		t.Errorf("a path that is not recorded is answered by %d", r.code)
	}
	if r := k.ask("DESCRIBE", k.base, "Require: implicit-play"); r.code != 551 || r.header.Get("Unsupported") != "implicit-play" {
		t.Errorf("a feature that nobody knows is answered by %d, Unsupported: %q", r.code, r.header.Get("Unsupported"))
	}
	k.open()
	for header, code := range map[string]int{
		"Range: smpte=0:00:00-": 457, "Range: clock=20300101T000000Z-": 457, "Range: clock=20261122T090010Z-20261122T090005Z": 457,
		"Range: npt=100-": 457, "Range: npt=x-": 400, "Range: clock=-20000101T000000Z": 457, "Scale: fast": 400, "Scale: 0": 400, "Speed: -1": 400,
	} {
		if r := k.play(header); r.code != code {
			t.Errorf("%s is answered by %d %s, want %d", header, r.code, r.reason, code)
		}
	}
	if r := k.play("Range: npt=1-2"); r.code != 200 {
		t.Errorf("after all that PLAY is answered by %d", r.code)
	}
}

func TestSeekingWhilePlayingBeginsAnewAtOnce(t *testing.T) {
	t.Parallel()
	s, _ := archived(t, 40*time.Second, 0)
	k := talkTo(t, s, "cam")
	k.open("Require: onvif-replay")
	r := k.play("Require: onvif-replay", "Range: clock=20261122T090003.5Z-")
	if got := r.header.Get("Range"); !strings.HasPrefix(got, "clock=20261122T090003") {
		t.Errorf("what is played is %q", got)
	}
	first, _ := k.next(0, 5*time.Second)
	if at := wallOf(t, first); at.After(nine.Add(3500*time.Millisecond)) || at.Before(nine.Add(2400*time.Millisecond)) {
		t.Errorf("it begins with the picture of %v", at)
	}
	if info := infoOf(t, r); info[0].rtp != first.rtp {
		t.Errorf("RTP-Info says %d, and the first unit has the time %d", info[0].rtp, first.rtp)
	}
	before, _ := k.next(0, 5*time.Second)
	r = k.play("Require: onvif-replay", "Range: clock=20261122T090020Z-", "Immediate: yes")
	after, _ := k.next(0, 5*time.Second)
	for after.profile == 0 || wallOf(t, after).Before(nine.Add(15*time.Second)) { // on its way before the answer
		after, _ = k.next(0, 5*time.Second)
	}
	x, _ := parseReplayExt(after.extension, nine)
	if x.at.Before(nine.Add(18*time.Second)) || !x.clean || x.seq != uint8(k.seq) {
		t.Errorf("after the seek comes %+v, CSeq is %d", x, k.seq)
	}
	if int32(after.rtp-before.rtp) <= 0 {
		t.Errorf("RTP time falls from %d to %d", before.rtp, after.rtp)
	}
	if got := r.header.Get("Range"); !strings.HasPrefix(got, "clock=20261122T0900") {
		t.Errorf("what is played is %q", got)
	}
}

func TestAPausedReplayGoesOnWithTheNextUnit(t *testing.T) {
	t.Parallel()
	s, v := archived(t, 20*time.Second, 0)
	k := talkTo(t, s, "cam")
	k.open("Require: onvif-replay")
	k.play("Require: onvif-replay", "Range: npt=2-5")
	k.next(0, 5*time.Second)
	k.next(0, 5*time.Second)
	for range 3 {
		if r := k.ask("PAUSE", k.base); r.code != 200 {
			t.Fatalf("PAUSE is answered by %d", r.code)
		}
		time.Sleep(300 * time.Millisecond) // what is tested: nothing comes in a pause
		if r := k.play("Require: onvif-replay"); r.code != 200 || r.header.Get("Range") == "" {
			t.Fatalf("PLAY is answered by %d, Range %q", r.code, r.header.Get("Range"))
		}
	}
	list := k.rest(2)
	var stored []time.Time
	for _, au := range v.chosen(nine.Add(2*time.Second), nine.Add(5*time.Second), false, false) {
		if au.Track == 0 {
			stored = append(stored, au.Wall)
		}
	}
	units := unitsOf(list)
	for units[0].profile == 0 {
		units = units[1:]
	}
	if len(units) < len(stored)-4 {
		t.Errorf("%d units came, %d are stored", len(units), len(stored))
	}
	at := len(stored) - len(units)
	for i, p := range units {
		if off := wallOf(t, p).Sub(stored[at+i]); off.Abs() > time.Microsecond {
			t.Fatalf("unit %d is that of %v, want %v", i, wallOf(t, p), stored[at+i])
		}
	}
	for i := 1; i < len(list); i++ {
		if list[i].seq != list[i-1].seq+1 {
			t.Fatalf("number %d follows %d", list[i].seq, list[i-1].seq)
		}
	}
}

func TestScaleShowsKeyFramesAndBackwardsTheyFallWhileTimeRises(t *testing.T) {
	t.Parallel()
	s, _ := archived(t, 40*time.Second, 12*time.Second)
	for _, c := range []struct {
		scale  string
		span   string
		first  time.Duration
		pace   time.Duration // of RTP time, between key frames
		number int
	}{
		{"2", "clock=20261122T090000Z-20261122T090004Z", 0, 500 * time.Millisecond, 4},
		{"8", "clock=20261122T090000Z-20261122T090142Z", 0, 125 * time.Millisecond, 40},
		{"-1", "clock=20261122T090115.5Z-20261122T090009Z", 75 * time.Second, time.Second, 7},
		{"-1", "clock=20261122T090009Z-20261122T090115.5Z", 75 * time.Second, time.Second, 7},
	} {
		t.Run(c.scale+" "+c.span, func(t *testing.T) {
			t.Parallel()
			k := talkTo(t, s, "cam")
			k.open("Require: onvif-replay")
			began := time.Now()
			r := k.play("Require: onvif-replay", "Range: "+c.span, "Scale: "+c.scale)
			if r.code != 200 || !strings.HasPrefix(r.header.Get("Scale"), c.scale) {
				t.Fatalf("PLAY is answered by %d, Scale %q", r.code, r.header.Get("Scale"))
			}
			units := unitsOf(k.rest(2))
			took := time.Since(began)
			if len(units) != c.number {
				t.Errorf("%d units, want %d", len(units), c.number)
			}
			if least := time.Duration(c.number-1) * c.pace; took < least-200*time.Millisecond {
				t.Errorf("it took %v, want %v", took, least)
			}
			for i, p := range units {
				x, _ := parseReplayExt(p.extension, nine)
				if !x.clean {
					t.Errorf("unit %d is no key frame", i)
				}
				if i == 0 {
					if off := x.at.Sub(nine.Add(c.first)); off.Abs() > 500*time.Millisecond {
						t.Errorf("it begins at %v", x.at)
					}
					continue
				}
				last := wallOf(t, units[i-1])
				if c.scale == "-1" != x.at.Before(last) {
					t.Errorf("%v follows %v", x.at, last)
				}
				step := time.Duration(int32(p.rtp-units[i-1].rtp)) * time.Second / 90000
				if off := step - c.pace; off.Abs() > 20*time.Millisecond {
					t.Errorf("RTP time goes on by %v with unit %d, want %v", step, i, c.pace)
				}
			}
		})
	}
}

func TestAGapIsJumpedAndMarked(t *testing.T) {
	t.Parallel()
	s, _ := archived(t, 14*time.Second, 12*time.Second)
	for _, unpaced := range []string{"yes", "no"} {
		t.Run("Rate-Control "+unpaced, func(t *testing.T) {
			t.Parallel()
			k := talkTo(t, s, "cam")
			k.open("Require: onvif-replay")
			k.play("Require: onvif-replay", "Range: clock=20261122T090010Z-", "Rate-Control: "+unpaced)
			units := unitsOf(k.rest(2))
			ends, jumps := 0, 0
			for i, p := range units {
				x, _ := parseReplayExt(p.extension, nine)
				if i > 0 && x.jump {
					jumps++
					if off := x.at.Sub(nine.Add(72 * time.Second)); off.Abs() > 100*time.Millisecond {
						t.Errorf("the jump is to %v", x.at)
					}
					step := time.Duration(int32(p.rtp-units[i-1].rtp)) * time.Second / 90000
					if want := time.Minute; unpaced == "no" && (step-want).Abs() > 200*time.Millisecond || unpaced == "yes" && step > 200*time.Millisecond {
						t.Errorf("RTP time goes on by %v", step)
					}
				}
				if x.end {
					ends++
					if last := i == len(units)-1; x.terminal != last {
						t.Errorf("unit %d of %d: terminal %v", i, len(units), x.terminal)
					}
				}
			}
			if jumps != 1 || ends != 2 || len(units) < 90 {
				t.Errorf("%d units, %d jumps, %d ends", len(units), jumps, ends)
			}
		})
	}
}

func TestAnAddressThatNamesAMomentPlaysIt(t *testing.T) {
	t.Parallel()
	s, _ := archived(t, 20*time.Second, 0)
	k := talkTo(t, s, "cam?start=2026-11-22T09:00:05Z&end=1795338007")
	k.open()
	if r := k.play("Range: npt=0.000-"); r.code != 200 || r.header.Get("Range") != "npt=0-2" {
		t.Fatalf("PLAY is answered by %d, Range %q", r.code, r.header.Get("Range"))
	}
	if n := len(unitsOf(k.rest(2))); n < 45 || n > 80 {
		t.Errorf("%d units", n)
	}
}
