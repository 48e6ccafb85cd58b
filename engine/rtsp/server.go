package rtsp

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"rtsprec/engine/access"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// Hub knows what is live, by path. Paths have no slash in front and none behind
// ("yard/north") and are clean: no empty element, no "." or "..", no control character.
// Its methods are called from many goroutines.
type Hub interface {
	// Live returns the stream of a path once it has a run. Where it has to be pulled first,
	// Live starts that and waits for it; ctx bounds the wait. The Stream counts its readers
	// by itself. Errors become statuses: NotFound 404, Denied 403, Busy 453, Timeout and
	// Unreachable 504, anything else 503.
	Live(ctx context.Context, path string) (*Stream, error)
	// Publish takes somebody in who publishes run on the path. The server calls Begin, then
	// Write for each unit, End and Close of the sink, in this order and from one goroutine
	// at a time. Write runs on the goroutine that reads the publisher's socket, so that
	// nothing stands between it and the readers of a [Stream]: it must not wait for a disk.
	// fault.Busy: somebody publishes there already.
	Publish(ctx context.Context, path string, run media.Run, p Publication) (media.Sink, error)
}

// Publication says who publishes, and how to reach them.
type Publication struct {
	Peer    netip.AddrPort
	User    string             // "" : nobody was asked
	Capture bool               // its sender reports are capture times to be believed, however old
	Keys    media.KeyRequester // asks the publisher for a key frame; may be called until the sink's Close
}

// Library is what has been recorded, by path: archive.Library is one.
type Library interface {
	// Describe says what there is of a path now. fault.NotFound: nothing was ever recorded.
	Describe(path string) (from, to time.Time, tracks []media.Track, err error)
	// Play returns units from the key frame at or before from on. Their Wall is the recorded
	// media time; Missing marks a gap that was jumped over. With keys it is key frames of
	// the video only, with reverse they come in falling capture order. A zero to is the
	// end: of a growing recording that is what is written now (then io.EOF).
	Play(ctx context.Context, path string, from, to time.Time, keys, reverse bool) (media.Source, error)
}

// ServerOptions says what to serve and within which bounds. The zero value of every field
// but Hub is a default.
type ServerOptions struct {
	Hub     Hub
	Library Library       // nil: nothing recorded is served
	Access  *access.List  // nil: anybody may do anything. Swapped by [Server.SetAccess]
	Guard   *access.Guard // nil: guessing passwords costs nothing
	Name    string        // realm of the users, and s= of descriptions; "": "rtsprec"

	Conns      int // connections at a time; 0: 1000
	PerAddress int // connections of one address; 0: 200
	Sessions   int // sessions at a time; 0: as many as connections

	Idle    time.Duration // a connection without a session, and a request half sent; 0: 15 s
	Timeout time.Duration // a session of which nothing is heard (reading over UDP), and what SETUP tells; 0: 60 s
	Silence time.Duration // a publisher that sends nothing; 0: 10 s
	Stuck   time.Duration // a reader on TCP that takes nothing; 0: 10 s
	Start   time.Duration // for Hub.Live to have a run; 0: 10 s
	Reorder time.Duration // publishers over UDP: how long a missing packet is waited for; 0: 100 ms; negative: not at all
	Queue   int64         // bytes that may wait for a reader; 0: 4 MiB
	Latency time.Duration // how long live media may wait for a reader over TCP before it is dropped; 0: for as long as there is room

	UDP       netip.AddrPort    // of RTP, an even port; RTCP is the next. Port 0: no UDP
	Multicast *MulticastOptions // nil: no multicast

	Clock   media.Clock       // nil: the host's
	Log     *slog.Logger      // nil: silent. Requests at debug level, no passwords
	Observe func(ServerEvent) // nil: nobody. Called from many goroutines, must not block
}

// MulticastOptions allows readers to ask for multicast (RFC 2326 12.39). Each path that
// somebody reads so has a group of its own.
type MulticastOptions struct {
	Groups    netip.Prefix // IPv4 addresses of groups; zero: 239.255.42.0/24
	Port      int          // even; of RTP of the first track, the next track is 2 on; 0: 5004
	TTL       int          // hops, 1 to 255; 0: 1, this network only
	Interface string       // name; "": the system's choice
}

// Server is an RTSP server (RFC 2326). NewServer opens its UDP ports, Serve serves.
type Server struct {
	o      ServerOptions
	access atomic.Pointer[access.List]
	udp    *udpPorts   // nil: none
	groups *groupSpace // nil: no multicast
	key    [32]byte    // of nonces

	mu       sync.Mutex
	conns    map[*serverConn]struct{}
	from     map[netip.Addr]int
	sessions map[*session]struct{}
	told     floods
	ending   atomic.Bool
	workers  sync.WaitGroup
}

const (
	defaultConns      = 1000
	defaultPerAddress = 200
	defaultIdle       = 15 * time.Second
	defaultSession    = 60 * time.Second
	defaultStart      = 10 * time.Second
	defaultOutbox     = 4 << 20
)

// NewServer checks the options and opens the UDP ports. Close gives them back where Serve
// was never called. Errors: Usage; Busy, where a port is taken.
func NewServer(o ServerOptions) (*Server, error) {
	if o.Hub == nil {
		return nil, fault.New(fault.Usage, "an RTSP server without a hub has nothing to serve")
	}
	o.fill()
	s := &Server{o: o, conns: map[*serverConn]struct{}{}, from: map[netip.Addr]int{}, sessions: map[*session]struct{}{}}
	rand.Read(s.key[:])
	s.access.Store(o.Access)
	var err error
	if o.Multicast != nil {
		if s.groups, err = newGroupSpace(*o.Multicast); err != nil {
			return nil, err
		}
	}
	if o.UDP.Port() != 0 {
		if s.udp, err = openUDP(o.UDP); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

func (o *ServerOptions) fill() {
	setInt := func(n *int, value int) {
		if *n <= 0 {
			*n = value
		}
	}
	setInt(&o.Conns, defaultConns)
	setInt(&o.PerAddress, defaultPerAddress)
	setInt(&o.Sessions, o.Conns)
	setDefault(&o.Idle, defaultIdle)
	setDefault(&o.Timeout, defaultSession)
	setDefault(&o.Silence, defaultTimeout)
	setDefault(&o.Stuck, defaultTimeout)
	setDefault(&o.Start, defaultStart)
	switch {
	case o.Reorder == 0:
		o.Reorder = defaultReorder
	case o.Reorder < 0:
		o.Reorder = 0
	}
	if o.Queue <= 0 {
		o.Queue = defaultOutbox
	}
	if o.Name == "" {
		o.Name = "rtsprec"
	}
	if o.Clock == nil {
		o.Clock = media.SystemClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(ServerEvent) {}
	}
}

// SetAccess changes who may do what, from the next request on. Sessions that play or
// record go on.
func (s *Server) SetAccess(l *access.List) { s.access.Store(l) }

// Serve accepts connections of the listeners and serves them until ctx ends; then it ends
// all sessions, gives all ports back and returns nil. To be called once. RTSPS is
// a listener of package tls among them; its connections get the same, but no UDP, because
// media outside the connection would not be secret. Errors are of a listener that failed.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		s.workers.Go(func() { failed <- s.accept(ctx, l) })
	}
	if s.udp != nil {
		s.udp.start(&s.workers, s.o.Clock.Now)
	}
	s.workers.Go(func() { s.watch(ctx) })
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	s.ending.Store(true)
	cancel()
	for _, l := range listeners {
		l.Close()
	}
	s.endAll()
	s.Close()
	s.workers.Wait()
	return err
}

// Close gives the UDP ports back. It is for servers that never served: Serve does it at
// its end.
func (s *Server) Close() {
	if s.udp != nil {
		s.udp.close()
	}
	if s.groups != nil {
		s.groups.close()
	}
}

// accept takes connections in. Errors that pass (too many open files) are waited out.
func (s *Server) accept(ctx context.Context, l net.Listener) error {
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			s.admit(ctx, nc)
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fault.Wrap(fault.Bug, "accept connections", err)
		default:
			s.note(func(f *floods) { f.accept++; f.last = err })
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// refusal is all that one gets for whom there is no room. It is written without waiting:
// a socket that is new has room for it.
const refusalAll = "RTSP/1.0 503 Service Unavailable\r\nConnection: close\r\n\r\n"

// admit serves a connection, or refuses it.
func (s *Server) admit(ctx context.Context, nc net.Conn) {
	addr := addrOf(nc.RemoteAddr())
	s.mu.Lock()
	full := len(s.conns) >= s.o.Conns || s.from[addr] >= s.o.PerAddress || s.ending.Load()
	if full {
		s.told.refused++
		s.mu.Unlock()
		if _, secure := nc.(*tls.Conn); !secure {
			nc.SetWriteDeadline(time.Now().Add(time.Millisecond))
			nc.Write([]byte(refusalAll))
		}
		nc.Close()
		return
	}
	c := newServerConn(s, nc, addr)
	s.conns[c] = struct{}{}
	s.from[addr]++
	s.mu.Unlock()
	s.workers.Go(func() {
		defer s.left(c)
		c.serve(ctx)
	})
}

func (s *Server) left(c *serverConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.from[c.addr]--; s.from[c.addr] == 0 {
		delete(s.from, c.addr)
	}
}

func (s *Server) endAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.hangUp("the server ends")
	}
}
