package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/media"
)

// A queue whose sink takes nothing for a while goes on with the newest there is, and says
// what is missing; sound that is late is left out by itself.
func TestWhatHasWaitedTooLongIsDroppedUpToAKeyFrame(t *testing.T) {
	for _, origin := range []string{"live", "replay"} {
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			sink := &slowSink{gate: make(chan struct{})}
			q := newQueue(sink, 1<<20)
			q.late = &lateness{budget: 200 * time.Millisecond, clock: media.SystemClock{}}
			q.start(ctx)
			run := queueRun
			run.Origin = origin
			q.Begin(ctx, run)
			write := func(list []media.AccessUnit) {
				for _, au := range list {
					q.Write(ctx, au)
					q.Write(ctx, media.AccessUnit{Track: 1, PTS: au.PTS, Key: true, Data: make([]byte, 100)})
					time.Sleep(40 * time.Millisecond)
				}
			}
			write(pictures(0, 25)) // the last key frame, 20, is 200 ms old
			close(sink.gate)
			synctest.Wait()
			write(pictures(25, 10))
			if err := q.Close(ctx); err != nil {
				t.Fatal(err)
			}
			var seen [2][]int64
			for _, au := range sink.units {
				last := int64(-1)
				if n := len(seen[au.Track]); n > 0 {
					last = seen[au.Track][n-1]
				}
				if hole := au.PTS != last+1; hole != (au.Missing != nil) || hole && au.Track == 0 && !au.Key {
					t.Errorf("%s: %d of track %d follows %d: key %t, missing %+v", origin, au.PTS, au.Track, last, au.Key, au.Missing)
				}
				seen[au.Track] = append(seen[au.Track], au.PTS)
			}
			_, dropped := q.held()
			if origin == "replay" {
				if len(sink.units) != 70 || dropped != 0 {
					t.Errorf("of a recording %d units come, %d were dropped", len(sink.units), dropped)
				}
				return
			}
			if first := seen[0][0]; first != 20 {
				t.Errorf("it goes on with picture %d", first)
			}
			if first := seen[1][0]; first != 20 {
				t.Errorf("sound goes on with %d", first)
			}
			if len(sink.units)+int(dropped) != 70 {
				t.Errorf("%d units came, %d were dropped, of 70", len(sink.units), dropped)
			}
		})
	}
}
