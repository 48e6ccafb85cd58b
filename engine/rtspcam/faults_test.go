package rtspcam

import (
	"testing"
	"time"
)

func TestFaultsComeAndGoWhenTheSpecSays(t *testing.T) {
	since := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	list, err := parseSpec("", "drop@5s:3s/10s,loss@1s:2s=5%,ssrc@2s/4s,loss=1%")
	if err != nil {
		t.Fatal(err)
	}
	var s script
	s.add(list[:1], since)
	s.add(list[3:], since)
	s.add(list[1:3], since)
	at := func(d time.Duration) time.Time { return since.Add(d) }
	for d, want := range map[time.Duration]bool{0: false, 4999 * time.Millisecond: false, 5 * time.Second: true, 8 * time.Second: false, 16 * time.Second: true, 18 * time.Second: false, 365 * 24 * time.Hour: false, 365*24*time.Hour + 6*time.Second: true} {
		if s.is("x", "drop", at(d)) != want {
			t.Errorf("gone at %v: %v", d, !want)
		}
	}
	for d, want := range map[time.Duration]float64{0: 0.01, 2 * time.Second: 0.05, 4 * time.Second: 0.01} {
		if a, _ := s.on("x", "loss", at(d)); a.number != want {
			t.Errorf("loss at %v: %v", d, a.number)
		}
	}
	if n := s.begun("x", "ssrc", at(11*time.Second)); n != 3 {
		t.Errorf("%d SSRC changes", n)
	}
	var edges []time.Duration
	for now := since; len(edges) < 7; {
		next, ok := s.next(now)
		if !ok {
			t.Fatal("nothing more happens")
		}
		edges, now = append(edges, next.Sub(since)/time.Second), next
	}
	for i, want := range []time.Duration{1, 2, 3, 5, 6, 8, 10} {
		if edges[i] != want {
			t.Errorf("edges at %v", edges)
		}
	}
}

func TestFaultsOfOnePathLeaveTheOthers(t *testing.T) {
	list, err := parseSpec("a", "stall")
	if err != nil {
		t.Fatal(err)
	}
	var s script
	now := time.Now()
	s.add(list, now)
	if !s.is("a", "stall", now) || s.is("b", "stall", now) || s.is("", "stall", now) {
		t.Error("a fault is on the wrong path")
	}
}

func TestACameraThatRunsFastCountsTrue(t *testing.T) {
	day := 24 * time.Hour
	n := ticks(day, 90000, 500)
	if want := int64(90000 * 86400 * 10005 / 10000); n != want {
		t.Errorf("%d ticks a day, want %d", n, want)
	}
	if d := after(n, 90000, 500); (d - day).Abs() > time.Microsecond {
		t.Errorf("a day's ticks take %v", d)
	}
}

func TestTheLedgerJoinsRanges(t *testing.T) {
	var l ledger
	for _, n := range []uint64{1, 2, 5, 4, 2, 9, 3, 8, 8, 11} {
		l.add(Mark{Counter: n})
	}
	var got [][2]uint64
	for _, r := range l.copy() {
		got = append(got, [2]uint64{r.First.Counter, r.Last.Counter})
	}
	if len(got) != 3 || got[0] != [2]uint64{1, 5} || got[1] != [2]uint64{8, 9} || got[2] != [2]uint64{11, 11} {
		t.Errorf("%v", got)
	}
}
