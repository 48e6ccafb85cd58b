package rtspcam

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// Camera is a scripted camera. All methods are safe for concurrent use.
type Camera struct {
	options Options
	paths   map[string]*path
	initial []scheduled
	script  *script
	clock   media.Clock
	log     *slog.Logger
	tls     *tls.Config
	print   string             // fingerprint of the certificate
	nudge   chan chan struct{} // the script grew: carry it out and close what was sent
	over    chan struct{}      // closed when Serve has ended

	patience time.Duration // see goodbyeTime

	mu     sync.Mutex
	random *rand.Rand
	addr   net.Addr
	began  bool
	door   net.Listener // nil while nobody is let in
	hold   func()       // lets the address go that is kept meanwhile
	conns  map[*conn]struct{}
}

// New checks the options and loads the clips. It starts nothing and listens to nothing.
// Errors are of kind fault.Usage.
func New(o Options) (*Camera, error) {
	c := &Camera{
		options: o, paths: map[string]*path{}, conns: map[*conn]struct{}{}, clock: o.Clock, log: o.Log,
		script: &script{}, nudge: make(chan chan struct{}), over: make(chan struct{}), random: rand.New(rand.NewPCG(o.Seed, 1)),
	}
	if c.clock == nil {
		c.clock = media.SystemClock{}
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if !slices.Contains([]string{"", "digest", "sha256", "both", "basic"}, o.Auth) {
		return nil, fault.New(fault.Usage, "authentication %q is none of digest, sha256, both, basic", o.Auth)
	}
	if len(o.Paths) == 0 {
		return nil, fault.New(fault.Usage, "the camera has no path")
	}
	c.patience = goodbyeTime
	clips := &library{clips: map[string]*clip{}}
	var err error
	if c.initial, err = parseSpec("", o.Misbehave); err != nil {
		return nil, err
	}
	for i, name := range slices.Sorted(maps.Keys(o.Paths)) {
		stream := o.Paths[name]
		p, faults, err := parseStream(clips, name, stream)
		if err != nil {
			return nil, err
		}
		p.clock, p.script, p.seed, p.log = c.clock, c.script, o.Seed, c.log
		h := uint64(dice(o.Seed, name, 0) * (1 << 52))
		p.random = rand.New(rand.NewPCG(o.Seed, h))
		p.group = &group{camera: c, path: p, number: i}
		c.paths[name] = p
		c.initial = append(c.initial, faults...)
	}
	if o.TLS {
		if c.tls, c.print, err = selfSigned(c.clock.Wall()); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Serve answers on l until ctx is done, then says goodbye to all readers (RTCP BYE),
// closes l and returns nil. It may be called once. The error is of kind
// fault.Refused when the address was taken by somebody else while the camera was away.
func (c *Camera) Serve(ctx context.Context, l net.Listener) error {
	now := c.clock.Now()
	c.mu.Lock()
	if c.began {
		c.mu.Unlock()
		return fault.New(fault.Usage, "a camera serves once")
	}
	c.began, c.door, c.addr = true, l, l.Addr()
	c.mu.Unlock()
	defer close(c.over)
	c.script.add(c.initial, now)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var work sync.WaitGroup
	for _, p := range c.paths {
		p.start(now)
		work.Go(func() { p.run(ctx) })
	}
	err := c.tend(ctx, now, &work) // a camera may begin by being gone
	work.Go(func() { c.accept(ctx, l, &work) })
	if err == nil {
		err = c.weather(ctx, &work)
	}
	cancel()
	c.shut()
	c.letGo(nil)
	c.farewell()
	work.Wait()
	return err
}

// goodbyeTime is how long readers may take to hang up by themselves after BYE.
const goodbyeTime = time.Second

// farewell ends all connections: BYE, a moment to hang up, FIN.
func (c *Camera) farewell() {
	said := false
	for _, conn := range c.open() {
		said = conn.farewell() || said
	}
	for limit := c.clock.Now().Add(c.patience); said && c.playing() && c.clock.Now().Before(limit); {
		time.Sleep(5 * time.Millisecond)
	}
	for _, conn := range c.open() {
		conn.cut()
	}
}

func (c *Camera) playing() bool {
	return slices.ContainsFunc(c.open(), func(k *conn) bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return len(k.sessions) > 0
	})
}

// accept lets connections in until the listener is closed.
func (c *Camera) accept(ctx context.Context, l net.Listener, work *sync.WaitGroup) {
	for {
		n, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // out of file descriptors, most often
			select {
			case <-ctx.Done():
				return
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		if c.tls != nil {
			n = tls.Server(n, c.tls)
		}
		k := &conn{camera: c, net: n, sessions: map[string]*session{}, guard: guard{user: c.options.User, password: c.options.Password, kind: c.options.Auth}}
		if k.guard.kind == "" {
			k.guard.kind = "digest"
		}
		c.mu.Lock()
		c.conns[k] = struct{}{}
		c.mu.Unlock()
		work.Go(func() {
			k.serve(ctx)
			c.mu.Lock()
			delete(c.conns, k)
			c.mu.Unlock()
		})
	}
}

// weather carries out the faults that happen to connections, until ctx is done.
func (c *Camera) weather(ctx context.Context, work *sync.WaitGroup) error {
	past := c.clock.Now()
	var asked chan struct{}
	for {
		now := c.clock.Now()
		if err := c.tend(ctx, now, work); err != nil {
			return err
		}
		for _, p := range c.paths {
			p.reborn(now) // before its readers are cut, so that who comes back sees the new one
		}
		for _, conn := range c.open() {
			conn.strike(past, now)
		}
		past = now
		if asked != nil {
			close(asked)
			asked = nil
		}
		wait := time.Hour
		if at, ok := c.script.next(now); ok {
			wait = at.Sub(c.clock.Now())
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case asked = <-c.nudge:
			timer.Stop()
		}
	}
}

// tend closes the door while the whole camera is gone, and opens it again at the same address.
func (c *Camera) tend(ctx context.Context, now time.Time, work *sync.WaitGroup) error {
	gone := c.script.is("", "drop", now)
	c.mu.Lock()
	open, addr := c.door != nil, c.addr
	c.mu.Unlock()
	switch {
	case gone && open:
		c.log.Info("gone", "address", addr)
		c.shut()
		release := hold(addr)
		c.mu.Lock()
		c.hold = release
		c.mu.Unlock()
	case !gone && !open:
		l, err := reopen(ctx, addr)
		if err != nil {
			return fault.Wrap(fault.Refused, "listen again on "+addr.String(), err)
		}
		c.log.Info("back", "address", addr)
		c.letGo(l)
		work.Go(func() { c.accept(ctx, l, work) })
	}
	return nil
}

// reopen listens at addr again. What another socket holds for a moment is waited for.
func reopen(ctx context.Context, addr net.Addr) (l net.Listener, err error) {
	for range 50 {
		if l, err = (&net.ListenConfig{}).Listen(ctx, addr.Network(), addr.String()); err == nil {
			return l, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil, err
}

// letGo ends the hold on the address; what listens there now is l, or nothing.
func (c *Camera) letGo(l net.Listener) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.door = l
	if c.hold != nil {
		c.hold()
		c.hold = nil
	}
}

func (c *Camera) shut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.door != nil {
		c.door.Close()
		c.door = nil
	}
}

func (c *Camera) open() []*conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*conn, 0, len(c.conns))
	for k := range c.conns {
		list = append(list, k)
	}
	return list
}

// newID is a number for a session or a nonce. Nothing here is secret: it is a test camera.
func (c *Camera) newID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("%016x", c.random.Uint64())
}

// Addr is where the camera answers; nil before Serve.
func (c *Camera) Addr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addr
}

// URL is the address of a path, with the credentials of Options. Empty before Serve.
func (c *Camera) URL(path string) string {
	addr := c.Addr()
	if addr == nil {
		return ""
	}
	u := url.URL{Scheme: "rtsp", Host: addr.String()}
	if c.options.TLS {
		u.Scheme = "rtsps"
	}
	if c.options.User != "" {
		u.User = url.UserPassword(c.options.User, c.options.Password)
	}
	return u.String() + "/" + path
}

// Fingerprint is the SHA-256 of the TLS certificate, in lower-case hexadecimal digits.
func (c *Camera) Fingerprint() string { return c.print }
