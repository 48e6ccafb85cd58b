package rtsp

import (
	"encoding/binary"
	"sync"
	"time"

	"rtsprec/engine/rate"
)

// readerReports is what a reader over UDP says of the path to it (RFC 3550 6.4.1). It may
// say anything: what cannot be is not believed, and named once.
type readerReports struct {
	mu       sync.Mutex
	told     [reportsKept]toldReport // sender reports, a ring
	next     int
	answered uint32        // the newest of them that was answered
	rtt      time.Duration // newest; 0: none since it was last asked for
	least    time.Duration // of all; 0: there was none
	tripAt   time.Time     // when the newest came; zero: it is too old to count
	loss     float64       // of the newest report
	weight   int           // how often it is still to be told, see reported
	lastAt   time.Time     // of the newest report; zero: there was none
	highest  uint32        // as it said
	lost     int32
	wrong    int // reports in a row whose fraction is not what their counts make it
	lies     readerLie
}

type toldReport struct {
	ntp uint32 // middle 32 bits, as a reader gives them back
	at  time.Time
}

const (
	reportsKept   = 64
	reportsWorth  = 5 // short ones that a rare one counts as, at most
	wrongBelieved = 3
	clockWavers   = 20 * time.Millisecond
	tripCounts    = time.Second // how long a round trip says how the path is
)

// readerLie is a kind of what cannot be.
type readerLie uint8

const (
	lieSource readerLie = 1 << iota
	lieAnswer
	lieLoss
)

var lieTexts = map[readerLie]string{
	lieSource: "reports on a source that it was never sent",
	lieAnswer: "answers a report before it was sent, or one that never was",
	lieLoss:   "reports losses that its own counts contradict",
}

// sent notes that a sender report of that capture time left.
func (r *readerReports) sent(wall, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told[r.next] = toldReport{uint32(ntpOf(wall) >> 16), now}
	r.next = (r.next + 1) % reportsKept
}

// reported takes a block of a report in.
func (r *readerReports) reported(block []byte, now time.Time) (lie readerLie) {
	r.mu.Lock()
	defer r.mu.Unlock()
	word := func(at int) uint32 { return binary.BigEndian.Uint32(block[at:]) }
	lie = r.lossOf(float64(block[4])/256, int32(word(4)<<8)>>8, word(8), now)
	if answer := r.trip(word(16), word(20), now); answer != 0 {
		lie = answer
	}
	return r.once(lie)
}

// once is a lie that has not been named.
func (r *readerReports) once(lie readerLie) readerLie {
	lie &^= r.lies
	r.lies |= lie
	return lie
}

// lossOf believes in no more loss than both the fraction and the counts say: the fraction
// is of the reader's own interval, the counts of the one between the reports that came.
func (r *readerReports) lossOf(fraction float64, lost int32, highest uint32, now time.Time) (lie readerLie) {
	expected, missing := int32(highest-r.highest), lost-r.lost
	first, since := r.lastAt.IsZero(), now.Sub(r.lastAt)
	r.lastAt, r.highest, r.lost = now, highest, lost
	if first || expected <= 0 {
		return 0
	}
	counted := min(max(float64(missing)/float64(expected), 0), 1)
	if fraction-counted < 0.25 {
		r.wrong = 0
	} else if r.wrong++; r.wrong >= wrongBelieved {
		lie = lieLoss
	}
	r.loss = min(fraction, counted)
	r.weight = min(max(int(since/laneReports), 1), reportsWorth)
	return lie
}

// trip takes a round trip: from a sender report to the report that answers it, less the
// time that the reader kept it.
func (r *readerReports) trip(answered, kept uint32, now time.Time) (lie readerLie) {
	if answered == 0 || answered == r.answered {
		return 0 // it had none yet, or no newer one
	}
	held := time.Duration(float64(kept) / 65536 * float64(time.Second))
	for _, t := range r.told {
		if t.ntp != answered || t.at.IsZero() {
			continue
		}
		rtt := now.Sub(t.at) - held
		if rtt < -clockWavers {
			return lieAnswer
		}
		rtt = max(rtt, time.Microsecond)
		if r.least == 0 || rtt < r.least {
			r.least = rtt
		}
		r.answered, r.rtt, r.tripAt = answered, rtt, now
		return 0
	}
	if held < time.Second {
		return lieAnswer
	}
	return 0 // of a report so long ago that it is forgotten
}

// feedback adds what is new to what is known of the path. A report that came after a long
// time is worth several: what it says of so many packets is no chance. A queue that was
// seen once is not taken to stand until the next report, which may be ten seconds away.
func (r *readerReports) feedback(f *rate.Feedback, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.RTT, r.rtt = r.rtt, 0; f.RTT == 0 && !r.tripAt.IsZero() && now.Sub(r.tripAt) > tripCounts {
		f.RTT, r.tripAt = r.least, time.Time{}
	}
	if r.weight > 0 {
		r.weight--
		f.Loss, f.Reported = r.loss, true
	}
}

// reported takes the receiver reports of a compound packet in, and returns what in them
// cannot be and was not named before.
func (p *livePlayer) reported(b []byte, now time.Time) (lies []string) {
	if !p.s.o.Adapt {
		return nil
	}
	r := &p.view.reports
	for len(b) >= 8 && b[0]>>6 == 2 {
		size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if size > len(b) {
			break
		}
		for block := b[min(8, size):size]; b[1] == rtcpReceiverReport && len(block) >= 24; block = block[24:] {
			var lie readerLie
			switch lead, ours := p.s.sourceOf(binary.BigEndian.Uint32(block)); {
			case !ours:
				r.mu.Lock()
				lie = r.once(lieSource)
				r.mu.Unlock()
			case lead:
				lie = r.reported(block, now)
			}
			for kind, text := range lieTexts {
				if lie&kind != 0 {
					lies = append(lies, text)
				}
			}
		}
		b = b[size:]
	}
	return lies
}

// sourceOf says whether an SSRC is one of the stream's, and whether it is that of the
// pictures.
func (s *Stream) sourceOf(ssrc uint32) (lead, ours bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, l := range s.shown {
		if l.packer.o.SSRC == ssrc {
			return i == s.lead, true
		}
	}
	return false, false
}
