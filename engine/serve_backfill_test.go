package engine_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/rtspcam"
)

func TestServeFillsTheGapsOfWhatItPulls(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": "h264b+aac"}})
	near, stop := nearby(t, cam, "live")
	far := filepath.Join(t.TempDir(), "far")
	d, e := deps(t)
	d.Dial = func(ctx context.Context, o rtsp.Options) (engine.Session, error) {
		s, err := engine.DialRTSP(ctx, o)
		if err == nil && o.Replay == nil {
			now := time.Now()
			s = &lossy{s, now.Add(3 * time.Second), now.Add(5 * time.Second)}
		}
		return s, err
	}
	p := pulled("cam", cam.URL("live"))
	p.Record, p.Backfill = true, "rtsp://"+replayServer(t, near)+"/cam"
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- engine.Serve(ctx, d, engine.ServeOptions{
			RTSP: []string{"127.0.0.1:0"}, Record: engine.RecordInto{Dir: far, Segment: time.Minute}, Paths: []engine.ServePath{p},
		})
	}()
	t.Cleanup(cancel)
	waitFor(t, "the filling", func() bool { return len(all[engine.Backfilled](e)) > 0 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	stop()
	if filled := all[engine.Backfilled](e); len(filled) != 1 || filled[0].Splice != "identity" {
		t.Errorf("filled: %+v", filled)
	}
	same(t, far, near)
	verified(t, d, far, archive.Clean)
}
