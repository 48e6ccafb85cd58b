package rtsp

import (
	"testing"
	"time"
)

func TestLedgerCountsWhatArrivedInOrder(t *testing.T) {
	at := func(i int) time.Time { return t0.Add(time.Duration(i) * time.Second) }
	want := func(l *ledger, what string, units uint64, wall time.Time) {
		t.Helper()
		if n, w := l.acked(); n != units || !w.Equal(wall) {
			t.Errorf("%s: %d units up to %v, want %d up to %v", what, n, w, units, wall)
		}
	}
	var tcp ledger
	tcp.begin(false, 1)
	for i := range 3 {
		tcp.sent(entry{wall: at(i), end: uint64(1000 * (i + 1))})
	}
	tcp.pass()
	want(&tcp, "nothing", 0, time.Time{})
	tcp.acknowledged(1999)
	want(&tcp, "half a unit does not count", 1, at(0))
	tcp.acknowledged(3000)
	want(&tcp, "what is not sent has nothing to arrive", 4, at(2))

	var udp ledger
	udp.begin(true, 2)
	udp.sent(entry{wall: at(0), track: 0, end: 65534})
	udp.sent(entry{wall: at(1), track: 1, end: 7})
	udp.sent(entry{wall: at(2), track: 0, end: 2})
	udp.answered(0)
	udp.seen(0, 1)
	want(&udp, "the other track says nothing yet", 1, at(0))
	udp.seen(1, 9)
	want(&udp, "numbers wrap", 2, at(1))
	udp.answered(3)
	want(&udp, "an answer proves nothing where reports come", 2, at(1))
	udp.seen(0, 2)
	want(&udp, "all", 3, at(2))

	var silent ledger
	silent.begin(true, 1)
	silent.sent(entry{wall: at(0), end: 1})
	before := silent.written()
	silent.sent(entry{wall: at(1), end: 2})
	silent.answered(before)
	want(&silent, "without reports an answer counts, for what was sent before the request", 1, at(0))
}

func TestLedgerIsBoundedWhereNothingIsAcknowledged(t *testing.T) {
	var l ledger
	l.begin(false, 1)
	for i := range maxOpen + 10 {
		l.sent(entry{end: uint64(i)})
	}
	if len(l.open) > maxOpen {
		t.Errorf("%d units are remembered", len(l.open))
	}
}
