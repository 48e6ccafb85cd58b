package compose

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/media"
)

func TestTheGridIsExact(t *testing.T) {
	for _, c := range []struct {
		fps    float64
		second int64 // a picture that stands exactly at
		at     time.Duration
	}{
		{25, 25 * 3600 * 24, 24 * time.Hour}, {30, 30 * 86400, 24 * time.Hour}, {29.97, 30000 * 86, 1001 * 86 * time.Second},
		{30000.0 / 1001, 30000 * 86, 1001 * 86 * time.Second}, {59.94, 60000, 1001 * time.Second}, {23.976, 24000, 1001 * time.Second},
		{12.5, 12500, 1000 * time.Second}, {1, 86400, 24 * time.Hour}, {240, 240, time.Second},
		{0, 30, time.Second}, {math.NaN(), 30, time.Second}, {math.Inf(1), 30, time.Second}, {-5, 30, time.Second}, {1e9, 30, time.Second},
	} {
		p := NewPacer(noon, c.fps, 0)
		if at := p.At(c.second); !at.Equal(noon.Add(c.at)) {
			t.Errorf("%v: picture %d at %v, want %v", c.fps, c.second, at.Sub(noon), c.at)
		}
		if ticks := p.ticks(c.second); ticks != media.Ticks(c.at.Seconds()*90000) {
			t.Errorf("%v: picture %d at %d", c.fps, c.second, ticks)
		}
		for n := range int64(5000) {
			if !p.At(n).Before(p.At(n+1)) || p.ticks(n) >= p.ticks(n+1) {
				t.Fatalf("%v: picture %d is not before the next", c.fps, n)
			}
			if got := p.newest(p.At(n)); got != n {
				t.Fatalf("%v: at the instant of picture %d the newest is %d", c.fps, n, got)
			}
			if got := p.newest(p.At(n + 1).Add(-1)); got != n {
				t.Fatalf("%v: just before the instant of picture %d the newest is %d", c.fps, n+1, got)
			}
		}
	}
}

func TestAPictureThatIsALittleLateIsMadeAndOneThatIsTooLateIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(time.Now(), 25, 200*time.Millisecond)
		var made, skipped int64
		last := int64(-1)
		for p.Next().Sub(p.At(0)) < 20*time.Second {
			time.Sleep(time.Until(p.Next()))
			switch made {
			case 100:
				time.Sleep(150 * time.Millisecond) // within the slack: nothing is left out
			case 200:
				time.Sleep(time.Second)
			}
			d := p.Take(time.Now())
			if d.N != last+1+d.Skipped || d.PTS != media.Ticks(d.N*3600) || d.At.After(time.Now()) {
				t.Fatalf("%+v after %d", d, last)
			}
			if made == 101 && d.Skipped != 0 {
				t.Errorf("%d left out after 150 ms", d.Skipped)
			}
			last = d.N
			made++
			skipped += d.Skipped
		}
		if made+skipped != 500 || skipped != 25 {
			t.Errorf("%d made, %d left out", made, skipped)
		}
	})
}

func TestWithoutAClockPicturesComeAsFastAsTheyAreTaken(t *testing.T) {
	p := NewPacer(noon, 25, time.Second)
	for n := range int64(100) {
		if d := p.Take(noon); d.N != n || d.Skipped != 0 {
			t.Fatalf("%+v", d)
		}
	}
}
