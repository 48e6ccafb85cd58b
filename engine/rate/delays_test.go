package rate

import (
	"testing"
	"time"
)

func TestQuantilesOfDelaysAreRightToAFifthAndForgetWhatIsOld(t *testing.T) {
	var d Delays
	at := time.Unix(1_800_000_000, 0)
	if s := d.Spread(at); s != (Spread{}) {
		t.Errorf("of nothing: %+v", s)
	}
	for n := range 1000 {
		d.Add(at.Add(time.Duration(n)*time.Millisecond), time.Duration(n+1)*time.Millisecond)
	}
	within := func(what string, got, want float64) {
		t.Helper()
		if got < want || got > want*1.2 {
			t.Errorf("%s: %.1f ms, and it is %.1f", what, got, want)
		}
	}
	s := d.Spread(at.Add(time.Second))
	within("half", s.P50, 500)
	within("95 %", s.P95, 950)
	if s.Max != 1000 || s.Count != 1000 || s.All != 1000 || s.Sum < 500.4 || s.Sum > 500.6 {
		t.Errorf("%d, at most %g ms", s.Count, s.Max)
	}
	d.Add(at.Add(5*time.Second), 3*time.Hour)
	d.Add(at.Add(5*time.Second), -time.Hour)
	if s = d.Spread(at.Add(9 * time.Second)); s.Count != 1002 || s.Max != (3*time.Hour).Seconds()*1000 || s.P50 > 600 {
		t.Errorf("with one that is very long and one that cannot be: %+v", s)
	}
	if s = d.Spread(at.Add(12 * time.Second)); s.Count != 2 || s.P50 != 1 {
		t.Errorf("the old ones still count: %+v", s)
	}
	if s = d.Spread(at.Add(time.Minute)); s.Count != 0 || s.All != 1002 || s.P95 != 0 {
		t.Errorf("a minute later: %+v", s)
	}
}
