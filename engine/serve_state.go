package engine

import (
	"context"
	"sync"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/web"
)

const (
	surveyEvery = 2 * time.Second
	// surveyShare bounds the part of the time that surveys take.
	surveyShare = 20
	// stuckAfter is how long media may come without a commit before that counts as stuck.
	stuckAfter = 30 * time.Second
)

// serveState is what a server remembers to be able to say how it stands without waiting
// for a disk.
type serveState struct {
	mu       sync.Mutex
	counts   web.ServerState
	recorded map[string]web.Recorded // by path, as last surveyed
	packets  map[string]packetCount
	moving   time.Time // when a commit was last made, or none was due
}

// packetCount adds up the packets of all sessions of a path.
type packetCount struct{ before, beforeLost, now, nowLost, session uint64 }

// observe takes an event of the RTSP server.
func (s *server) observe(e rtsp.ServerEvent) {
	n := Notice{Message: e.Text()}
	s.state.mu.Lock()
	switch e := e.(type) {
	case rtsp.SessionEnded:
		s.count(e.SessionInfo, &s.state.counts)
	case rtsp.AccessDenied:
		if e.Wrong {
			s.state.counts.Refused++
		}
	case rtsp.ServerNotice:
		n.Message, n.Count = e.Message, e.Count
	}
	s.state.mu.Unlock()
	s.deps.observe(n)
}

func (s *server) count(i rtsp.SessionInfo, c *web.ServerState) {
	if i.Kind == rtsp.Publishing {
		c.Received += i.Bytes
	} else {
		c.Sent += i.Bytes
	}
}

// State implements web.Hub.
func (s *server) State() web.State {
	now := s.clock.Now()
	sessions := s.sessions()
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	state := web.State{At: s.clock.Wall().UTC(), Cameras: []web.CameraState{}, Server: s.state.counts}
	state.Server.Received += s.hub.pulled.Load()
	for _, i := range sessions {
		s.count(i, &state.Server)
		state.Server.Sessions++
		if i.Kind != rtsp.Publishing {
			state.Server.Readers++
		}
	}
	counted := map[string]packetCount{}
	for _, p := range s.hub.list() {
		state.Cameras = append(state.Cameras, s.cameraState(p, now, sessions))
		counted[p.name] = s.state.packets[p.name]
	}
	s.state.packets = counted // and not of paths that are gone
	return state
}

func (s *server) sessions() []rtsp.SessionInfo {
	if s.rtsp == nil {
		return nil
	}
	return s.rtsp.Sessions()
}

// cameraState is one path's. s.state.mu is held.
func (s *server) cameraState(p *livePath, now time.Time, sessions []rtsp.SessionInfo) web.CameraState {
	f := p.facts(now, sessions)
	c := web.CameraState{
		Path: p.name, State: f.State, Reason: f.Reason, Since: f.since, Transport: f.Transport, Readers: f.readers,
		FPS: f.FPS, Bitrate: f.Bitrate, Loss: f.Loss, Sessions: f.sessions, Delays: f.Delays,
	}
	if s.state.packets == nil {
		s.state.packets = map[string]packetCount{}
	}
	n := s.state.packets[p.name]
	if n.session != f.sessions {
		n = packetCount{before: n.before + n.now, beforeLost: n.beforeLost + n.nowLost, session: f.sessions}
	}
	n.now, n.nowLost = max(n.now, f.packets), max(n.nowLost, f.lost)
	s.state.packets[p.name] = n
	c.Packets, c.Lost = n.before+n.now, n.beforeLost+n.nowLost
	if p.adapt != nil {
		c.Adapted = p.adapt.state()
	}
	if p.conf.Record {
		r := s.state.recorded[p.name]
		r.Camera = s.store.name() + "/" + p.name
		if p.conf.pulled() || f.on {
			r.Expected = f.expected
		}
		if r.Gaps == nil {
			r.Gaps = map[string]float64{}
		}
		c.Recorded = &r
	}
	return c
}

// pathFacts is how a path stands.
type pathFacts struct {
	CameraProgress
	on            bool
	since         time.Time
	expected      time.Time // since when media should be coming
	latest        time.Time // when it last did
	readers       int
	sessions      uint64
	packets, lost uint64
}

// facts tells how the path stands; sessions are those of the server.
func (p *livePath) facts(now time.Time, sessions []rtsp.SessionInfo) pathFacts {
	p.mu.Lock()
	f := pathFacts{on: p.on, since: p.since, latest: p.latest, readers: p.readers, sessions: p.sessions, expected: p.begun}
	feed, publisher, composed := p.feed, p.publisher, p.composed
	f.FPS, f.Bitrate = p.meter.rates(now)
	p.mu.Unlock()
	doing := "live"
	if p.conf.Record {
		doing = "recording"
	}
	switch {
	case feed != nil:
		f.CameraProgress = feed.progress(now)
		feed.mu.Lock()
		f.latest = feed.latest
		if feed.session != nil {
			for _, t := range feed.session.Stats().Tracks {
				f.packets += t.Packets + t.Lost
				f.lost += t.Lost
			}
		}
		feed.mu.Unlock()
		if f.State == string(statePlaying) {
			f.State = doing
		}
	case publisher != nil:
		f.State = doing
		for _, i := range sessions {
			if i.Kind == rtsp.Publishing && i.Peer == publisher.from.Peer {
				f.Transport, f.lost = string(i.Transport), i.Lost
			}
		}
	case composed != nil:
		f.State = doing
		if _, f.Reason = composed.answered(); f.Reason != "" {
			f.State = string(stateRetrying)
		}
	case p.conf.pulled():
		f.State = "idle"
	default:
		f.State = "waiting"
	}
	f.Name = p.name
	f.Queue = p.waiting()
	f.Delays = p.stream.Delays().Spreads(now)
	return f
}

// progress is the state for the display.
func (s *server) progress(now time.Time) Progress {
	e := Progress{At: now, Cameras: []CameraProgress{}}
	if s.store != nil {
		e.From, _ = s.store.rec.Window()
	}
	sessions, flowing := s.sessions(), false
	for _, p := range s.hub.list() {
		f := p.facts(now, sessions)
		if p.conf.Record {
			s.store.tally.fill(&f.CameraProgress, now)
			flowing = flowing || now.Sub(f.latest) < surveyEvery
			s.state.mu.Lock()
			f.Bytes = s.state.recorded[p.name].Bytes
			s.state.mu.Unlock()
		}
		e.Cameras = append(e.Cameras, f.CameraProgress)
	}
	e.Stuck = s.stuck(now, flowing)
	return e
}

// stuck reports whether media comes that should be on the disk by now, and the disk neither
// takes it nor says why.
func (s *server) stuck(now time.Time, flowing bool) bool {
	if s.store == nil {
		return false
	}
	committed, trouble := s.store.tally.last()
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	if !flowing || trouble || s.state.moving.IsZero() {
		s.state.moving = now
	}
	if committed.After(s.state.moving) {
		s.state.moving = committed
	}
	return now.Sub(s.state.moving) > stuckAfter
}

// last is when a commit was last made, and whether the disk is known to refuse.
func (t *tally) last() (committed time.Time, trouble bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.committed, len(t.disk) > 0
}

// survey looks into the catalogue of what is recorded, for State, until ctx ends. A disk
// that hangs holds up only this.
func (s *server) survey(ctx context.Context) {
	if s.store == nil {
		return
	}
	wait := time.Duration(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		began := s.clock.Now()
		if rec, err := s.library.Recording(s.store.name()); err == nil {
			s.surveyed(rec, began)
		}
		wait = max(surveyEvery, surveyShare*s.clock.Now().Sub(began))
	}
}

func (s *server) surveyed(rec *archive.Recording, now time.Time) {
	free, err := s.deps.FS.Free(s.store.dir)
	forecast := (*float64)(nil)
	if err == nil {
		forecast = s.forecast(float64(free), now)
	}
	list := map[string]web.Recorded{}
	for _, c := range rec.Cameras {
		r := web.Recorded{Coverage: rec.Coverage(c).Share(), Gaps: map[string]float64{}, Forecast: forecast}
		for _, segment := range c.Segments {
			r.Bytes += segment.Size
			if segment.End.After(r.OnDisk) && segment.Size > 0 {
				r.OnDisk = segment.End
			}
		}
		for _, g := range c.Gaps {
			for _, cause := range g.Causes.List() {
				r.Gaps[cause.String()] += g.To.Sub(g.From).Seconds()
			}
		}
		list[c.Name] = r
	}
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	s.state.recorded = list
}

// forecast is in how many days the disk is full at today's pace; nil: never, because
// retention keeps it from that, or not known.
func (s *server) forecast(free float64, now time.Time) *float64 {
	keep := s.keep.Load()
	if keep.Size > 0 || keep.Free > 0 {
		return nil
	}
	bits := 0.0
	for _, p := range s.hub.list() {
		if p.conf.Record {
			bits += p.facts(now, nil).Bitrate
		}
	}
	if bits == 0 {
		return nil
	}
	days := free / (bits / 8) / (24 * time.Hour).Seconds()
	if keep.Age > 0 && days > keep.Age.Hours()/24 {
		return nil
	}
	return &days
}
