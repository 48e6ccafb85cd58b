package engine

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
)

// DefaultProbe is how long Probe waits for a second key frame.
const DefaultProbe = 10 * time.Second

// Probe looks at cameras side by side and reports what each really sends, in the order
// of o.Cameras. A camera that cannot be probed has its Error set; the error returned is
// that of the first such camera, or a fault.Usage.
func Probe(ctx context.Context, d Deps, o ProbeOptions) ([]*ProbeReport, error) {
	if len(o.Cameras) == 0 {
		return nil, fault.New(fault.Usage, "no camera to probe")
	}
	if o.Max < 0 || o.Soak < 0 {
		return nil, fault.New(fault.Usage, "a duration below zero makes no sense")
	}
	files, err := d.snapshots(o)
	if err != nil {
		return nil, err
	}
	reports := make([]*ProbeReport, len(o.Cameras))
	errs := make([]error, len(o.Cameras))
	var group errgroup.Group
	for i, c := range o.Cameras {
		group.Go(func() error {
			p := newProber(d, c, o, files[i])
			if errs[i] = p.probe(ctx, o.Quick); errs[i] != nil {
				p.report.Kind, p.report.Error = fault.KindOf(errs[i]).String(), errs[i].Error()
			}
			reports[i] = p.report
			return nil
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return reports, err
		}
	}
	return reports, nil
}

// prober is the work on one camera.
type prober struct {
	deps      Deps
	camera    journal.Camera
	max       time.Duration
	soak      time.Duration
	file      string // of the snapshot; empty: none
	overwrite bool
	report    *ProbeReport
}

func (p *prober) probe(ctx context.Context, quick bool) error {
	limit, cancel := context.WithTimeout(ctx, p.max)
	defer cancel()
	var desc rtsp.Description
	err := p.patiently(limit, func() (err error) {
		desc, err = p.deps.describe(limit, p.options(rtsp.Auto))
		return err
	})
	if err != nil {
		return err
	}
	p.described(desc)
	if quick {
		p.unseen("everything but the description (--quick)")
		return nil
	}
	best, err := p.sessions(limit)
	if err != nil {
		return err
	}
	p.measured(best)
	if err := p.snapshot(best); err != nil {
		return err
	}
	if p.soak > 0 {
		return p.runSoak(ctx, best.transport)
	}
	return nil
}

// patiently repeats f while the camera says that it is busy: some need a moment after
// one session before they can give another.
func (p *prober) patiently(ctx context.Context, f func() error) error {
	err := f()
	for try := 0; try < 3 && fault.Is(err, fault.Busy); try++ {
		select {
		case <-ctx.Done():
			return err
		case <-time.After(retryFast):
		}
		err = f()
	}
	return err
}

func (p *prober) options(t rtsp.Transport) rtsp.Options {
	name := p.camera.Name
	return rtsp.Options{
		URL: p.camera.URL, Transport: t, Reorder: time.Duration(p.camera.Reorder),
		Insecure: p.camera.Insecure, Fingerprint: p.camera.Fingerprint,
		DialTimeout: min(p.max, 5*time.Second), Timeout: p.max,
		Clock: p.deps.Clock, Log: p.deps.log(),
		Observe: func(e rtsp.Event) { p.deps.observe(notice(name, e)) },
	}
}

// transports lists what is tried: side by side, in at most two sessions, because
// cameras have few to give.
func (p *prober) transports() []rtsp.Transport {
	if IsTestSource(p.camera.URL) {
		return []rtsp.Transport{transportTest}
	}
	switch t := rtsp.Transport(p.camera.Transport); t {
	case "", rtsp.Auto:
		return []rtsp.Transport{rtsp.UDP, rtsp.TCP}
	default:
		return []rtsp.Transport{t}
	}
}

// lastChance is what a transport that stays silent gets once another has told all.
const lastChance = 500 * time.Millisecond

// look is one session of a probe and what it showed.
type look struct {
	transport rtsp.Transport
	run       media.Run
	stats     rtsp.Stats
	analysis  *analysis
	key       *keyUnit
	err       error // why it ended before it had seen enough
}

// sessions plays over every transport at once and returns the session that is
// reported: the first in order of preference that delivered. The others end as soon
// as they and a preferred one have shown that they work.
func (p *prober) sessions(ctx context.Context) (*look, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	transports := p.transports()
	looks := make([]*look, len(transports))
	var (
		mu    sync.Mutex
		works = make([]bool, len(transports))
	)
	enough := func(i int) bool { // session i delivers; may it end now?
		mu.Lock()
		defer mu.Unlock()
		works[i] = true
		for _, w := range works[:i] {
			if w {
				return true
			}
		}
		return false
	}
	var group errgroup.Group
	for i, t := range transports {
		group.Go(func() error {
			looks[i] = p.look(ctx, t, func() bool { return enough(i) })
			if a := looks[i].analysis; a != nil && a.done() {
				time.AfterFunc(lastChance, cancel)
			}
			return nil
		})
	}
	group.Wait()

	var best *look
	for i, l := range looks {
		t := ProbeTransport{Name: string(l.transport), Works: works[i]}
		if !t.Works {
			t.Why = "no media came"
			if l.err != nil && !errors.Is(l.err, context.DeadlineExceeded) {
				t.Why = l.err.Error()
			}
		} else if best == nil {
			best = l
		}
		p.report.Transports = append(p.report.Transports, t)
	}
	if best != nil {
		return best, nil
	}
	if err := ctx.Err(); err != nil && looks[0].err == nil {
		return nil, fault.New(fault.Timeout, "%s accepted the session and sent nothing for %s", p.report.URL, p.max)
	}
	return nil, looks[len(looks)-1].err
}

// look plays over one transport until it has seen enough or ctx ends.
func (p *prober) look(ctx context.Context, t rtsp.Transport, enough func() bool) *look {
	l := &look{transport: t}
	var s Session
	l.err = p.patiently(ctx, func() (err error) {
		s, err = p.deps.dial(ctx, p.options(t))
		return err
	})
	if l.err != nil {
		return l
	}
	defer s.Close()
	l.run = s.Run()
	l.analysis = newAnalysis(l.run)
	defer func() { l.stats = s.Stats() }()
	for {
		au, err := s.Next(ctx)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, io.EOF) {
				l.err = err
			}
			return l
		}
		l.analysis.add(au)
		l.keep(au)
		if enough() || l.analysis.done() {
			return l
		}
	}
}
