package rtsp

import (
	"testing"
	"time"
)

// A step of a conversation: a request is asked and answered after took, while the kernel saw
// an acknowledgement after acked; 0: it says nothing.
type trip struct{ acked, took time.Duration }

// travel has requests asked and answered, and returns what is made of the last.
func travel(r *roundTrips, trips ...trip) (rtt time.Duration) {
	now := time.Unix(1000, 0)
	k := kernelWord{rtt: 30 * time.Millisecond, acked: 100}
	for _, t := range trips {
		r.ask(now, k, true)
		now = now.Add(t.took)
		if t.acked > 0 {
			k.rtt += (t.acked - k.rtt) / 8
			k.acked += 80
		}
		r.answered(now, k, t.acked > 0)
		rtt, _ = r.take(now, k, true)
		now = now.Add(200 * time.Millisecond)
	}
	return rtt
}

func near(a, b time.Duration) bool { return (a - b).Abs() < 50*time.Microsecond }

// What a process makes wait is not the path's: the acknowledgement counts, not the answer.
func TestARoundTripIsTheKernels(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name  string
		trips []trip
		want  time.Duration
	}{
		{"both at once", []trip{{20 * ms, 21 * ms}, {22 * ms, 23 * ms}}, 22 * ms},
		{"the peer was busy", []trip{{20 * ms, 21 * ms}, {22 * ms, 150 * ms}}, 22 * ms},
		{"the path was full", []trip{{20 * ms, 21 * ms}, {140 * ms, 141 * ms}}, 140 * ms},
		{"something between answers for the peer", []trip{{2 * ms, 60 * ms}, {2 * ms, 150 * ms}}, 150 * ms},
		{"the kernel says nothing", []trip{{0, 21 * ms}, {0, 40 * ms}}, 40 * ms},
		{"a peer that was busy at first", []trip{{20 * ms, 90 * ms}, {20 * ms, 22 * ms}, {24 * ms, 100 * ms}}, 24 * ms},
	} {
		if got := travel(&roundTrips{}, c.trips...); !near(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// A request that has arrived does not wait any more, answered or not; one that was sent again
// is timed by its answer.
func TestARequestUnderWay(t *testing.T) {
	const ms = time.Millisecond
	r := &roundTrips{}
	travel(r, trip{20 * ms, 21 * ms}, trip{20 * ms, 21 * ms})
	began := time.Unix(2000, 0)
	before := kernelWord{rtt: 20 * ms, acked: 500}
	r.ask(began, before, true)
	for _, c := range []struct {
		name         string
		after        time.Duration
		k            kernelWord
		rtt, waiting time.Duration
	}{
		{"not yet sent", 10 * ms, before, 0, 10 * ms},
		{"under way", 30 * ms, kernelWord{rtt: 20 * ms, acked: 500, unacked: 80}, 0, 30 * ms},
		{"sent again", 300 * ms, kernelWord{rtt: 20 * ms, acked: 580, again: 1}, 0, 300 * ms},
		{"arrived", 320 * ms, kernelWord{rtt: 25 * ms, acked: 580}, 60 * ms, 0},
		{"and that was all", 330 * ms, kernelWord{rtt: 25 * ms, acked: 580}, 0, 0},
	} {
		rtt, waiting := r.take(began.Add(c.after), c.k, true)
		if !near(rtt, c.rtt) || waiting != c.waiting {
			t.Errorf("%s: %v, waiting %v", c.name, rtt, waiting)
		}
	}
	r.answered(began.Add(400*ms), kernelWord{rtt: 25 * ms, acked: 580}, true)
	if rtt, waiting := r.take(began.Add(400*ms), kernelWord{rtt: 25 * ms, acked: 580}, true); rtt != 0 || waiting != 0 {
		t.Errorf("it was counted already: %v, waiting %v", rtt, waiting)
	}
}
