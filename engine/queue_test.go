package engine

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/media"
)

// slowSink takes what the test lets it take.
type slowSink struct {
	gate chan struct{} // closed: takes everything

	mu    sync.Mutex
	calls []string // "begin", "end CAUSES", "key", "unit"
	units []media.AccessUnit
	err   error
}

func (s *slowSink) wait(ctx context.Context) error {
	select {
	case <-s.gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *slowSink) note(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
}

func (s *slowSink) Begin(ctx context.Context, _ media.Run) error {
	s.note("begin")
	return s.wait(ctx)
}

func (s *slowSink) Write(ctx context.Context, au media.AccessUnit) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.units = append(s.units, au)
	return s.err
}

func (s *slowSink) End(ctx context.Context, gap media.Gap) error {
	s.note("end " + gap.Causes.String())
	return s.wait(ctx)
}

func (s *slowSink) Close(context.Context) error { s.note("close"); return nil }

var queueRun = media.Run{Tracks: []media.Track{{ID: 0, Codec: media.H264, ClockRate: 90000}, {ID: 1, Codec: media.PCMA, ClockRate: 8000}}}

// pictures are n of them, 1000 bytes each, a key frame every ten.
func pictures(from, n int) []media.AccessUnit {
	var list []media.AccessUnit
	for i := from; i < from+n; i++ {
		list = append(list, media.AccessUnit{PTS: int64(i), Key: i%10 == 0, Data: make([]byte, 1000), Wall: time.Unix(int64(i), 0)})
	}
	return list
}

func TestAFullQueueDropsUpToTheNextKeyFrameAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		sink := &slowSink{gate: make(chan struct{})}
		q := newQueue(sink, 20*(1000+queuedCost))
		q.start(ctx)
		q.Begin(ctx, queueRun)
		began := time.Now()
		for _, au := range pictures(0, 100) {
			if err := q.Write(ctx, au); err != nil {
				t.Fatal(err)
			}
		}
		if time.Since(began) > 0 {
			t.Error("the caller had to wait")
		}
		synctest.Wait()
		if held, _ := q.held(); held > 20*(1000+queuedCost) {
			t.Errorf("%d bytes are held", held)
		}
		close(sink.gate)
		synctest.Wait()
		for _, au := range pictures(105, 20) { // joins between two key frames
			q.Write(ctx, au)
		}
		if err := q.Close(ctx); err != nil {
			t.Fatal(err)
		}
		lost := 0
		for i, au := range sink.units {
			if i > 0 && au.PTS != sink.units[i-1].PTS+1 {
				if !au.Key || au.Missing == nil || au.Missing.Causes != media.Because(media.Overflow) || au.Missing.To != au.Wall {
					t.Errorf("unit %d follows %d: key %v, missing %+v", au.PTS, sink.units[i-1].PTS, au.Key, au.Missing)
				}
				lost += int(au.PTS - sink.units[i-1].PTS - 1)
			} else if au.Missing != nil {
				t.Errorf("unit %d says that something is missing", au.PTS)
			}
		}
		if _, dropped := q.held(); lost == 0 || len(sink.units)+int(dropped) != 120 {
			t.Errorf("%d came, %d were dropped, and the holes sum up to %d", len(sink.units), dropped, lost)
		}
	})
}

func TestWhatIsOnlyTheEndOfARunIsNeverDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		sink := &slowSink{gate: make(chan struct{})}
		q := newQueue(sink, 5000)
		q.start(ctx)
		for range 1000 { // a camera that flaps while the disk hangs
			q.Begin(ctx, queueRun)
			for _, au := range pictures(0, 10) {
				q.Write(ctx, au)
			}
			q.End(ctx, media.Gap{Causes: media.Because(media.StreamEnded)})
		}
		if held, _ := q.held(); held > 5000+10*queuedCost {
			t.Errorf("%d bytes are held", held)
		}
		close(sink.gate)
		if err := q.Close(ctx); err != nil {
			t.Fatal(err)
		}
		open := false
		for _, call := range sink.calls {
			switch call {
			case "begin":
				if open {
					t.Error("two runs begin without an end between them")
				}
				open = true
			case "close":
				if open {
					t.Error("the end of the last run is missing")
				}
			default:
				open = false
			}
		}
		if last := sink.calls[len(sink.calls)-2]; last != "end stream_ended,overflow" {
			t.Errorf("the last end is %q", last)
		}
	})
}

func TestClosingAQueueDrainsItOrGivesUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		hangs := &slowSink{gate: make(chan struct{})}
		q := newQueue(hangs, 1<<20)
		q.start(ctx)
		q.Begin(ctx, queueRun)
		for _, au := range pictures(0, 10) {
			q.Write(ctx, au)
		}
		limit, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		began := time.Now()
		q.Close(limit)
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("closing before a sink that hangs took %v", d)
		}

		broken := &slowSink{gate: make(chan struct{}), err: errors.New("refused")}
		close(broken.gate)
		q = newQueue(broken, 1<<20)
		told := 0
		q.failed = func(error) { told++ }
		q.start(ctx)
		q.Begin(ctx, queueRun)
		for _, au := range pictures(0, 10) {
			q.Write(ctx, au)
		}
		q.Close(ctx)
		if told != 10 || len(broken.units) != 10 {
			t.Errorf("%d of 10 refusals were told, %d units tried", told, len(broken.units))
		}
	})
}
