package engine

import (
	"context"
	"sync"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/web"
)

// webStills makes the stills that package web answers. They are kept for a while, made one
// at a time, and the maker rests after each for as long as it took: strangers who ask for
// stills take half a core at most from recording.
type webStills struct {
	deps    Deps
	archive *archive.Library
	hub     *hub // nil: nothing is live

	making chan struct{} // held by who makes one
	rest   time.Time     // until then nobody makes one; theirs

	mu    sync.Mutex
	kept  map[stillKey]*keptStill
	bytes int // of all that are kept
	asked int // who is waiting or making
}

// stillKey is what was asked for.
type stillKey struct {
	camera string
	at     time.Time
	width  int
}

// keptStill is an answer. Fields but used are not changed.
type keptStill struct {
	web.Still
	until time.Time // when to look again
	used  time.Time
}

// Bounds of stills.
const (
	stillsBytes  = 16 << 20
	stillsAsked  = 64
	stillsNewest = time.Second // how long the newest is good for
	stillsOld    = time.Minute // and one of a time that has passed: gaps are filled, files removed
	stillsTries  = 3           // key frames that are looked at
)

func newWebStills(d Deps, l *archive.Library, h *hub) *webStills {
	return &webStills{deps: d, archive: l, hub: h, making: make(chan struct{}, 1), kept: map[stillKey]*keptStill{}}
}

// Still implements web.Stills.
func (s *webStills) Still(ctx context.Context, camera string, at time.Time, width int) (web.Still, error) {
	key := stillKey{camera, at.UTC(), width}
	if k := s.find(key); k != nil {
		return k.Still, nil
	}
	leave, err := s.enter()
	if err != nil {
		return web.Still{}, err
	}
	defer leave()
	select {
	case s.making <- struct{}{}:
	case <-ctx.Done():
		return web.Still{}, fault.Because("make a still", ctx.Err())
	}
	if k := s.find(key); k != nil { // somebody else asked for the same
		<-s.making
		return k.Still, nil
	}
	defer func() { <-s.making }()
	if err := s.pause(ctx); err != nil {
		return web.Still{}, err
	}
	began := s.deps.Clock.Now()
	still, err := s.make(ctx, key)
	now := s.deps.Clock.Now()
	s.rest = now.Add(min(now.Sub(began), time.Second))
	if err == nil {
		s.keep(key, still, now)
	}
	return still, err
}

// pause waits until the maker is rested.
func (s *webStills) pause(ctx context.Context) error {
	timer := time.NewTimer(s.rest.Sub(s.deps.Clock.Now()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fault.Because("make a still", ctx.Err())
	}
}

// enter bounds how many wait.
func (s *webStills) enter() (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked >= stillsAsked {
		return nil, fault.New(fault.Busy, "too many stills are asked for; try again")
	}
	s.asked++
	return func() {
		s.mu.Lock()
		s.asked--
		s.mu.Unlock()
	}, nil
}

// find returns what is kept and still good.
func (s *webStills) find(key stillKey) *keptStill {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.deps.Clock.Now()
	k := s.kept[key]
	if k == nil || !now.Before(k.until) {
		return nil
	}
	k.used = now
	return k
}

// keep keeps an answer, and forgets those that nobody asked for the longest time.
func (s *webStills) keep(key stillKey, still web.Still, now time.Time) {
	good := stillsNewest
	if !key.at.IsZero() && key.at.Before(now.Add(-stillsOld)) {
		good = stillsOld
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.kept[key]; old != nil {
		s.bytes -= len(old.JPEG)
	}
	s.kept[key] = &keptStill{Still: still, until: now.Add(good), used: now}
	s.bytes += len(still.JPEG)
	for s.bytes > stillsBytes && len(s.kept) > 1 {
		var oldest stillKey
		var used time.Time
		for k, v := range s.kept {
			if k != key && (used.IsZero() || v.used.Before(used)) {
				oldest, used = k, v.used
			}
		}
		s.bytes -= len(s.kept[oldest].JPEG)
		delete(s.kept, oldest)
	}
}

// make finds the key frame and decodes it, unless the picture that was kept is of it.
func (s *webStills) make(ctx context.Context, key stillKey) (still web.Still, err error) {
	s.mu.Lock()
	old := s.kept[key]
	s.mu.Unlock()
	failed, tries := fault.New(fault.NotFound, "there is no picture of %.200q", key.camera), 0
	try := func(k keyUnit) (done bool) {
		if old != nil && old.At.Equal(k.unit.Wall) {
			still, failed = old.Still, nil
			return true
		}
		file, err := s.deps.still(k, media.StillOptions{Width: key.width})
		still, failed = web.Still{JPEG: file.data, At: k.unit.Wall}, err
		tries++
		return err == nil || tries == stillsTries
	}
	if key.at.IsZero() && s.hub != nil {
		if k, ok := s.hub.newestKey(key.camera); ok && try(k) {
			return still, failed
		}
	}
	if err := keysBefore(ctx, s.archive, key.camera, key.at, try); err != nil {
		return web.Still{}, err
	}
	if fault.Is(failed, fault.Damaged) {
		failed = fault.Wrap(fault.NotFound, "no picture can be decoded", failed)
	}
	return still, failed
}
