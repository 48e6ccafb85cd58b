package rtsp

import (
	"math/rand/v2"
	"testing"
	"time"
)

var t0 = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// sorter is a reorderer with a list of what it hands on.
type sorter struct {
	reorderer
	seqs []uint16
	lost []int
}

func newSorter(wait time.Duration) *sorter {
	s := &sorter{}
	s.wait = wait
	s.out = func(p *packet) {
		s.seqs = append(s.seqs, p.seq)
		s.lost = append(s.lost, p.lost)
	}
	return s
}

func (s *sorter) in(at time.Duration, seq uint16, rtp uint32) {
	s.push(&packet{seq: seq, rtp: rtp, ssrc: 1, payload: []byte{byte(seq)}, arrival: t0.Add(at)})
}

func wantSeqs(t *testing.T, s *sorter, want ...uint16) {
	t.Helper()
	if len(s.seqs) != len(want) {
		t.Fatalf("got %v, want %v", s.seqs, want)
	}
	for i := range want {
		if s.seqs[i] != want[i] {
			t.Fatalf("got %v, want %v", s.seqs, want)
		}
	}
}

func TestReordererPutsInOrderAcrossTheWrap(t *testing.T) {
	s := newSorter(100 * time.Millisecond)
	for i, seq := range []uint16{65533, 65535, 65534, 1, 0, 2, 2, 65535} {
		s.in(time.Duration(i)*time.Millisecond, seq, 0)
	}
	wantSeqs(t, s, 65533, 65534, 65535, 0, 1, 2)
	if s.reorderer.lost != 0 || s.duplicates != 2 || s.reordered != 2 || s.extended() != 1<<16+2 {
		t.Errorf("lost %d, duplicates %d, reordered %d, extended %d", s.reorderer.lost, s.duplicates, s.reordered, s.extended())
	}
}

func TestReordererBeginsWithTheFirstNumberNotTheFirstArrival(t *testing.T) {
	s := newSorter(100 * time.Millisecond)
	s.settle = true
	for i, seq := range []uint16{1, 0, 65535, 3, 1, 65530} {
		s.in(time.Duration(i), seq, 0)
	}
	s.expire(t0.Add(99 * time.Millisecond))
	wantSeqs(t, s)
	s.expire(t0.Add(101 * time.Millisecond))
	wantSeqs(t, s, 65535, 0, 1, 3)
	if s.reorderer.lost != 1 || s.duplicates != 1 || s.late != 1 {
		t.Errorf("lost %d, duplicates %d, late %d", s.reorderer.lost, s.duplicates, s.late)
	}
	s.in(time.Second, 4, 0)
	wantSeqs(t, s, 65535, 0, 1, 3, 4)
}

func TestReordererWaitsNoLongerThanItMay(t *testing.T) {
	s := newSorter(100 * time.Millisecond)
	s.in(0, 10, 0)
	s.in(10*time.Millisecond, 12, 0)
	if due, ok := s.deadline(); !ok || due != t0.Add(110*time.Millisecond) {
		t.Fatal(due, ok)
	}
	s.expire(t0.Add(109 * time.Millisecond))
	wantSeqs(t, s, 10)
	s.expire(t0.Add(110 * time.Millisecond))
	wantSeqs(t, s, 10, 12)
	s.in(120*time.Millisecond, 11, 0)
	wantSeqs(t, s, 10, 12)
	if s.reorderer.lost != 1 || s.late != 1 || s.lost[1] != 1 {
		t.Errorf("lost %d, late %d", s.reorderer.lost, s.late)
	}
	s.in(120*time.Millisecond, 11, 0)
	if s.duplicates != 1 {
		t.Error("the second late one is a duplicate")
	}
}

func TestReordererBeginsAnewWithoutLosingAPacket(t *testing.T) {
	for name, jump := range map[string]struct {
		ssrc uint32
		seq  uint16
	}{"ssrc": {2, 13}, "far ahead": {1, 20000}, "far back": {1, 50000}, "a little back": {1, 65036}} {
		t.Run(name, func(t *testing.T) {
			s := newSorter(100 * time.Millisecond)
			var want []uint16
			for i := range uint16(10) {
				want = append(want, i)
				s.in(0, i, uint32(i)*3600)
			}
			for i := range uint16(10) {
				want = append(want, jump.seq+i)
				s.push(&packet{seq: jump.seq + i, ssrc: jump.ssrc, rtp: uint32(10+i) * 3600, arrival: t0})
			}
			wantSeqs(t, s, want...)
			if s.reorderer.lost != 0 || s.restarts != 1 {
				t.Errorf("lost %d, restarts %d", s.reorderer.lost, s.restarts)
			}
		})
	}
}

func TestReordererIgnoresStrays(t *testing.T) {
	s := newSorter(100 * time.Millisecond)
	for i := range uint16(20) {
		s.in(0, i, uint32(i))
		if i%3 == 0 {
			s.push(&packet{seq: i*331 + 30000, ssrc: 77, arrival: t0})
		}
	}
	if len(s.seqs) != 20 || s.strays != 7 || s.restarts != 0 {
		t.Errorf("%v, strays %d, restarts %d", s.seqs, s.strays, s.restarts)
	}
}

// Whatever comes in whatever order, packets leave in order, once each, none is
// held longer than it may, and what is not handed on is counted.
func TestReordererAccountsForEveryPacket(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		wait := time.Duration(random.IntN(100)) * time.Millisecond
		s := newSorter(wait)
		inOrder := s.out
		now := time.Duration(0)
		s.out = func(p *packet) {
			if age := t0.Add(now).Sub(p.arrival); age > wait+time.Millisecond {
				t.Fatalf("seed %d: held for %v", seed, age)
			}
			inOrder(p)
		}
		start := uint16(random.Uint32())
		type event struct {
			at  time.Duration
			seq uint16
		}
		var events []event
		missing := map[uint16]bool{}
		for i := range 500 {
			seq := start + uint16(i)
			at := time.Duration(i) * time.Millisecond
			if i > 0 && random.IntN(20) == 0 {
				missing[seq] = true
				continue
			}
			if i > 0 && random.IntN(10) == 0 {
				at += time.Duration(random.IntN(40)) * time.Millisecond
			}
			events = append(events, event{at, seq})
			if random.IntN(30) == 0 {
				events = append(events, event{at + time.Duration(random.IntN(50))*time.Millisecond, seq})
			}
		}
		for now = 0; now < time.Second; now += time.Millisecond {
			for _, e := range events {
				if e.at == now {
					s.in(now, e.seq, uint32(e.seq-start))
				}
			}
			s.expire(t0.Add(now))
		}
		s.flush()
		for i := 1; i < len(s.seqs); i++ {
			if step := int16(s.seqs[i] - s.seqs[i-1]); step <= 0 || int(step) != s.lost[i]+1 {
				t.Fatalf("seed %d: %d after %d with %d lost", seed, s.seqs[i], s.seqs[i-1], s.lost[i])
			}
		}
		if got := len(s.seqs) + int(s.late+s.duplicates+s.strays); got != len(events) {
			t.Fatalf("seed %d: %d packets accounted for of %d", seed, got, len(events))
		}
		if wait >= 41*time.Millisecond && s.late+s.strays != 0 {
			t.Fatalf("seed %d: %d late, %d strays with a wait of %v", seed, s.late, s.strays, wait)
		}
	}
}

// pictures sends pictures of n packets each, 3000 ticks apart, and returns what comes next.
func (s *sorter) pictures(count, n int, seq uint16, rtp uint32) (uint16, uint32) {
	for range count {
		for range n {
			s.in(0, seq, rtp)
			seq++
		}
		rtp += 3000
	}
	return seq, rtp
}

func TestAJumpOfNumbersThatTimeLeavesNoRoomForLosesNothing(t *testing.T) {
	s := newSorter(100 * time.Millisecond)
	seq, rtp := s.pictures(20, 12, 64000, 0)
	seq, rtp = s.pictures(20, 12, seq+1000, rtp)
	s.pictures(1, 300, seq+1300, rtp)
	s.flush()
	if s.reorderer.lost != 0 || s.strays != 0 || s.restarts != 2 || len(s.seqs) != 40*12+300 {
		t.Errorf("%d lost, %d strays, %d restarts, %d handed on", s.reorderer.lost, s.strays, s.restarts, len(s.seqs))
	}
}

func TestManyLostPacketsAreNoJumpOfNumbers(t *testing.T) {
	for name, c := range map[string]struct {
		lost  int
		later uint32 // in RTP time
	}{
		"as long as they take":         {1000, 1000 / 12 * 3000},
		"few":                          {200, 3000},
		"a picture like the largest":   {300, 3000},
		"several pictures like that":   {1100, 3000},
		"many at once, but much later": {2500, 10 * 3000},
	} {
		s := newSorter(100 * time.Millisecond)
		seq, rtp := s.pictures(1, 300, 0, 0)
		seq, rtp = s.pictures(20, 12, seq, rtp)
		s.pictures(20, 12, seq+uint16(c.lost), rtp-3000+c.later)
		s.flush()
		if int(s.reorderer.lost) != c.lost || s.restarts != 0 {
			t.Errorf("%s: %d lost, want %d; %d restarts", name, s.reorderer.lost, c.lost, s.restarts)
		}
	}
}

func TestOneStrayFarAheadIsNoJump(t *testing.T) {
	s := newSorter(100 * time.Millisecond)
	seq, rtp := s.pictures(20, 12, 0, 0)
	s.in(0, seq+1500, rtp)
	s.pictures(20, 12, seq, rtp)
	s.flush()
	if s.reorderer.lost != 0 || s.strays != 1 || s.restarts != 0 {
		t.Errorf("%d lost, %d strays, %d restarts", s.reorderer.lost, s.strays, s.restarts)
	}
}
