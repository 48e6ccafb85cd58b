package rtsp

import (
	"slices"
	"time"
)

// reorderer puts packets of one track into the order of their sequence numbers. A missing
// packet is waited for, but never longer than wait, so that a loss delays what
// follows it by that time at most, however few packets come.
//
// Packets that do not fit (another SSRC, a number far away, one that is farther than RTP
// time leaves room for, an old number with a new RTP time) are set aside; when enough of
// them follow each other, the numbering began anew with the first of them and none is
// lost, otherwise they were strays.
type reorderer struct {
	wait time.Duration
	out  func(*packet) // takes packets in order; the payload is only valid during the call

	started  bool
	settle   bool // hold the first packets too: one before them may be late
	fresh    bool // the next packet handed on is the first of a numbering
	ssrc     uint32
	next     uint16 // the number that is due
	rtp      uint32 // of the packet handed on last
	held     []packet
	bytes    int
	suspects []packet
	seen     [seenWindow / 64]uint64 // numbers below next that came, by number modulo seenWindow
	spare    [][]byte                // buffers of packets that were held
	tempo    tempo

	received, lost, reordered, duplicates, late, strays, restarts uint64

	base, cycles uint32 // for receiver reports (RFC 3550 A.3)
}

const (
	seenWindow  = 1024    // numbers below next; a packet further back does not fit
	maxAhead    = 3000    // numbers above next (RFC 3550 A.1, MAX_DROPOUT)
	maxHeld     = 4 << 20 // bytes
	foreigners  = 2       // packets in a row that prove a new SSRC or a far jump
	latecomers  = 4       // packets in a row that prove a jump back of less than seenWindow
	suspectStep = 16      // numbers between two suspects that still follow each other
)

// push takes a packet as it arrived.
func (r *reorderer) push(p *packet) {
	if !r.started {
		r.open(p)
		return
	}
	ahead := int(int16(p.seq - r.next))
	switch {
	case p.ssrc != r.ssrc || ahead >= maxAhead || ahead < -seenWindow:
		r.doubt(p, foreigners)
	case ahead < 0 && r.test(p.seq):
		r.duplicates++
		r.maybeAnew(p)
	case ahead < 0:
		if !r.maybeAnew(p) {
			r.set(p.seq)
			r.late++
		}
	case r.tempo.renumbered(ahead, p.rtp-r.rtp):
		r.doubt(p, foreigners)
	default:
		r.acquit()
		r.fits(p, ahead)
	}
}

// open takes a packet before it is known with which the numbering begins.
func (r *reorderer) open(p *packet) {
	switch {
	case !r.settle || r.wait <= 0:
		r.restart(p)
	case r.holds(p.seq):
		r.duplicates++
	default:
		r.hold(p)
		if r.bytes > maxHeld {
			r.begin()
		}
	}
}

// begin starts the numbering with the packet that came first, or those right before it
// that came after. What is older still belongs to a time when nobody listened.
func (r *reorderer) begin() {
	held := r.held
	r.held, r.bytes = nil, 0
	first := 0
	for i := range held {
		if held[i].arrival.Before(held[first].arrival) {
			first = i
		}
	}
	for first > 0 && held[first-1].seq+1 == held[first].seq {
		first--
	}
	r.late += uint64(first)
	r.restart(&held[first])
	for i := first + 1; i < len(held); i++ {
		r.push(&held[i])
	}
}

// fits takes a packet that is due or ahead of that.
func (r *reorderer) fits(p *packet, ahead int) {
	switch {
	case ahead == 0:
		if len(r.held) > 0 {
			r.reordered++
		}
		r.release(p)
		r.drain()
	case r.holds(p.seq):
		r.duplicates++
	case r.wait <= 0:
		r.release(p)
	default:
		r.hold(p)
		for r.bytes > maxHeld {
			r.skip()
		}
	}
}

// deadline is when expire has something to do; false when nothing is held.
func (r *reorderer) deadline() (time.Time, bool) {
	if len(r.held) == 0 {
		return time.Time{}, false
	}
	return r.oldest().Add(r.wait), true
}

// oldest is when the packet came that has waited longest.
func (r *reorderer) oldest() time.Time {
	t := r.held[0].arrival
	for i := range r.held {
		if r.held[i].arrival.Before(t) {
			t = r.held[i].arrival
		}
	}
	return t
}

// expire gives missing packets up that have been waited for long enough.
func (r *reorderer) expire(now time.Time) {
	if !r.started && len(r.held) > 0 && now.Sub(r.oldest()) >= r.wait {
		r.begin()
	}
	for r.started && len(r.held) > 0 && now.Sub(r.oldest()) >= r.wait {
		r.skip()
	}
}

// flush lets go of everything that waits: nothing more will come.
func (r *reorderer) flush() {
	if !r.started && len(r.held) > 0 {
		r.begin()
	}
	for len(r.held) > 0 {
		r.skip()
	}
	r.acquit()
}

// skip gives up what is missing before the first packet held.
func (r *reorderer) skip() {
	r.first()
	r.drain()
}

// drain hands on what is held as long as there is no hole.
func (r *reorderer) drain() {
	for len(r.held) > 0 && r.held[0].seq == r.next {
		r.first()
	}
}

func (r *reorderer) first() {
	p := r.held[0]
	r.held = slices.Delete(r.held, 0, 1)
	r.bytes -= cap(p.payload)
	r.release(&p)
	if len(r.spare) < 64 {
		r.spare = append(r.spare, p.payload[:0])
	}
}

// release hands p on and counts what is missing before it.
func (r *reorderer) release(p *packet) {
	p.lost, p.fresh = int(p.seq-r.next), r.fresh
	r.tempo.note(p.rtp-r.rtp, r.fresh)
	for n := r.next; n != p.seq; n++ {
		r.clear(n)
	}
	r.set(p.seq)
	if p.seq+1 < r.next {
		r.cycles++
	}
	r.next, r.rtp, r.fresh = p.seq+1, p.rtp, false
	r.lost += uint64(p.lost)
	r.received++
	r.out(p)
}

func (r *reorderer) hold(p *packet) {
	var buf []byte
	if n := len(r.spare); n > 0 {
		buf, r.spare = r.spare[n-1], r.spare[:n-1]
	}
	h := *p
	h.payload = append(buf, p.payload...)
	h.extension = slices.Clone(p.extension)
	i := len(r.held)
	for i > 0 && int16(r.held[i-1].seq-p.seq) > 0 {
		i--
	}
	if i < len(r.held) {
		r.reordered++
	}
	r.held = slices.Insert(r.held, i, h)
	r.bytes += cap(h.payload)
}

func (r *reorderer) holds(seq uint16) bool {
	for i := range r.held {
		if r.held[i].seq == seq {
			return true
		}
	}
	return false
}

// maybeAnew doubts a packet whose number is old while its RTP time is not.
func (r *reorderer) maybeAnew(p *packet) bool {
	if int32(p.rtp-r.rtp) <= 0 {
		return false
	}
	r.doubt(p, latecomers)
	return true
}

// doubt sets a packet aside that does not fit, and begins anew once need of them have
// followed each other.
func (r *reorderer) doubt(p *packet, need int) {
	if n := len(r.suspects); n > 0 {
		last := &r.suspects[n-1]
		step := int(int16(p.seq - last.seq))
		if p.ssrc != last.ssrc || step <= 0 || step > suspectStep {
			r.acquit()
		}
	}
	c := *p
	c.payload, c.extension = slices.Clone(p.payload), slices.Clone(p.extension)
	r.suspects = append(r.suspects, c)
	if len(r.suspects) < need {
		return
	}
	anew := r.suspects
	r.suspects = nil
	r.flush()
	r.restarts++
	r.restart(&anew[0])
	for i := range anew[1:] {
		r.push(&anew[1+i])
	}
}

// acquit drops the suspects: what followed shows that the old numbering goes on.
func (r *reorderer) acquit() {
	r.strays += uint64(len(r.suspects))
	r.suspects = r.suspects[:0]
}

// restart begins the numbering with p.
func (r *reorderer) restart(p *packet) {
	r.started, r.fresh = true, true
	r.ssrc, r.next = p.ssrc, p.seq
	r.seen = [len(r.seen)]uint64{}
	r.cycles, r.base = 0, uint32(p.seq)
	r.release(p)
}

func (r *reorderer) set(seq uint16)   { r.seen[seq%seenWindow/64] |= 1 << (seq % 64) }
func (r *reorderer) clear(seq uint16) { r.seen[seq%seenWindow/64] &^= 1 << (seq % 64) }
func (r *reorderer) test(seq uint16) bool {
	return r.seen[seq%seenWindow/64]&(1<<(seq%64)) != 0
}

// extended is the highest number received with the count of its wraps (RFC 3550 A.1).
func (r *reorderer) extended() uint32 { return r.cycles<<16 + uint32(r.next-1) }
