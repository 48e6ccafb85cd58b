package rtsp

import "time"

// kernelWord is what the kernel says of a TCP connection.
type kernelWord struct {
	rtt, silent     time.Duration // smoothed (RFC 6298); since the last acknowledgement
	unacked, unsent int64         // bytes that are not known to have arrived; the first holds the second
	drain           int           // bit/s at which what was sent last arrived
	acked, again    int64         // from the beginning: bytes that arrived, segments that were sent again
}

// sampleSince is the round trip of the one thing that was sent and acknowledged since
// another word: each sample is an eighth of the smoothed value. False where there is none,
// or it was sent again.
func (k kernelWord) sampleSince(before kernelWord) (time.Duration, bool) {
	sample := before.rtt + 8*(k.rtt-before.rtt)
	return sample, sample > 0 && k.unacked == 0 && k.acked > before.acked && k.again == before.again
}

// roundTrips follows small requests on a connection that is silent otherwise. They are
// timed by the kernels of both ends: a process that waits for a processor, here or there,
// is not the path's fault.
type roundTrips struct {
	newest time.Duration // 0: none since it was last taken
	asked  time.Time     // when the request under way was sent; zero: none is
	before kernelWord    // then
	timed  bool          // it has arrived

	answers, kernels time.Duration // the least of either kind; 0: none
}

// splitBy is how much sooner than the answer an acknowledgement may be there at best. More,
// and it may come from something between that speaks TCP for the peer.
const splitBy = 20 * time.Millisecond

// ask notes that a request is about to be sent.
func (r *roundTrips) ask(now time.Time, k kernelWord, _ bool) {
	r.asked, r.before, r.timed = now, k, false
}

// take returns what is new, and how long the request under way has been; ok: the kernel
// says something.
func (r *roundTrips) take(now time.Time, k kernelWord, ok bool) (newest, waiting time.Duration) {
	if !r.asked.IsZero() && !r.timed {
		waiting = now.Sub(r.asked)
		if sample, timed := k.sampleSince(r.before); ok && timed && r.believed() {
			r.time(min(sample, waiting))
			waiting = 0
		}
	}
	newest, r.newest = r.newest, 0
	return newest, waiting
}

// answered notes that the request under way was answered.
func (r *roundTrips) answered(now time.Time, k kernelWord, ok bool) {
	took := now.Sub(r.asked)
	r.asked = time.Time{}
	if r.answers == 0 || took < r.answers {
		r.answers = took
	}
	if r.timed {
		return
	}
	if sample, timed := k.sampleSince(r.before); ok && timed {
		sample = min(sample, took)
		if r.kernels == 0 || sample < r.kernels {
			r.kernels = sample
		}
		if r.believed() {
			took = sample
		}
	}
	r.time(took)
}

// given notes that nobody answers the request under way.
func (r *roundTrips) given(time.Time, kernelWord, bool) { r.asked = time.Time{} }

func (r *roundTrips) time(trip time.Duration) { r.newest, r.timed = trip, true }

func (r *roundTrips) believed() bool { return r.kernels > 0 && r.answers-r.kernels < splitBy }
