package rtsp

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rtsprec/engine/fault"
)

// floods are counted and told once a second.
type floods struct {
	refused int // connections for which there was no room
	accept  int // failures to accept one
	last    error
}

func (s *Server) note(f func(*floods)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.told)
}

// Sessions are those that there are now, those that publish first, then by path.
func (s *Server) Sessions() []SessionInfo {
	s.mu.Lock()
	list := make([]*session, 0, len(s.sessions))
	for sess := range s.sessions {
		list = append(list, sess)
	}
	s.mu.Unlock()
	infos := make([]SessionInfo, len(list))
	for i, sess := range list {
		infos[i] = sess.info()
	}
	slices.SortFunc(infos, func(a, b SessionInfo) int {
		switch {
		case a.Kind != b.Kind:
			return compare(a.Kind != Publishing, b.Kind != Publishing)
		case a.Path != b.Path:
			return compare(a.Path > b.Path, b.Path > a.Path)
		}
		return a.Since.Compare(b.Since)
	})
	return infos
}

func compare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// watch looks after all connections once a second: who has nothing to say, who has fallen
// silent, who is too slow.
func (s *Server) watch(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s.tellFloods()
		s.mu.Lock()
		list := make([]*serverConn, 0, len(s.conns))
		for c := range s.conns {
			list = append(list, c)
		}
		s.mu.Unlock()
		now := s.o.Clock.Now()
		for _, c := range list {
			c.look(now)
		}
	}
}

func (s *Server) tellFloods() {
	s.mu.Lock()
	told := s.told
	s.told = floods{}
	s.mu.Unlock()
	if told.refused > 0 {
		s.o.Observe(ServerNotice{Message: "connections refused: there are as many as are allowed", Count: told.refused})
	}
	if told.accept > 0 {
		s.o.Observe(ServerNotice{Message: fmt.Sprintf("connections cannot be accepted: %v", told.last), Count: told.accept})
	}
}

// look ends a connection that has been silent for too long. Who reads over TCP may be: it
// is known by what it takes.
func (c *serverConn) look(now time.Time) {
	if c.busy.Load() {
		return
	}
	quiet := now.Sub(time.Unix(0, c.heard.Load()))
	sess := c.live.Load()
	switch {
	case sess == nil:
		if quiet >= c.s.o.Idle {
			c.hangUp("no request came for " + c.s.o.Idle.String())
		}
	case sess.pub != nil:
		sess.pub.look(now, quiet)
	case sess.transport == TCP && sess.playing.Load():
		sess.tellDrops()
	case quiet >= c.s.o.Timeout:
		c.hangUp("no sign of life for " + c.s.o.Timeout.String())
	}
}

// tellDrops says that a reader is slow.
func (sess *session) tellDrops() {
	_, dropped, _ := sess.c.box.state()
	if n := dropped - sess.toldDrops; n > 0 && dropped > sess.toldDrops {
		sess.toldDrops = dropped
		sess.c.s.o.Observe(ReaderSlow{sess.info(), int(n)})
	}
}

// look reports to a publisher, and ends it when nothing comes any more.
func (p *publication) look(now time.Time, quiet time.Duration) {
	o := &p.sess.c.s.o
	p.mu.Lock()
	recording, silent := p.sink != nil, now.Sub(p.heard)
	if recording && now.Sub(p.reported) >= reportEvery {
		p.report(now, false)
	}
	p.mu.Unlock()
	switch {
	case recording && silent >= o.Silence:
		p.sess.c.hangUpFor(fault.New(fault.Timeout, "nothing came for %v", o.Silence))
	case !recording && quiet >= o.Idle:
		p.sess.c.hangUp("no request came for " + o.Idle.String())
	}
}

// expiry sees to it that no packet waits too long for a missing one.
type expiry struct {
	timer *time.Timer
	armed bool
}

func (e *expiry) stop() {
	if e.timer != nil {
		e.timer.Stop()
	}
}

// arm starts the expiry when something is held. The lock is held.
func (p *publication) arm() {
	if p.expiry.armed || p.ended {
		return
	}
	var due time.Time
	for _, l := range p.lines {
		if l.r == nil {
			continue
		}
		if d, ok := l.r.deadline(); ok && (due.IsZero() || d.Before(due)) {
			due = d
		}
	}
	if due.IsZero() {
		return
	}
	p.expiry.armed = true
	wait := due.Sub(p.sess.c.s.o.Clock.Now())
	if p.expiry.timer == nil {
		p.expiry.timer = time.AfterFunc(wait, p.expire)
	} else {
		p.expiry.timer.Reset(wait)
	}
}

// expire lets go of what has waited for long enough.
func (p *publication) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expiry.armed = false
	if p.ended || p.sink == nil {
		return
	}
	now := p.sess.c.s.o.Clock.Now()
	for _, l := range p.lines {
		if l.r != nil {
			l.r.expire(now)
		}
	}
	p.arm()
}
