package archive

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestSpansAgreeWithAPaintedRuler compares the arithmetic with counting marks on a
// ruler, for random sets.
func TestSpansAgreeWithAPaintedRuler(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	zero := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	const length = 40
	random := func() ([]span, [length]bool) {
		var list []span
		var marks [length]bool
		for range rng.IntN(6) {
			a, b := rng.IntN(length+1), rng.IntN(length+1)
			list = append(list, span{zero.Add(time.Duration(a) * time.Second), zero.Add(time.Duration(b) * time.Second)})
			for i := a; i < b; i++ {
				marks[i] = true
			}
		}
		return list, marks
	}
	paint := func(s spans) (marks [length]bool) {
		for i, a := range s {
			if a.empty() || i > 0 && !a.From.After(s[i-1].To) && a.From.Before(s[i-1].To) {
				t.Fatalf("not in order and disjoint: %v", s)
			}
			for x := a.From.Sub(zero) / time.Second; x < a.To.Sub(zero)/time.Second; x++ {
				marks[x] = true
			}
		}
		return marks
	}
	for range 5000 {
		a, inA := random()
		b, inB := random()
		ua, ub := unite(a), unite(b)
		if paint(ua) != inA {
			t.Fatalf("unite(%v) = %v", a, ua)
		}
		var want [length]bool
		sum := 0
		for i := range want {
			want[i] = inA[i] && !inB[i]
			if want[i] {
				sum++
			}
		}
		rest := ua.minus(ub)
		if paint(rest) != want || rest.total() != time.Duration(sum)*time.Second {
			t.Fatalf("%v minus %v = %v", ua, ub, rest)
		}
		w := span{zero.Add(10 * time.Second), zero.Add(30 * time.Second)}
		if got, want := ua.within(w), ua.minus(ua.minus(spans{w})); paint(got) != paint(want) {
			t.Fatalf("%v within = %v", ua, got)
		}
	}
}
