package engine

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"rtsprec/engine/compose"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/testcard"
)

// transportTest is what a test session says it travels over.
const transportTest rtsp.Transport = "test"

// tooLate is how far a test source may fall behind its pace before it leaves pictures out.
const tooLate = time.Second

// testSession is a session with a test source. Pictures are drawn and encoded by whoever
// calls Next: it has no goroutine.
type testSession struct {
	source testSource
	clock  media.Clock
	run    media.Run
	key    atomic.Bool // the next picture is to be one
	done   chan struct{}
	close  func()

	mu      sync.Mutex // guards what follows; held while a picture is made
	card    *testcard.Card
	canvas  media.Canvas
	still   media.Picture // what does not move of the card
	pixels  media.PictureEncoder
	sound   *testSound // nil: none
	origin  time.Time  // a full second; picture n is of origin + n/fps
	first   int64      // the n of the first one
	next    int64
	queue   []media.AccessUnit
	missing *media.Gap // of what was left out before the next picture
	closed  bool

	counted sync.Mutex // guards stats
	stats   rtsp.Stats
}

// dialTest opens a session with a test source.
func (d Deps) dialTest(_ context.Context, o rtsp.Options) (Session, error) {
	source, err := parseTestSource(o.URL)
	if err != nil {
		return nil, err
	}
	if err := d.needCodecs("make test pictures"); err != nil {
		return nil, err
	}
	clock := o.Clock
	if clock == nil {
		clock = d.Clock
	}
	now := clock.Now()
	if source.isGone(now) {
		return nil, fault.New(fault.Unreachable, "the test source is gone for a while (drop=%v/%v)", source.gone, source.each)
	}
	s := &testSession{source: source, clock: clock, done: make(chan struct{})}
	s.close = sync.OnceFunc(func() { close(s.done) })
	if err := s.open(d.Coder, now); err != nil {
		s.free()
		return nil, err
	}
	return s, nil
}

// open makes what pictures and sound are made with.
func (s *testSession) open(coder media.Coder, now time.Time) (err error) {
	t := s.source
	labels, err := compose.NewLabels()
	if err != nil {
		return err
	}
	s.card = testcard.New(testcard.Options{
		Width: t.width, Height: t.height, Name: t.name,
		Label: func(text string, height, width int) *image.NRGBA {
			return labels.Text(text, height, width, color.NRGBA{255, 255, 255, 255})
		},
		Facts: []string{fmt.Sprintf("%dx%d", t.width, t.height), fmt.Sprintf("%.4g fps", t.fps), t.codec.Title(), "clock: UTC"},
	})
	if s.canvas, err = coder.Canvas(media.CanvasOptions{Width: t.width, Height: t.height}); err != nil {
		return err
	}
	s.card.DrawStill(s.canvas)
	if s.still, err = s.canvas.Picture(0, now); err != nil {
		return err
	}
	s.pixels, err = coder.PictureEncoder(media.EncodeOptions{
		Codec: t.codec, Width: t.width, Height: t.height, FPS: t.fps, Bitrate: t.bitrate,
		GOP: t.gop, Preset: "ultrafast", LowLatency: true,
	})
	if err != nil {
		return fault.Because("make test pictures", err)
	}
	tracks := []media.Track{s.pixels.Track()}
	if t.audio != "" {
		if s.sound, err = newTestSound(coder, t.audio); err != nil {
			return fault.Because("make test sound", err)
		}
		tracks = append(tracks, s.sound.encoder.Track())
		tracks[1].ID = 1
	}
	s.origin = now.Round(0).Truncate(time.Second)
	s.first = int64(math.Ceil(now.Round(0).Sub(s.origin).Seconds()*t.fps - 1e-6))
	s.next = s.first
	s.run = media.Run{
		Start: now, Tracks: tracks, Origin: "live",
		Peer: fmt.Sprintf("test picture %s, %dx%d at %.4g fps", t.name, t.width, t.height, t.fps),
	}
	if s.sound != nil {
		s.sound.begin(s.at(s.first))
	}
	s.stats = rtsp.Stats{Transport: transportTest, Auth: "none", Server: "rtsprec test picture", Tracks: make([]rtsp.TrackStats, len(tracks))}
	for i, track := range tracks {
		// Its clock is the host's.
		s.stats.Tracks[i] = rtsp.TrackStats{Codec: track.Codec, ClockSound: true, ClockWithin: time.Millisecond}
	}
	return nil
}

// isGone reports whether the source plays dead at a time.
func (t *testSource) isGone(at time.Time) bool {
	return t.gone > 0 && at.Round(0).Add(t.gone).Truncate(t.each).After(at.Round(0).Truncate(t.each))
}

// at is the capture time of a picture.
func (s *testSession) at(n int64) time.Time {
	fps := s.source.fps
	whole := int64(float64(n) / fps)
	rest := float64(n) - float64(whole)*fps
	return s.origin.Add(time.Duration(whole)*time.Second + time.Duration(rest/fps*float64(time.Second)+0.5))
}

// Run implements media.Source.
func (s *testSession) Run() media.Run { return s.run }

// RequestKey implements media.KeyRequester.
func (s *testSession) RequestKey() { s.key.Store(true) }

// Close implements media.Source.
func (s *testSession) Close() error {
	s.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.free()
	}
	return nil
}

func (s *testSession) free() {
	if s.still != nil {
		s.still.Release()
	}
	if s.canvas != nil {
		s.canvas.Close()
	}
	if s.pixels != nil {
		s.pixels.Close()
	}
	if s.sound != nil {
		s.sound.encoder.Close()
	}
}

// Next implements media.Source.
func (s *testSession) Next(ctx context.Context) (media.AccessUnit, error) {
	for {
		s.mu.Lock()
		au, ok, wait, err := s.take()
		s.mu.Unlock()
		switch {
		case err != nil:
			return media.AccessUnit{}, err
		case ok:
			s.count(au)
			return au, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-s.done:
		case <-ctx.Done():
		}
		timer.Stop()
		if err := ctx.Err(); err != nil {
			return media.AccessUnit{}, fault.Because("play a test picture", err)
		}
	}
}

// take returns the next unit, or how long to wait for the next picture.
func (s *testSession) take() (au media.AccessUnit, ok bool, wait time.Duration, err error) {
	for {
		if s.closed {
			return au, false, 0, fault.New(fault.Canceled, "closed")
		}
		select {
		case <-s.done:
			return au, false, 0, fault.New(fault.Canceled, "closed")
		default:
		}
		if len(s.queue) > 0 {
			au = s.queue[0]
			s.queue = s.queue[1:]
			return au, true, 0, nil
		}
		if wait, err := s.turn(); wait > 0 || err != nil {
			return au, false, wait, err
		}
		if err := s.make(); err != nil {
			return au, false, 0, fault.Because("make a test picture", err)
		}
	}
}

// turn says how long it is until the next picture, or that there is none.
func (s *testSession) turn() (wait time.Duration, err error) {
	at, t := s.at(s.next), s.source
	if t.length > 0 && at.Sub(s.at(s.first)) >= t.length {
		return 0, io.EOF
	}
	passed := s.clock.Now().Sub(s.run.Start)
	due := at.Sub(s.run.Start.Round(0))
	switch {
	case !t.free && due > passed:
		return due - passed, nil
	case t.isGone(at):
		return 0, fault.New(fault.Ended, "the test source is gone for a while (drop=%v/%v)", t.gone, t.each)
	case t.free || passed-due < tooLate:
		return 0, nil
	}
	// What cannot keep pace is not shown later and later, but leaves out.
	left := s.next
	s.next += int64((passed - due).Seconds() * t.fps)
	s.missing = &media.Gap{From: at, To: s.at(s.next), Causes: media.Because(media.Overflow), Note: "this machine is too slow for the test picture"}
	s.counted.Lock()
	s.stats.Tracks[0].Dropped += uint64(s.next - left)
	s.counted.Unlock()
	return 0, nil
}

// make draws and encodes the next picture, and the sound up to it.
func (s *testSession) make() error {
	at := s.at(s.next)
	pts := media.FromDuration(at.Sub(s.at(s.first)), 90000)
	if err := s.canvas.Draw(s.still, image.Rectangle{}, s.card.Bounds()); err != nil {
		return err
	}
	s.card.DrawMoving(s.canvas, at)
	picture, err := s.canvas.Picture(pts, at)
	if err != nil {
		return err
	}
	units, err := s.pixels.Encode(picture, s.key.Swap(false))
	picture.Release()
	if err != nil {
		return err
	}
	s.next++
	if s.sound != nil {
		heard, err := s.sound.until(s.at(s.next))
		if err != nil {
			return err
		}
		for i := range heard {
			heard[i].Track = 1
		}
		units = append(units, heard...)
	}
	arrival := s.clock.Now()
	for i := range units {
		units[i].Arrival = arrival
		if units[i].Track == 0 && s.missing != nil {
			units[i].Missing, s.missing = s.missing, nil
		}
	}
	s.queue = append(s.queue[:0:0], units...)
	return nil
}

// count keeps the books of a unit that is handed over.
func (s *testSession) count(au media.AccessUnit) {
	s.counted.Lock()
	defer s.counted.Unlock()
	t, size := &s.stats.Tracks[au.Track], uint64(len(au.Data))
	s.stats.Bytes += size
	t.Packets, t.Units, t.Bytes, t.LastPacket = t.Packets+1, t.Units+1, t.Bytes+size, au.Arrival
	since := max(au.Arrival.Sub(s.run.Start), time.Microsecond)
	if t.FirstPacket.IsZero() {
		t.FirstPacket = au.Arrival
	}
	if s.stats.FirstPacket == 0 {
		s.stats.FirstPacket = since
	}
	if au.Key && t.FirstKey.IsZero() {
		t.FirstKey = au.Arrival
		if au.Track == 0 {
			s.stats.FirstKey = since
		}
	}
}

// Stats implements Session.
func (s *testSession) Stats() rtsp.Stats {
	s.counted.Lock()
	defer s.counted.Unlock()
	stats := s.stats
	stats.Tracks = append([]rtsp.TrackStats(nil), s.stats.Tracks...)
	return stats
}
