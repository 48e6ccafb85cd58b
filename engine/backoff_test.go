package engine

import (
	"testing"
	"time"

	"rtsprec/engine/fault"
)

func TestACameraThatIsBackIsAskedWithin400Milliseconds(t *testing.T) {
	var b backoff
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	now := start
	gone := fault.New(fault.Unreachable, "no answer")
	if due := b.next(now, now, gone); !due.Equal(now) {
		t.Errorf("first try %v after the outage, want at once", due.Sub(now))
	}
	for now.Sub(start) < 3*time.Minute {
		if d := b.dialTimeout(now); now.Sub(start) < retryFastFor && d != time.Second {
			t.Fatalf("dial time-out %v", d)
		}
		due := b.next(now, now, gone)
		want := 400 * time.Millisecond
		if now.Sub(start) >= retryFastFor {
			want = 2 * time.Second
		}
		if got := due.Sub(now); got != want {
			t.Fatalf("%v into the outage the next try is after %v, want %v", now.Sub(start), got, want)
		}
		now = due
	}
}

func TestATryThatHungIsRepeatedAtOnce(t *testing.T) {
	var b backoff
	began := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	now := began.Add(time.Second) // the dial time-out passed
	gone := fault.New(fault.Unreachable, "no answer")
	b.next(began, now, gone)
	if due := b.next(now, now.Add(time.Second), gone); due.After(now.Add(time.Second)) {
		t.Errorf("waits another %v", due.Sub(now.Add(time.Second)))
	}
}

func TestACameraThatRefusesIsNotPestered(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Denied, fault.Busy} {
		var b backoff
		now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
		want := 2 * time.Second
		for range 8 {
			due := b.next(now, now, fault.New(kind, "no"))
			if got := due.Sub(now); got != want {
				t.Errorf("%v: next try after %v, want %v", kind, got, want)
			}
			want = min(2*want, time.Minute)
			now = due
		}
		b.reset()
		if due := b.next(now, now, fault.New(fault.Ended, "bye")); !due.Equal(now) {
			t.Error("a camera that had played is not asked at once")
		}
	}
}
