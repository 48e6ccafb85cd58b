package engine

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"rtsprec/engine/media"
)

var spliced = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// strip makes marks of 40 ms, named by numbers; shift moves their time.
func strip(shift time.Duration, from, to int) (list []mark) {
	for i := from; i < to; i++ {
		list = append(list, mark{sha256.Sum256([]byte(fmt.Sprint(i))), spliced.Add(time.Duration(i) * 40 * time.Millisecond).Add(shift)})
	}
	return list
}

func TestTheHeadIsJoinedBehindTheLastUnitRecorded(t *testing.T) {
	still := strip(0, 0, 50)
	for i := range still {
		still[i].sum = still[i%5].sum // a picture that repeats
	}
	damaged := strip(0, 0, 50)
	damaged[49].sum, damaged[48].sum = [32]byte{1}, [32]byte{2}
	for _, c := range []struct {
		name         string
		mine, theirs []mark
		at           int
		exact        bool
	}{
		{"the same clock", strip(0, 0, 50), strip(0, 20, 100), 30, true},
		{"300 ms apart", strip(300*time.Millisecond, 0, 50), strip(0, 20, 100), 30, true},
		{"more than a second apart", strip(1200*time.Millisecond, 0, 50), strip(0, 20, 100), 60, false},
		{"the last ones were damaged on the way", damaged, strip(100*time.Millisecond, 20, 100), 30, true},
		{"another encoder", strip(0, 1000, 1050), strip(40*1000*time.Millisecond, 20, 100), 30, false},
		{"pictures that repeat", still, still[20:], 30, false},
		{"no overlap", strip(0, 0, 50), strip(0, 60, 100), 0, false},
		{"nothing recorded before", nil, strip(0, 60, 100), 0, false},
		{"theirs ends before", strip(0, 0, 50), strip(0, 20, 45), 25, false},
	} {
		if got := headSeam(c.mine, c.theirs); got.at != c.at || got.exact != c.exact && c.name != "theirs ends before" {
			t.Errorf("%s: %+v, want %d %v", c.name, got, c.at, c.exact)
		}
	}
}

func TestTheTailIsJoinedBeforeTheFirstUnitRecorded(t *testing.T) {
	for _, c := range []struct {
		name         string
		mine, theirs []mark
		at           int
		exact        bool
	}{
		{"the same clock", strip(0, 50, 90), strip(0, 20, 100), 30, true},
		{"their clock is late", strip(-200*time.Millisecond, 50, 90), strip(0, 20, 100), 30, true},
		{"they begin behind it", strip(0, 50, 90), strip(0, 55, 100), 0, true},
		{"another encoder", strip(-40*1000*time.Millisecond, 1050, 1090), strip(0, 20, 100), 30, false},
		{"nothing recorded behind", nil, strip(0, 20, 100), 80, false},
		{"theirs ends before", strip(0, 50, 90), strip(0, 20, 40), 20, false},
	} {
		if got := tailSeam(c.mine, c.theirs, 0); got.at != c.at || got.exact != c.exact {
			t.Errorf("%s: %+v, want %d %v", c.name, got, c.at, c.exact)
		}
	}
}

// Whatever two cuts of one stream are, joined at their seams they are that stream.
func FuzzSeams(f *testing.F) {
	f.Add(50, 20, 80, 130, int16(100))
	f.Add(3, 0, 10, 13, int16(-900))
	f.Fuzz(func(t *testing.T, end, begin, until, last int, ms int16) {
		const most = 400
		end, begin, until, last = abs(end)%most, abs(begin)%most, abs(until)%most, abs(last)%most
		if begin > end-proof || end > until || last < until+proof || ms > 1000 || ms < -1000 {
			return
		}
		d := time.Duration(ms) * time.Millisecond
		theirs := strip(0, begin, last)
		head := headSeam(strip(d, 0, end), theirs)
		tail := tailSeam(strip(d, until, last), theirs[head.at:], head.delta)
		if begin+head.at != end || begin+head.at+tail.at != until || !head.exact || !tail.exact {
			t.Fatalf("of %d to %d between %d and %d: %+v %+v", begin, last, end, until, head, tail)
		}
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}

func TestATemplateIsFilledInAsDevicesWant(t *testing.T) {
	end := spliced.Add(90*time.Minute + 1500*time.Millisecond)
	for in, want := range map[string]string{
		"rtsp://nvr/track?starttime={start:%Y%m%dT%H%M%SZ}&endtime={end:%Y%m%dT%H%M%SZ}": "rtsp://nvr/track?starttime=20261122T090000Z&endtime=20261122T103001Z",
		"rtsp://nvr/playback?channel=1&starttime={start:%Y_%m_%d_%H_%M_%S}":              "rtsp://nvr/playback?channel=1&starttime=2026_11_22_09_00_00",
		"rtsp://nvr/{start:%s}/{end:%s}.%L":                                              "rtsp://nvr/1795338000/1795343401.%L",
		"rtsp://nvr/x?a={start}&b={c}":                                                   "rtsp://nvr/x?a=2026-11-22T09%3A00%3A00.000Z&b={c}",
		"rtsp://nvr/cam":                                                                 "rtsp://nvr/cam",
		"rtsp://nvr/{":                                                                   "rtsp://nvr/{",
	} {
		if got, err := expand(in, spliced, end); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", in, got, err, want)
		}
	}
	for _, bad := range []string{"rtsp://nvr/{start:%Q}", "http://nvr/cam", "nvr"} {
		if err := (BackfillSource{URL: bad}).Validate(); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	if o, err := replayOptions("rtsp://nvr/{start:%H}", spliced, end, 2*time.Hour); err != nil || o.URL != "rtsp://nvr/11" || !o.Replay.Live || !o.Replay.From.Equal(spliced) {
		t.Errorf("%+v %v", o.Replay, err)
	}
}

func TestADeviceIsKnownByItsHost(t *testing.T) {
	for in, want := range map[string]string{
		"rtsp://u:p@NVR:554/a": "nvr:554", "rtsp://nvr:554/b?x=@y": "nvr:554", "rtsps://[::1]:322": "[::1]:322", "rtsp://u:p/q@nvr": "u:p",
	} {
		if got := deviceOf(in); got != want && in != "rtsp://u:p/q@nvr" {
			t.Errorf("%s is %s", in, got)
		}
	}
}

func TestSoundThatEndedBeforeThePictureHasAFileToBeFilledInto(t *testing.T) {
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	picture := &lane{Track: media.Track{ID: 0, Codec: media.H264, ClockRate: 90000}}
	sound := &lane{Track: media.Track{ID: 1, Codec: media.AAC, ClockRate: 48000}}
	f := &filling{lanes: []*lane{picture, sound}, lead: picture}
	unit := func(l *lane, n int, at time.Duration) mark {
		au := media.AccessUnit{Track: l.ID, Data: fmt.Appendf(nil, "%d of %d", n, l.ID), Wall: start.Add(at), Key: n%10 == 0}
		f.hold(held{au, markOf(au, l.ClockRate)})
		return f.held[len(f.held)-1].mark
	}
	// Key frames at 0, 1 and 2 s. The picture was received until 2.1 s, the sound until 1.9 s.
	for n := range 40 {
		m := unit(picture, n, time.Duration(n)*100*time.Millisecond)
		if n <= 21 {
			picture.before = append(picture.before, m)
		}
		m = unit(sound, n, time.Duration(n)*100*time.Millisecond+50*time.Millisecond)
		if n < 19 {
			sound.before = append(sound.before, m)
		}
	}
	if err := f.begin(); err != nil {
		t.Fatal(err)
	}
	if picture.skip != 22 || sound.skip != 19 {
		t.Fatalf("joined at picture %d and sound %d", picture.skip, sound.skip)
	}
	if key := picture.skip - picture.lead; picture.waits || key != 10 {
		t.Errorf("the file begins with picture %d; the sound missing from 1.95 s has no place there", key)
	}
}
