package rtsp

import (
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/timeline"
)

// storing is a server of pictures at 25 a second and sound in packets of 20 ms, of which
// only the arrivals matter. What was in store comes within took; then all goes on live.
type storing struct {
	stored, took time.Duration
	report       time.Duration // when the first sender reports come; 0: none
}

// play plays ten seconds of it and returns the units with the lock-step of a client: packets
// in the order of arrival, timers when they are due.
func (c storing) play(t *testing.T) (pictures, sound []media.AccessUnit) {
	t.Helper()
	session := timeline.New(t0, timeline.Options{})
	streams, _ := streamsOf(parseSDP([]byte("v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio 0 RTP/AVP 8\r\n")))
	if len(streams) != 2 {
		t.Fatal(streams)
	}
	v := newReceiver(streams[0], session, time.Second, func(au media.AccessUnit) { pictures = append(pictures, au) })
	a := newReceiver(streams[1], session, time.Second, func(au media.AccessUnit) { sound = append(sound, au) })
	at := func(taken time.Duration) time.Duration { // when a picture arrives
		if taken < c.stored {
			return time.Duration(float64(taken) / float64(c.stored) * float64(c.took))
		}
		return taken - c.stored + c.took
	}
	ntp := func(d time.Duration) uint64 { return ntpOf(t0.Add(d - c.stored + c.took)) }
	told, picture, heard := false, time.Duration(0), time.Duration(0)
	for now := time.Duration(0); now < 10*time.Second; now += time.Millisecond {
		for ; at(picture) <= now; picture += 40 * time.Millisecond {
			v.unit(&unit{data: []byte{0, 0, 0, 1, 0x65, 1}, rtp: uint32(media.FromDuration(picture, 90000)), arrival: t0.Add(at(picture))})
		}
		for ; heard+c.took <= now; heard += 20 * time.Millisecond {
			a.unit(&unit{data: make([]byte, 160), rtp: uint32(media.FromDuration(heard, 8000)), arrival: t0.Add(heard + c.took)})
		}
		if c.report > 0 && now >= c.report && !told {
			told = true
			v.clock.Report(ntp(picture), uint32(media.FromDuration(picture, 90000)), t0.Add(now))
			a.clock.Report(ntp(heard+c.stored), uint32(media.FromDuration(heard, 8000)), t0.Add(now))
		}
		for _, r := range []*receiver{v, a} {
			if d, ok := r.deadline(); ok && !t0.Add(now).Before(d) {
				r.expire(t0.Add(now))
			}
		}
	}
	return pictures, sound
}

// What a server has in store comes at once, its sound begins now: they are dated together
// all the same, with sender reports and without.
func TestAServerThatBeginsWithWhatItHasInStore(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []storing{
		{},
		{stored: 2 * time.Second, took: 50 * ms},
		{stored: 2 * time.Second, took: 500 * ms},
		{stored: 8 * time.Second, took: 1200 * ms},
		{stored: 2 * time.Second, took: 50 * ms, report: 5 * time.Second},
	} {
		pictures, sound := c.play(t)
		if len(pictures) < 200 || len(sound) < 400 {
			t.Fatalf("%+v: %d pictures, %d packets of sound", c, len(pictures), len(sound))
		}
		for i, au := range pictures {
			taken := t0.Add(time.Duration(i)*40*ms - c.stored + c.took)
			if off := au.Wall.Sub(taken); off.Abs() > 10*ms {
				t.Errorf("%+v: picture %d is dated %v off", c, i, off)
				break
			}
		}
		for i, au := range sound {
			if off := au.Wall.Sub(t0.Add(time.Duration(i)*20*ms + c.took)); off.Abs() > 10*ms {
				t.Errorf("%+v: sound %d is dated %v off", c, i, off)
				break
			}
		}
		if pictures[0].PTS > pictures[1].PTS || pictures[1].PTS-pictures[0].PTS != 3600 {
			t.Errorf("%+v: the first pictures are at %d and %d", c, pictures[0].PTS, pictures[1].PTS)
		}
	}
}

// What comes as it was taken is held for a tenth of a second, and a lone unit no longer.
func TestTheOpeningIsShort(t *testing.T) {
	rate := 90000
	for _, c := range []struct {
		name string
		unit func(i int) (rtp uint32, arrival time.Duration)
		want time.Duration // the arrival of the last that is held
	}{
		{"live", func(i int) (uint32, time.Duration) { return uint32(i * 3600), time.Duration(i) * 40 * time.Millisecond }, 120 * time.Millisecond},
		{"in store for ever", func(i int) (uint32, time.Duration) { return uint32(i * 3600), time.Duration(i) * 10 * time.Millisecond }, 1500 * time.Millisecond},
		{"a jump", func(i int) (uint32, time.Duration) { return uint32(i) << 30, time.Duration(i) * 20 * time.Millisecond }, 20 * time.Millisecond},
	} {
		var o firstUnits
		for i := range 10_000 {
			rtp, arrival := c.unit(i)
			if o.hold(&unit{rtp: rtp, arrival: t0.Add(arrival)}, 1, rate) {
				if (arrival - c.want).Abs() > 101*time.Millisecond {
					t.Errorf("%s: held until %v", c.name, arrival)
				}
				break
			}
		}
		if _, least := o.end(); least > 0 || !o.over {
			t.Errorf("%s: %v", c.name, least)
		}
	}
	var o firstUnits
	o.hold(&unit{arrival: t0}, 1, rate)
	if !o.deadline().Equal(t0.Add(firstLeast)) {
		t.Errorf("a lone unit is held until %v", o.deadline().Sub(t0))
	}
}
