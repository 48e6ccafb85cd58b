package rtsp

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/textproto"
	"sync/atomic"
	"time"

	"rtsprec/engine/access"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// presentation is what an address shows, before anybody plays it: what DESCRIBE tells and
// SETUP sets up. Live paths and recordings both are.
type presentation struct {
	// tracks are in the order of the description; their ID is their index.
	tracks []media.Track
	// sdp is what the description says beside the tracks. Name and Base are filled by the
	// server.
	sdp sdpOptions
	// replay says that it is a recording: the right to replay is needed, and Scale,
	// Speed and seeking make sense.
	replay bool
	// open makes the player of one session. It starts nothing. out knows which tracks the
	// reader has set up, and more may come until the first play.
	open func(out *outlet) (player, error)
	// ssrc is the SSRC that a track is going to have, for the answer to SETUP; nil: not
	// known.
	ssrc func(media.TrackID) uint32
}

// player is where the media of one reading session comes from. All its methods are called
// from the goroutine of the session's connection, one at a time.
//
// Around play the outlet is corked: what the player puts in it before play returns, or
// from another goroutine at the same time, leaves for the reader only behind the answer.
// A refused request is an error made by refuse (or a *rangeError); any other error becomes
// a status by its fault kind.
type player interface {
	// play starts, goes on after a pause, or, while playing, seeks: header is the request's
	// (Range, Scale, Speed, Rate-Control, Require, CSeq). What of an earlier play is still
	// in the outlet is the player's to drop (outlet.flush) or to leave.
	play(header textproto.MIMEHeader) (playing, error)
	// pause stops until the next play; nothing is put in the outlet after it has returned.
	// Without effect when nothing plays.
	pause() (textproto.MIMEHeader, error)
	// close ends the player and returns when nothing of it is left. It may come at any
	// time, once, without a pause before it; the outlet refuses everything by then, so
	// a goroutine waiting in outlet.send has been let go.
	close()
}

// playing is what the answer to PLAY says.
type playing struct {
	header textproto.MIMEHeader // Range, Scale, Speed, Rate-Control; may be nil
	info   []playInfo           // RTP-Info, for the tracks of which it is known
}

// playInfo is a track's part of RTP-Info (RFC 2326 12.33): its first packet.
type playInfo struct {
	track media.TrackID
	seq   uint16
	rtp   uint32
	timed bool // rtp is known
}

// session is what one connection plays or records.
type session struct {
	c         *serverConn
	id        string // what the protocol calls it
	name      string // what people see
	address          // of the whole
	transport Transport
	user      string
	agent     string // what the peer calls itself
	since     time.Time
	playing   atomic.Bool // media is on its way, in either direction

	kind SessionKind // under the server's lock

	// Reading.
	pres      *presentation
	player    player
	out       *outlet
	group     netip.Addr    // multicast
	lost      atomic.Uint64 // as the reader reports
	toldDrops uint64        // of the server's watch

	// Publishing.
	pub *publication

	met []netip.AddrPort // addresses whose datagrams are the session's
}

// errTornDown is why a session ended whose peer said so.
var errTornDown = errors.New("the peer said goodbye")

// newSession makes a session that nobody sees yet.
func (c *serverConn) newSession(a address, kind SessionKind, transport Transport) *session {
	a.track = ""
	var id [12]byte
	rand.Read(id[:])
	return &session{
		c: c, id: hex.EncodeToString(id[:]), name: hex.EncodeToString(id[8:]), address: a, kind: kind, transport: transport,
		user: c.login.user, agent: c.agent, since: c.s.o.Clock.Wall(),
	}
}

// register makes it the connection's, unless there are too many.
func (c *serverConn) register(sess *session) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if len(c.s.sessions) >= c.s.o.Sessions {
		return refuse(453, "there are as many sessions as this server allows")
	}
	c.s.sessions[sess] = struct{}{}
	c.sess = sess
	c.live.Store(sess)
	return nil
}

// openReader begins a session that reads.
func (c *serverConn) openReader(req *request, a address, transport Transport) error {
	var pres *presentation
	if c.shown != nil && c.shown.path == a.path && c.shown.query == a.query {
		pres = c.shown.pres
		right := access.Read
		if pres.replay {
			right = access.Replay
		}
		if _, err := c.permit(req, a.path, right); err != nil {
			return err
		}
	} else {
		var err error
		if pres, err = c.present(req, a); err != nil {
			return err
		}
	}
	kind := Reading
	if pres.replay {
		kind = Replaying
		if transport == Multicast {
			return refuse(461, "recordings are not sent over multicast")
		}
	}
	sess := c.newSession(a, kind, transport)
	err := sess.prepare(pres)
	if err == nil {
		err = c.register(sess)
	}
	if err != nil {
		sess.release()
	}
	return err
}

// prepare makes the session's outlet and its player.
func (sess *session) prepare(pres *presentation) error {
	c := sess.c
	sess.pres = pres
	sess.out = &outlet{box: c.box, peer: c.peer, tracks: make([]outTrack, len(pres.tracks)), ended: c.hangUpFor}
	switch sess.transport {
	case UDP:
		sess.out.udp = c.s.udp
	case Multicast:
		sess.out.udp = c.s.groups.send
		group, err := c.s.groups.join(sess.path)
		if err != nil {
			return err
		}
		sess.group = group
	}
	player, err := pres.open(sess.out)
	if err != nil {
		return err
	}
	if p, ok := player.(*livePlayer); ok {
		p.join = sess.transport == Multicast
	}
	sess.player = player
	return nil
}

// release gives back what the session holds.
func (sess *session) release() {
	if sess.player != nil {
		sess.player.close()
		sess.out.flush()
		sess.out.uncork()
	}
	if sess.group.IsValid() {
		sess.c.s.groups.leave(sess.path)
	}
	for _, at := range sess.met {
		sess.c.s.udp.forget(at)
	}
}

// start is called when media begins to flow.
func (sess *session) start() {
	if !sess.playing.Swap(true) {
		sess.c.s.o.Observe(SessionStarted{sess.info()})
	}
}

// answered lets media go that was held back for an answer.
func (sess *session) answered() {
	if sess.out != nil {
		sess.out.uncork()
	}
}

// frame takes an interleaved frame: of a reader it is a sign of life.
func (sess *session) frame(channel byte, payload []byte, arrival time.Time) {
	if sess.pub != nil {
		sess.pub.frame(channel, payload, arrival)
		return
	}
	sess.reported(payload, arrival)
}

// reported takes what a reader says of its reception.
func (sess *session) reported(b []byte, arrival time.Time) {
	if !isRTCP(b) {
		return
	}
	sess.c.hear(arrival)
	if lost, ok := lostOf(b); ok {
		sess.lost.Store(lost)
	}
	p, ok := sess.player.(*livePlayer)
	if !ok {
		return
	}
	if asksForKey(b) {
		p.s.passKeyRequest(p)
	}
	if sess.transport == UDP {
		for _, lie := range p.reported(b, arrival) {
			sess.c.s.o.Observe(ServerNotice{Message: fmt.Sprintf("%s reads %s and %s: not believed", sess.info().who(), sess.path, lie)})
		}
	}
}

// meet hands what an address sends to take, until the session ends.
func (sess *session) meet(at netip.AddrPort, take func([]byte, time.Time)) error {
	if !sess.c.s.udp.meet(at, take) {
		return refuse(461, "another session uses these ports of your address")
	}
	sess.met = append(sess.met, at)
	return nil
}

func (sess *session) forget(to udpPeer) {
	for i, at := range sess.met {
		if at == to.rtcp {
			sess.c.s.udp.forget(at)
			sess.met = append(sess.met[:i], sess.met[i+1:]...)
			return
		}
	}
}

func (sess *session) setKind(k SessionKind) {
	sess.c.s.mu.Lock()
	defer sess.c.s.mu.Unlock()
	sess.kind = k
}

// end ends the connection's session and returns when nothing of it is left.
func (c *serverConn) end(why error) {
	sess := c.sess
	c.sess, c.told = nil, nil
	c.live.Store(nil)
	info := sess.info()
	sess.release()
	if sess.pub != nil {
		sess.pub.end(why)
	}
	c.s.mu.Lock()
	delete(c.s.sessions, sess)
	c.s.mu.Unlock()
	if sess.playing.Load() {
		c.s.o.Observe(SessionEnded{info, fault.Redact(why.Error())})
	}
}

// info is a snapshot. It may be taken from any goroutine.
func (sess *session) info() SessionInfo {
	c := sess.c
	c.s.mu.Lock()
	kind := sess.kind
	c.s.mu.Unlock()
	i := SessionInfo{
		ID: sess.name, Kind: kind, Path: sess.path, Peer: c.peer, User: sess.user, Agent: sess.agent,
		Transport: sess.transport, Secure: c.secure, Since: sess.since,
	}
	switch {
	case sess.pub != nil:
		i.Bytes, i.Lost, i.Jitter = sess.pub.state()
	case sess.out != nil:
		i.Bytes, i.Dropped, i.Waiting = c.box.state()
		i.Bytes += sess.out.octets.Load()
		i.Lost = sess.lost.Load()
	}
	return i
}
