package rtsp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

var nine = at("2026-11-22T09:00:00Z")

// archived runs a server whose library is a vault.
func archived(t testing.TB, length, gapAt time.Duration) (*served, *vault) {
	t.Helper()
	v := newVault(t, nine, length, gapAt)
	t.Cleanup(func() { // behind the server's
		if n := v.opened(); n != 0 {
			t.Errorf("%d sources are left open", n)
		}
	})
	return serve(t, ServerOptions{Library: v}, false), v
}

// download takes everything that a replay plays.
func download(t testing.TB, url string, r ReplayRequest) []media.AccessUnit {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := Dial(ctx, Options{URL: url, Replay: &r, Queue: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var list []media.AccessUnit
	for {
		au, err := c.Next(ctx)
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatalf("after %d units: %v", len(list), err)
		}
		list = append(list, au)
	}
}

// asStored fails unless the units of each track are those stored, byte for byte, in order,
// and at their times.
func asStored(t *testing.T, got, want []media.AccessUnit) {
	t.Helper()
	for id := range media.TrackID(2) {
		var g, w []media.AccessUnit
		for _, au := range got {
			if au.Track == id {
				g = append(g, au)
			}
		}
		for _, au := range want {
			if au.Track == id {
				w = append(w, au)
			}
		}
		if len(g) != len(w) {
			t.Errorf("track %d: %d units, %d are stored", id, len(g), len(w))
		}
		for i := range min(len(g), len(w)) {
			if !bytes.Equal(g[i].Data, w[i].Data) {
				t.Fatalf("track %d: unit %d is another", id, i)
			}
			if off := g[i].Wall.Sub(w[i].Wall); off.Abs() > 20*time.Microsecond {
				t.Fatalf("track %d: unit %d was captured at %v, and is said to be from %v", id, i, w[i].Wall, g[i].Wall)
			}
			if g[i].Damaged || g[i].Lost > 0 {
				t.Fatalf("track %d: unit %d is damaged", id, i)
			}
		}
	}
}

func TestADownloadIsWhatIsStoredUnitForUnit(t *testing.T) {
	t.Parallel()
	s, v := archived(t, 40*time.Second, 12*time.Second)
	want := v.chosen(v.from, v.to, false, false)
	began := time.Now()
	for _, plain := range []bool{false, true} {
		asStored(t, download(t, s.url("cam"), ReplayRequest{From: v.from, To: v.to.Add(time.Hour), Plain: plain}), want)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("two downloads of 40 s took %v", took)
	}
	from, to := v.from.Add(5500*time.Millisecond), v.from.Add(9*time.Second)
	got := download(t, s.url("lesson/cam"), ReplayRequest{From: from, To: to})
	asStored(t, got, v.chosen(from, to, false, false))
}

func TestADownloadThatIsNotTakenWaitsAndLosesNothing(t *testing.T) {
	t.Parallel()
	v := newVault(t, nine, 60*time.Second, 0)
	s := serve(t, ServerOptions{Library: v, Queue: 64 << 10}, false)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := Dial(ctx, Options{URL: s.url("cam"), Replay: &ReplayRequest{From: v.from, To: v.to}, Queue: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var got []media.AccessUnit
	for {
		if len(got) == 100 {
			time.Sleep(2 * time.Second) // what is tested: nobody takes anything for a while
		}
		au, err := c.Next(ctx)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			break
		}
		got = append(got, au)
	}
	asStored(t, got, v.units)
}

func TestABackfillMayBeSlowedDown(t *testing.T) {
	t.Parallel()
	s, v := archived(t, 10*time.Second, 0)
	began := time.Now()
	total := 0
	for _, au := range v.units {
		total += len(au.Data)
	}
	asStored(t, download(t, s.url("cam"), ReplayRequest{From: v.from, To: v.to, Rate: int64(total)}), v.units)
	if took := time.Since(began); took < 800*time.Millisecond {
		t.Errorf("%d bytes came in %v", total, took)
	}
}

func TestARangeOfWhichNothingIsRecordedIsNotFound(t *testing.T) {
	t.Parallel()
	s, v := archived(t, 5*time.Second, 0)
	for _, from := range []time.Time{v.to.Add(time.Second), v.from.Add(-time.Hour)} {
		_, err := Dial(context.Background(), Options{URL: s.url("cam"), Replay: &ReplayRequest{From: from, To: from.Add(time.Second)}})
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("from %v: %v", from, err)
		}
	}
}
