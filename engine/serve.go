package engine

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"rtsprec/engine/access"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/web"
)

// Serve serves live paths and recordings over RTSP and HTTP, and records what it is told
// to, until ctx ends. Viewers are then told, what was received is written, and the
// recording is closed; Serve goes on with it when it is called the next time. Nothing is
// started when the options make no sense (fault.Usage), or an address is taken
// (fault.Busy).
func Serve(ctx context.Context, d Deps, o ServeOptions) error {
	if err := errors.Join(o.Validate()...); err != nil {
		return fault.Wrap(fault.Usage, "", err)
	}
	if err := d.canAdapt(o); err != nil {
		return err
	}
	if err := d.checkPaths(o.Paths); err != nil {
		return err
	}
	s := &server{o: o, cert: &certificate{}}
	s.clock = &steady{host: d.Clock}
	d.Clock = s.clock
	s.deps = d
	s.keep.Store(&o.Record.Keep)
	if err := s.prepare(); err != nil {
		s.abandon(ctx)
		return err
	}
	for _, dir := range o.Archives {
		if _, err := d.FS.ReadDir(dir); err != nil { // a mount may come later
			d.observe(Notice{Message: "nothing is served of " + dir + " as long as it cannot be read: " + fault.Redact(err.Error())})
		}
	}
	d.observe(s.serving())
	err := s.run(ctx)
	d.observe(s.progress(d.Clock.Now()))
	return err
}

// canAdapt fails where a path is to be adapted and nothing can be re-encoded.
func (d Deps) canAdapt(o ServeOptions) error {
	if !o.adapts() {
		return nil
	}
	return d.needCodecs("adapt to viewers' links")
}

// checkPaths refuses what no later try could make good: pictures that this build cannot make.
func (d Deps) checkPaths(paths []ServePath) error {
	for _, p := range paths {
		if p.Compose != nil {
			if err := d.needCodecs("compose path " + p.Name); err != nil {
				return err
			}
		}
		if err := d.checkCameras(p.cameras()...); err != nil {
			return err
		}
	}
	return nil
}

// server is one Serve at work.
type server struct {
	deps    Deps // its clock is clock
	clock   *steady
	o       ServeOptions // as at the start
	users   *access.List
	guard   *access.Guard
	cert    *certificate
	listen  *listeners
	control net.Listener // nil: no commands but over HTTP
	store   *store       // nil: nothing is recorded
	library *archive.Library
	hub     *hub
	rtsp    *rtsp.Server // nil: off
	pages   *web.Handler // nil: off
	keep    atomic.Pointer[archive.Keep]
	state   serveState
}

// prepare makes everything, and starts nothing that would have to be joined.
func (s *server) prepare() (err error) {
	d, o := s.deps, s.o
	if s.users, err = access.New(o.Users); err != nil {
		return err
	}
	tries := o.Tries
	if tries == 0 {
		tries = DefaultTries
	}
	s.guard = access.NewGuard(tries, orDefault(o.TriesWindow, DefaultTriesWindow))
	if o.Cert != "" {
		if err := s.cert.load(d.FS, o.Cert, o.Key); err != nil {
			return err
		}
	}
	if s.listen, err = listen(o, s.cert); err != nil {
		return err
	}
	if o.Socket != "" {
		if s.control, err = ListenControl(context.Background(), o.Socket); err != nil {
			return err
		}
	}
	roots := slices.Clone(o.Archives)
	if o.Record.Dir != "" {
		if s.store, err = openStore(d, o.Record); err != nil {
			return err
		}
		roots = slices.Insert(roots, 0, o.Record.Dir) // first: it is called as its folder is
	}
	s.library = archive.NewLibrary(d.FS, s.clock, roots...)
	s.hub = newHub(s.deps, s.clock, s.store, o.Record.Queue)
	return s.prepareServers()
}

func (s *server) prepareServers() (err error) {
	d, o := s.deps, s.o
	if len(s.listen.rtsp) > 0 {
		options := rtsp.ServerOptions{
			Hub: s.hub, Library: s.library, Access: s.users, Guard: s.guard,
			Conns: connections(o), PerAddress: perAddress(o),
			Timeout: orDefault(o.Idle, DefaultSessionIdle), Queue: orDefault(o.Queue, DefaultReaderQueue), Latency: o.Latency,
			Clock: s.clock, Log: d.log(), Observe: s.observe,
		}
		if o.UDP > 0 {
			options.UDP = netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(o.UDP))
		}
		if o.Multicast != "" {
			groups, err := netip.ParsePrefix(o.Multicast)
			if err != nil {
				return fault.New(fault.Usage, "%q is no range of multicast groups, like 239.255.42.0/24", o.Multicast)
			}
			options.Multicast = &rtsp.MulticastOptions{Groups: groups}
		}
		if s.rtsp, err = rtsp.NewServer(options); err != nil {
			return err
		}
	}
	if len(s.listen.http)+len(s.listen.https) > 0 {
		var stills web.Stills
		if d.Coder != nil {
			stills = newWebStills(d, s.library, s.hub)
		}
		library := newWebLibrary(s.library)
		s.pages = web.New(web.Options{
			Library: library, Hub: s, Stills: stills, Charts: library, Compositions: s.hub, Access: s.users, Guard: s.guard, Clock: s.clock, Log: d.log(), Version: d.Version,
		})
	}
	return nil
}

func connections(o ServeOptions) int {
	if o.Connections > 0 {
		return o.Connections
	}
	return DefaultConnections
}

func perAddress(o ServeOptions) int {
	if o.PerAddress > 0 {
		return o.PerAddress
	}
	return DefaultPerAddress
}

// abandon takes back what prepare made.
func (s *server) abandon(ctx context.Context) {
	if s.listen != nil {
		s.listen.close()
	}
	if s.control != nil {
		s.control.Close()
	}
	if s.rtsp != nil {
		s.rtsp.Close()
	}
	if s.store != nil {
		s.store.rec.Close(ctx, "stopped", s.clock.Now())
	}
}

// run serves until ctx ends or a part fails that the rest is nothing without.
func (s *server) run(ctx context.Context) error {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	var servers errgroup.Group
	failing := func(run func() error) func() error {
		return func() error {
			err := run()
			if err != nil {
				stop()
			}
			return err
		}
	}
	if s.rtsp != nil {
		servers.Go(failing(func() error { return s.rtsp.Serve(serving, s.listen.rtsp...) }))
	}
	if s.control != nil {
		servers.Go(func() error { ServeControl(serving, s.control, s.hub); return nil })
	}
	options := web.ServeOptions{Conns: connections(s.o), PerAddress: perAddress(s.o), Log: s.deps.log()}
	for _, l := range s.listen.http {
		servers.Go(failing(func() error { return web.Serve(serving, l, s.pages, options) }))
	}
	for _, l := range s.listen.https {
		secure := options
		secure.TLS = s.cert.config()
		servers.Go(failing(func() error { return web.Serve(serving, l, s.pages, secure) }))
	}
	writing, stopWriting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWriting()
	var writer errgroup.Group
	if s.store != nil {
		writer.Go(failing(func() error {
			if err := s.store.rec.Run(writing); writing.Err() == nil {
				return err
			}
			return nil
		}))
	}
	s.hub.apply(serving, s.o.Paths)
	s.tend(serving)

	err := servers.Wait()
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), orDefault(s.o.Grace, DefaultGrace))
	defer cancel()
	s.hub.close(closing)
	stopWriting()
	if e := writer.Wait(); err == nil {
		err = e
	}
	if s.store != nil {
		if e := s.store.close(closing, s.clock.Now()); err == nil {
			err = e
		}
	}
	return err
}

// tend keeps house until ctx ends: once a second what nobody needs is ended and progress
// told, now and then old media is removed, and new options are taken in.
func (s *server) tend(ctx context.Context) {
	var group errgroup.Group
	group.Go(func() error { s.retain(ctx); return nil })
	group.Go(func() error { s.survey(ctx); return nil })
	group.Go(func() error { s.fillGaps(ctx); return nil })
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case o, ok := <-s.o.Reload:
			if !ok {
				s.o.Reload = nil
				continue
			}
			s.reload(ctx, o)
		case <-tick.C:
			now := s.clock.Now()
			s.hub.tend(ctx)
			s.deps.observe(s.progress(now))
			s.tellDamage(now)
		}
	}
	group.Wait()
}

func (s *server) tellDamage(now time.Time) {
	if s.store == nil {
		return
	}
	for _, e := range s.store.tally.dueDamage(now, false) {
		s.deps.observe(e)
	}
}

// reload takes new options in, all or nothing.
func (s *server) reload(ctx context.Context, o ServeOptions) {
	o.Record.Dir = s.o.Record.Dir
	err := errors.Join(o.Validate()...)
	if err == nil {
		err = errors.Join(s.deps.canAdapt(o), s.deps.checkPaths(o.Paths))
	}
	if err == nil && o.Cert != "" {
		err = s.cert.load(s.deps.FS, o.Cert, o.Key)
	}
	if err == nil {
		err = s.users.Replace(o.Users)
	}
	if err != nil {
		s.deps.observe(Reloaded{Err: err.Error()})
		return
	}
	s.keep.Store(&o.Record.Keep)
	ending, cancel := context.WithTimeout(ctx, orDefault(s.o.Grace, DefaultGrace))
	s.hub.apply(ending, o.Paths)
	cancel()
	s.deps.observe(Reloaded{Paths: len(o.Paths), Users: len(o.Users), Later: s.fixed(o)})
}

// fixed names the options that differ and only count at the next start.
func (s *server) fixed(o ServeOptions) []string {
	var names []string
	for name, differs := range map[string]bool{
		"rtsp": !slices.Equal(o.RTSP, s.o.RTSP), "rtsps": !slices.Equal(o.RTSPS, s.o.RTSPS),
		"http": !slices.Equal(o.HTTP, s.o.HTTP), "https": !slices.Equal(o.HTTPS, s.o.HTTPS),
		"ctl": o.Socket != s.o.Socket, "udp": o.UDP != s.o.UDP, "multicast": o.Multicast != s.o.Multicast, "archives": !slices.Equal(o.Archives, s.o.Archives),
		"record":      o.Record.Segment != s.o.Record.Segment || o.Record.Commit != s.o.Record.Commit || o.Record.Fragment != s.o.Record.Fragment || o.Record.Queue != s.o.Record.Queue || o.Record.BackfillRate != s.o.Record.BackfillRate,
		"connections": o.Connections != s.o.Connections, "per_address": o.PerAddress != s.o.PerAddress,
		"idle": o.Idle != s.o.Idle, "queue": o.Queue != s.o.Queue, "latency": o.Latency != s.o.Latency, "grace": o.Grace != s.o.Grace,
		"tries": o.Tries != s.o.Tries, "tries_window": o.TriesWindow != s.o.TriesWindow,
	} {
		if differs {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (s *server) serving() Serving {
	e := Serving{URLs: s.listen.urls, Dir: s.o.Record.Dir, Archives: s.o.Archives, Open: s.users.Open()}
	for _, p := range s.o.Paths {
		e.Paths = append(e.Paths, p.Name)
	}
	if s.o.UDP > 0 && len(s.listen.rtsp) > 0 {
		e.UDP = strconv.Itoa(s.o.UDP) + "-" + strconv.Itoa(s.o.UDP+1)
	}
	return e
}
