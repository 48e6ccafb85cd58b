package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/record"
	"rtsprec/engine/rtsp"
)

// composeOut is where a composition goes: a Sink around the sinks of its recording, its
// targets and its server. Where the composition goes by the clock none of them makes it
// wait; otherwise it goes as fast as the recording takes it.
type composeOut struct {
	deps  Deps
	job   *job // nil: nothing is recorded
	sinks []media.Sink
	lines []*liveLine
	serve *composeServer // nil: nobody can watch
	units atomic.Uint64
	bytes atomic.Int64
}

// prepareOut opens what is written to. It starts nothing.
func (c *composer) prepareOut() (err error) {
	o := c.o
	c.out = &composeOut{deps: c.deps}
	add := func(sink media.Sink, limit int64) *queue {
		if !c.paced {
			c.out.sinks = append(c.out.sinks, sink)
			return nil
		}
		q := newQueue(sink, limit)
		c.out.sinks = append(c.out.sinks, q)
		return q
	}
	if o.Out.Dir != "" {
		if err := c.prepareRecording(); err != nil {
			return err
		}
		sink, err := c.out.job.rec.Camera(o.Out.Name)
		if err != nil {
			return err
		}
		add(sink, orDefault(o.Queue, DefaultQueue))
	}
	for _, t := range o.Out.Targets {
		line := newLiveLine(c.deps, t)
		line.queue = add(line, orDefault(o.Queue, DefaultRelayQueue))
		c.out.lines = append(c.out.lines, line)
		if len(o.Adapt.Ladder.Rungs) > 0 {
			line.adapter = newAdapter(c.deps, o.Adapt, line)
			c.out.sinks[len(c.out.sinks)-1] = line.adapter
			if c.steered() {
				line.adapter.steer = c
			}
		}
	}
	if o.Out.Sink != nil {
		c.out.sinks = append(c.out.sinks, o.Out.Sink)
	}
	if len(o.Out.Listen) > 0 {
		if c.out.serve, err = newComposeServer(c.deps, o.Out.Listen, o.Out.Name, c); err != nil {
			return err
		}
		c.out.sinks = append(c.out.sinks, c.out.serve.stream)
	}
	return nil
}

// prepareRecording begins the recording, with a camera for the composition and, where
// they are wanted, for each live input.
func (c *composer) prepareRecording() error {
	o := c.o
	plan := journal.Plan{
		Format: journal.Format, Created: c.deps.Clock.Wall().UTC(), Cameras: []journal.Camera{{Name: o.Out.Name}},
		Segment:  journal.Duration(orDefault(o.Segment, DefaultSegment)),
		Commit:   journal.Duration(orDefault(o.Commit, DefaultCommit)),
		Fragment: journal.Duration(orDefault(o.Fragment, DefaultFragment)),
	}
	if c.live {
		plan.Length = journal.Duration(o.Length)
		if !o.At.IsZero() {
			plan.From = o.At.UTC()
		}
		if !o.Until.IsZero() {
			plan.Until = o.Until.UTC()
		}
	}
	if o.Isolate {
		for _, in := range c.inputs {
			if in.live() {
				plan.Cameras = append(plan.Cameras, *in.Camera)
			}
		}
	}
	tally := newTally()
	rec, err := record.Create(c.deps.recordOptions(o.Out.Dir, plan, tally))
	if err != nil {
		return err
	}
	c.out.job = &job{dir: o.Out.Dir, rec: rec, plan: plan, clock: c.clock, tally: tally}
	return nil
}

// start begins to write; stop is called when that is over for good.
func (x *composeOut) start(writing, work context.Context, group *errgroup.Group, stop func()) {
	for _, s := range x.sinks {
		if w, ok := s.(way); ok {
			w.start(work)
		}
	}
	failing := func(run func() error) func() error {
		return func() error {
			err := run()
			if writing.Err() != nil {
				return nil
			}
			stop()
			return err
		}
	}
	if x.job != nil {
		group.Go(failing(func() error { return x.job.rec.Run(writing) }))
	}
	if x.serve != nil {
		group.Go(failing(func() error { return x.serve.run(writing) }))
	}
}

// begin begins the one run of a composition.
func (x *composeOut) begin(ctx context.Context, run media.Run) error {
	for _, s := range x.sinks {
		if err := s.Begin(ctx, run); err != nil {
			return fault.Because("begin the composition", err)
		}
	}
	return nil
}

func (x *composeOut) write(ctx context.Context, au media.AccessUnit) error {
	x.units.Add(1)
	x.bytes.Add(int64(len(au.Data)))
	for _, s := range x.sinks {
		if err := s.Write(ctx, au); err != nil {
			return fault.Because("write the composition", err)
		}
	}
	return nil
}

// drain waits until everything is written and sent, or ctx is done.
func (x *composeOut) drain(ctx context.Context) error {
	var group errgroup.Group
	for _, s := range x.sinks {
		group.Go(func() error {
			stopped := media.Gap{Causes: media.Because(media.Stopped)}
			return errors.Join(s.End(ctx, stopped), s.Close(ctx))
		})
	}
	return group.Wait()
}

// close ends the recording, or takes back what prepareOut made.
func (x *composeOut) close(ctx context.Context, why string, at time.Time) error {
	if x.serve != nil {
		x.serve.close()
	}
	if x.job == nil {
		return nil
	}
	return x.job.rec.Close(ctx, why, at)
}

// window is when what is recorded began; zero: nothing was yet, or is.
func (x *composeOut) window() time.Time {
	if x.job == nil {
		return time.Time{}
	}
	from, _ := x.job.rec.Window()
	return from
}

// progress is the lines of the live table about where it goes.
func (x *composeOut) progress(now time.Time) []CameraProgress {
	var list []CameraProgress
	for _, l := range x.lines {
		list = append(list, l.progress(now))
	}
	return list
}

// composeServer is a small RTSP server of one path.
type composeServer struct {
	stream *rtsp.Stream
	server *rtsp.Server
	listen *listeners
	path   string
}

func newComposeServer(d Deps, addresses []string, path string, keys media.KeyRequester) (*composeServer, error) {
	s := &composeServer{path: path, stream: rtsp.NewStream(rtsp.StreamOptions{Path: path, Clock: d.Clock, Keys: keys})}
	var err error
	if s.listen, err = listen(ServeOptions{RTSP: addresses}, nil); err != nil {
		return nil, err
	}
	if s.server, err = rtsp.NewServer(rtsp.ServerOptions{Hub: s, Clock: d.Clock, Log: d.log()}); err != nil {
		s.listen.close()
		return nil, err
	}
	return s, nil
}

// urls are where it can be watched.
func (s *composeServer) urls() []string {
	var list []string
	for _, u := range s.listen.urls {
		list = append(list, u+s.path)
	}
	return list
}

func (s *composeServer) run(ctx context.Context) error { return s.server.Serve(ctx, s.listen.rtsp...) }

func (s *composeServer) close() {
	s.listen.close()
	s.server.Close()
}

// Live implements rtsp.Hub. The run began before the server did.
func (s *composeServer) Live(_ context.Context, path string) (*rtsp.Stream, error) {
	if path != s.path {
		return nil, fault.New(fault.NotFound, "there is no path %s, only %s", path, s.path)
	}
	return s.stream, nil
}

// Publish implements rtsp.Hub.
func (s *composeServer) Publish(_ context.Context, path string, _ media.Run, _ rtsp.Publication) (media.Sink, error) {
	return nil, fault.New(fault.Denied, "nobody publishes here: %s is composed", s.path)
}
