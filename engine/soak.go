package engine

import (
	"context"
	"fmt"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
)

// What a soak calls steady and usable. Loss is of packets; a break is the longest
// silence between two pictures.
const (
	steadyLoss  = 1e-5
	usableLoss  = 1e-3
	steadyBreak = 500 * time.Millisecond
	usableBreak = 2 * time.Second
)

// soak judges one camera over time, across sessions.
type soak struct {
	began    time.Time
	seconds  []soakSecond // by second since began, of the deciding track
	last     time.Time    // arrival of its last unit
	longest  time.Duration
	gopMin   int
	gopMax   int
	sessions int
	packets  uint64
	lost     uint64
	drift    float64
	errs     []string
}

type soakSecond struct{ units, bytes int }

// runSoak watches for p.soak over the transport that works, reconnecting when a
// session ends.
func (p *prober) runSoak(ctx context.Context, t rtsp.Transport) error {
	clock := p.deps.Clock
	s := &soak{began: clock.Now()}
	limit, cancel := context.WithTimeout(ctx, p.soak)
	defer cancel()
	var retry backoff
	for limit.Err() == nil {
		began := clock.Now()
		err := p.soakSession(limit, t, s)
		if limit.Err() != nil {
			break
		}
		s.errs = append(s.errs, err.Error())
		select {
		case <-limit.Done():
		case <-time.After(retry.next(began, clock.Now(), err).Sub(clock.Now())):
		}
	}
	if err := ctx.Err(); err != nil {
		return fault.Because("soak "+p.report.URL, err)
	}
	p.report.Soak = s.report(clock.Now())
	return nil
}

// soakSession is one session; the error says why it ended and is never nil.
func (p *prober) soakSession(ctx context.Context, t rtsp.Transport, s *soak) error {
	o := p.options(t)
	o.Timeout = 0 // the default: -max is for the short look
	session, err := p.deps.dial(ctx, o)
	if err != nil {
		return err
	}
	defer session.Close()
	s.sessions++
	run := session.Run()
	a := newAnalysis(run)
	track := media.TrackID(max(0, a.video))
	defer func() { s.ended(session.Stats(), &a.tracks[track]) }()
	for {
		au, err := session.Next(ctx)
		if err != nil {
			return fault.Because("session", err)
		}
		a.add(au)
		if au.Track == track {
			s.unit(au)
		}
		p.soakProgress(s, au)
	}
}

// soakProgress tells once a second how far the soak is.
func (p *prober) soakProgress(s *soak, au media.AccessUnit) {
	if n := len(s.seconds); n > 0 && s.seconds[n-1].units == 1 && au.Arrival.Equal(s.last) {
		p.deps.observe(Notice{Camera: p.camera.Name, Message: fmt.Sprintf("watched for %d of %.0f s", n-1, p.soak.Seconds())})
	}
}

func (s *soak) unit(au media.AccessUnit) {
	if !s.last.IsZero() {
		s.longest = max(s.longest, au.Arrival.Sub(s.last))
	}
	s.last = au.Arrival
	i := int(au.Arrival.Sub(s.began) / time.Second)
	for len(s.seconds) <= i {
		s.seconds = append(s.seconds, soakSecond{})
	}
	s.seconds[i].units++
	s.seconds[i].bytes += len(au.Data)
}

func (s *soak) ended(stats rtsp.Stats, t *trackAnalysis) {
	for _, ts := range stats.Tracks {
		s.packets += ts.Packets
		s.lost += ts.Lost
		if ts.Drift != 0 {
			s.drift = ts.Drift
		}
	}
	if t.gopMin > 0 && (s.gopMin == 0 || t.gopMin < s.gopMin) {
		s.gopMin = t.gopMin
	}
	s.gopMax = max(s.gopMax, t.gopMax)
}

// report sums up. Seconds that are not whole, the first and the last, do not count as
// slow ones.
func (s *soak) report(now time.Time) *ProbeSoak {
	if !s.last.IsZero() {
		s.longest = max(s.longest, now.Sub(s.last))
	}
	r := &ProbeSoak{
		Seconds: now.Sub(s.began).Seconds(), LongestGap: milliseconds(s.longest),
		GOPMin: s.gopMin, GOPMax: s.gopMax, Sessions: s.sessions, Lost: s.lost, DriftPPM: s.drift,
	}
	for i, second := range s.seconds {
		fps := float64(second.units)
		r.MaxFPS = max(r.MaxFPS, fps)
		r.MaxBitrate = max(r.MaxBitrate, float64(second.bytes)*8)
		if i > 0 && i < len(s.seconds)-1 && (fps < r.MinFPS || r.MinFPS == 0) {
			r.MinFPS = fps
		}
	}
	r.Verdict, r.Why = s.verdict()
	return r
}

// verdict names the grade and each reason for not giving the best.
func (s *soak) verdict() (string, []string) {
	grades := []string{"steady", "usable", "bad"}
	worst := 0
	var why []string
	blame := func(grade int, format string, args ...any) {
		worst = max(worst, grade)
		why = append(why, fmt.Sprintf(format, args...))
	}
	grade := func(usable bool) int {
		if usable {
			return 1
		}
		return 2
	}
	if s.last.IsZero() {
		blame(2, "no media came")
		return grades[worst], why
	}
	if loss := float64(s.lost) / float64(max(1, s.packets+s.lost)); loss > steadyLoss {
		blame(grade(loss <= usableLoss), "%d packets lost, %.3f %%", s.lost, loss*100)
	}
	if s.longest > steadyBreak {
		blame(grade(s.longest <= usableBreak), "longest silence %.1f s", s.longest.Seconds())
	}
	if s.sessions > 1 || len(s.errs) > 0 {
		blame(2, "the session broke %s", plural(len(s.errs), "time"))
		why = append(why, "last reason: "+s.errs[len(s.errs)-1])
	}
	return grades[worst], why
}
