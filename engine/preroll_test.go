package engine

import (
	"testing"
	"time"

	"rtsprec/engine/media"
)

var (
	nine     = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	testRun  = media.Run{Tracks: []media.Track{{ID: 0, Codec: media.H264, ClockRate: 90000}, {ID: 1, Codec: media.PCMA, ClockRate: 8000, Channels: 1}}}
	soundRun = media.Run{Tracks: []media.Track{{ID: 0, Codec: media.PCMA, ClockRate: 8000, Channels: 1}}}
)

// unit is the picture (track 0) or sound (track 1) captured at after nine o'clock.
func unit(track media.TrackID, at time.Duration, key bool) media.AccessUnit {
	return media.AccessUnit{
		Track: track, Key: key, Wall: nine.Add(at), Arrival: nine.Add(at), Data: []byte{1, 2, 3},
		PTS: media.FromDuration(at+time.Minute, testRun.Tracks[track].ClockRate),
	}
}

func TestAPlannedStartBeginsWithTheNewestGOP(t *testing.T) {
	p := newPreroll(testRun, nine)
	var got []media.AccessUnit
	for ms := -3000; ms <= 100; ms += 100 {
		at := time.Duration(ms) * time.Millisecond
		got = append(got, p.pass(unit(0, at, ms%700 == 0))...)
		got = append(got, p.pass(unit(1, at+10*time.Millisecond, true))...)
	}
	if len(got) == 0 || !got[0].Key || got[0].Track != 0 || !got[0].Wall.Equal(nine.Add(-700*time.Millisecond)) {
		t.Fatalf("begins with %+v, want the key frame 0.7 s before the start", got[0])
	}
	if want := 2*(7+1) + 2; len(got) != want {
		t.Errorf("%d units pass, want %d", len(got), want)
	}
	for i := 2; i < len(got); i++ {
		if got[i].Wall.Before(got[i-2].Wall) {
			t.Fatal("units are out of order")
		}
	}
}

func TestAPlannedStartOfSoundAloneKeepsOneUnit(t *testing.T) {
	p := newPreroll(soundRun, nine)
	var got []media.AccessUnit
	for ms := -3000; ms <= 0; ms += 20 {
		au := unit(1, time.Duration(ms)*time.Millisecond, true)
		au.Track = 0
		got = append(got, p.pass(au)...)
	}
	if len(got) != 2 || !got[1].Wall.Equal(nine) {
		t.Errorf("%d units pass, want the last before the start and the one at it", len(got))
	}
}

func TestWithoutAPlannedStartEverythingPasses(t *testing.T) {
	p := newPreroll(testRun, time.Time{})
	if got := p.pass(unit(0, -time.Hour, false)); len(got) != 1 {
		t.Errorf("%d units pass", len(got))
	}
}

func TestASessionEndsWhenItsPictureHasReachedTheEnd(t *testing.T) {
	tl := newTail(testRun)
	if tl.done(1) {
		t.Error("sound alone ends a session with a picture")
	}
	if !tl.done(0) {
		t.Error("the picture does not end it")
	}
	if !newTail(soundRun).done(0) {
		t.Error("a session of sound alone does not end")
	}
}
