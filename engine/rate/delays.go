package rate

import (
	"math"
	"sync"
	"time"
)

// Delays counts how long something took, over the last seconds: a histogram of fixed size
// for each of them. The zero value is ready, for any number of goroutines.
type Delays struct {
	mu    sync.Mutex
	slots [delaySpan + 1]delaySlot // a ring of whole seconds
	all   uint64
	sum   time.Duration
}

const (
	delaySpan    = 10 // seconds
	delayBuckets = 64 // bucket n ends at 2^(n/4) ms: a fifth apart, the last at 55 s
)

type delaySlot struct {
	second  int64
	count   int
	most    time.Duration
	buckets [delayBuckets]uint32
}

// Spread is how delays lie. A quantile is right to a fifth; the largest is exact.
type Spread struct {
	Count int     `json:"count"` // of the last seconds
	P50   float64 `json:"p50_ms"`
	P95   float64 `json:"p95_ms"`
	Max   float64 `json:"max_ms"`
	All   uint64  `json:"all"`   // since the start
	Sum   float64 `json:"sum_s"` // of all of them
}

// Add counts one that ended now. One below 0, as clocks that differ make it, counts as 0.
func (d *Delays) Add(now time.Time, took time.Duration) {
	took = max(took, 0)
	bucket := 0
	if ms := took.Seconds() * 1000; ms > 1 {
		bucket = min(int(math.Ceil(4*math.Log2(ms))), delayBuckets-1)
	}
	second := now.Unix()
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &d.slots[uint64(second)%uint64(len(d.slots))]
	if s.second != second {
		*s = delaySlot{second: second}
	}
	d.all++
	d.sum += took
	s.count++
	s.most = max(s.most, took)
	s.buckets[bucket]++
}

// Spread is that of the last seconds; Count is 0 where there was nothing.
func (d *Delays) Spread(now time.Time) Spread {
	var all [delayBuckets]int
	var most time.Duration
	count := 0
	d.mu.Lock()
	for i := range d.slots {
		s := &d.slots[i]
		if s.count == 0 || s.second > now.Unix() || s.second < now.Unix()-delaySpan {
			continue
		}
		count += s.count
		most = max(most, s.most)
		for n, some := range s.buckets {
			all[n] += int(some)
		}
	}
	sum := Spread{Count: count, All: d.all, Sum: d.sum.Seconds()}
	d.mu.Unlock()
	longest := most.Seconds() * 1000
	quantile := func(part float64) float64 {
		seen, due := 0, int(math.Ceil(part*float64(count)))
		for n, some := range all[:delayBuckets-1] {
			if seen += some; seen >= due {
				return min(math.Exp2(float64(n)/4), longest)
			}
		}
		return longest
	}
	if count > 0 {
		sum.P50, sum.P95, sum.Max = quantile(0.5), quantile(0.95), longest
	}
	return sum
}
