package compose

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// ledger counts what a picker was given and gave back.
type ledger map[int]int

func newTestPicker(room int) (*Picker[int], ledger) {
	released := ledger{}
	return NewPicker(PickerOptions[int]{Room: room, Release: func(n int) { released[n]++ }}), released
}

func ms(n int) time.Time { return noon.Add(time.Duration(n) * time.Millisecond) }

func TestTheNewestPictureThatWasCapturedByThenIsShown(t *testing.T) {
	p, released := newTestPicker(8)
	for i := range 5 {
		p.Put(ms(40*i), ms(40*i+5), i)
	}
	for _, c := range []struct{ at, want int }{{0, 0}, {39, 0}, {41, 1}, {125, 3}, {90, 3}, {1000, 4}} {
		if got, ok := p.Pick(ms(c.at)); !ok || got != c.want {
			t.Errorf("at %d ms: %d, %v; want %d", c.at, got, ok, c.want)
		}
	}
	if !p.Wall().Equal(ms(160)) {
		t.Errorf("captured at %v", p.Wall())
	}
	p.Close()
	p.Close()
	if p.Put(ms(1), ms(1), 9); len(released) != 6 {
		t.Errorf("released: %v", released)
	}
}

func TestBeforeTheFirstPictureThereIsNone(t *testing.T) {
	p, _ := newTestPicker(8)
	if _, ok := p.Pick(ms(0)); ok || p.State(ms(0)) != Dead {
		t.Error("a picture out of nothing")
	}
	p.Put(ms(100), ms(100), 1)
	if _, ok := p.Pick(ms(50)); ok {
		t.Error("a picture before it was captured")
	}
}

func TestALiveInputHasRoomForAFewAndLosesTheOldest(t *testing.T) {
	p, released := newTestPicker(3)
	dropped := 0
	for i := range 10 {
		if p.Put(ms(40*i), ms(40*i), i) {
			dropped++
		}
	}
	if got, _ := p.Pick(ms(1000)); got != 9 || dropped != 7 || len(released) != 9 {
		t.Errorf("%d shown, %d dropped, released %v", got, dropped, released)
	}
}

func TestAClockThatIsAheadShowsPicturesWhenTheyCome(t *testing.T) {
	p, _ := newTestPicker(3)
	for i := range 100 {
		p.Put(ms(40*i).Add(time.Hour), ms(40*i), i)
		if got, ok := p.Pick(ms(40 * i)); !ok || got != i {
			t.Fatalf("%d, %v at picture %d", got, ok, i)
		}
	}
}

func TestAClockThatStepsBackIsFollowed(t *testing.T) {
	p, _ := newTestPicker(4)
	for i := range 100 {
		wall := ms(40 * i)
		if i > 50 {
			wall = wall.Add(-time.Hour)
		}
		p.Put(wall, ms(40*i), i)
		got, _ := p.Pick(ms(40*i + 1))
		if got != i || p.State(ms(40*i+1)) != Live {
			t.Fatalf("%d at picture %d, %v", got, i, p.State(ms(40*i+1)))
		}
	}
}

func TestASilentInputIsFrozenThenDeadAndLiveAgain(t *testing.T) {
	p, _ := newTestPicker(4)
	for i := range 25 {
		p.Put(ms(40*i), ms(40*i), i)
		p.Pick(ms(40 * i))
	}
	for _, c := range []struct {
		at   int
		want State
	}{{960, Live}, {1900, Live}, {1961, Frozen}, {5900, Frozen}, {5961, Dead}, {90000, Dead}} {
		if got, ok := p.Pick(ms(c.at)); got != 24 || !ok || p.State(ms(c.at)) != c.want {
			t.Errorf("at %d ms: %v with picture %d, want %v", c.at, p.State(ms(c.at)), got, c.want)
		}
	}
	p.Put(ms(90010), ms(90020), 99)
	if got, _ := p.Pick(ms(90020)); got != 99 || p.State(ms(90020)) != Live {
		t.Errorf("it is back with picture %d and %v", got, p.State(ms(90020)))
	}
}

func TestAnInputOfFewPicturesIsNotFrozenBetweenThem(t *testing.T) {
	p, _ := newTestPicker(4)
	for i := range 60 {
		p.Put(ms(2000*i), ms(2000*i), i)
		p.Pick(ms(2000 * i))
	}
	if s := p.State(ms(2000*59 + 1990)); s != Live {
		t.Errorf("a picture every two seconds: %v just before the next", s)
	}
}

func TestAnInputThatIsAlwaysLateIsLive(t *testing.T) {
	p, _ := newTestPicker(4)
	for i := range 100 {
		p.Put(ms(40*i-3000), ms(40*i), i)
		if _, ok := p.Pick(ms(40 * i)); !ok || p.State(ms(40*i)) != Live {
			t.Fatalf("picture %d: %v", i, p.State(ms(40*i)))
		}
	}
}

func TestRecordedPicturesWaitAndNoneIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, released := newTestPicker(3)
		go func() {
			for i := range 200 {
				time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
				if err := p.Offer(t.Context(), ms(40*i), i); err != nil {
					t.Error(err)
				}
			}
			p.End()
		}()
		for i := range 200 {
			if err := p.Await(t.Context(), ms(40*i)); err != nil {
				t.Fatal(err)
			}
			if got, ok := p.Pick(ms(40 * i)); !ok || got != i {
				t.Fatalf("picture %d at the time of %d", got, i)
			}
		}
		if !p.Done() {
			t.Error("not done at the end")
		}
		p.Close()
		if len(released) != 200 {
			t.Errorf("%d of 200 released", len(released))
		}
	})
}

func TestWhoWaitsForAPickerCanGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, released := newTestPicker(1)
		ctx, cancel := context.WithCancel(t.Context())
		wait := make(chan error, 2)
		go func() { wait <- p.Await(ctx, ms(0)) }()
		synctest.Wait()
		cancel()
		if err := <-wait; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := p.Offer(t.Context(), ms(0), 1); err != nil {
			t.Fatal(err)
		}
		// Without room nothing more can come: who awaits goes on with what there is.
		if err := p.Await(t.Context(), ms(1000)); err != nil {
			t.Error(err)
		}
		if err := p.Offer(ctx, ms(1), 2); !errors.Is(err, context.Canceled) || released[2] != 1 {
			t.Errorf("%v, released %v", err, released)
		}
		go func() { wait <- p.Offer(t.Context(), ms(1), 3) }()
		synctest.Wait()
		p.Close()
		if err := <-wait; !errors.Is(err, io.ErrClosedPipe) || released[3] != 1 || released[1] != 1 {
			t.Errorf("%v, released %v", err, released)
		}
	})
}

// FuzzPicturesAreReleasedOnce holds that whatever times inputs claim, each picture is
// released exactly once, the queue is bounded, and what is shown was put.
func FuzzPicturesAreReleasedOnce(f *testing.F) {
	f.Add(uint64(1), uint8(3))
	f.Fuzz(func(t *testing.T, seed uint64, room uint8) {
		r := rand.New(rand.NewPCG(seed, 2))
		p, released := newTestPicker(int(room))
		count := 0
		for range 300 {
			at := noon.Add(time.Duration(r.Int64() >> r.IntN(40)))
			if r.IntN(3) > 0 {
				p.Put(at, noon.Add(time.Duration(r.Int64N(1e12))), count)
				count++
			} else if got, ok := p.Pick(at); ok && (got >= count || released[got] > 0) {
				t.Fatalf("picture %d of %d is shown, released %d times", got, count, released[got])
			}
			p.State(at)
			if n := p.Waiting(); n > max(8, int(room)) {
				t.Fatalf("%d wait", n)
			}
		}
		p.Close()
		for i := range count {
			if released[i] != 1 {
				t.Fatalf("picture %d is released %d times", i, released[i])
			}
		}
	})
}
