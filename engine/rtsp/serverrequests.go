package rtsp

import (
	"context"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"rtsprec/engine/access"
	"rtsprec/engine/fault"
)

// showing is what the latest DESCRIBE showed.
type showing struct {
	address
	pres *presentation
}

// present finds out what an address shows and whether the request may see it. What names
// a moment, or asks for ONVIF replay, is a recording; a path that is live is live; any
// other path is looked up among the recordings.
func (c *serverConn) present(req *request, a address) (*presentation, error) {
	_, moment, err := queryRange(a.query)
	if err != nil {
		return nil, err
	}
	if moment || slices.Contains(features(req.header), featureReplay) {
		return c.recorded(req, a)
	}
	right, err := c.permit(req, a.path, access.Read, access.Replay)
	if err != nil {
		return nil, err
	}
	if right == access.Read {
		ctx, cancel := context.WithTimeout(c.ctx, c.s.o.Start)
		defer cancel()
		stream, err := c.s.o.Hub.Live(ctx, a.path)
		if err == nil {
			return stream.present()
		}
		if c.s.o.Library == nil || !fault.Is(err, fault.NotFound) {
			return nil, err
		}
	}
	return c.recorded(req, a)
}

// recorded is the presentation of a recording.
func (c *serverConn) recorded(req *request, a address) (*presentation, error) {
	if _, err := c.permit(req, a.path, access.Replay); err != nil {
		return nil, err
	}
	return replayOf(c.s.o.Library, a.path, a.query, c.s.o.Clock, c.s.o.Log)
}

func (c *serverConn) describe(req *request) (*response, error) {
	a, err := parseAddress(req.uri)
	if err != nil {
		return nil, err
	}
	if accept := req.header.Get("Accept"); accept != "" && !strings.Contains(accept, "sdp") && !strings.Contains(accept, "*/*") {
		return nil, refuse(406, "descriptions are application/sdp")
	}
	pres, err := c.present(req, a)
	if err != nil {
		return nil, err
	}
	c.shown = &showing{a, pres}
	o := pres.sdp
	o.Name = c.s.o.Name
	header := textproto.MIMEHeader{"Content-Type": {"application/sdp"}, "Content-Base": {a.base + "/"}}
	return &response{header: header, body: writeSDP(pres.tracks, o)}, nil
}

func (c *serverConn) announce(req *request) (*response, error) {
	a, err := parseAddress(req.uri)
	if err != nil {
		return nil, err
	}
	if _, err := c.permit(req, a.path, access.Publish); err != nil {
		return nil, err
	}
	if c.sess != nil {
		return nil, refuse(455, "this connection has a session already")
	}
	if t := req.header.Get("Content-Type"); t != "" && !strings.HasPrefix(strings.ToLower(t), "application/sdp") {
		return nil, refuse(415, "what is announced is application/sdp")
	}
	told, err := announcement(a, req)
	if err != nil {
		return nil, err
	}
	c.told = told
	return nil, nil
}

func (c *serverConn) setup(req *request) (*response, error) {
	offers, err := parseOffers(req.header.Values("Transport"))
	if err != nil {
		return nil, err
	}
	if c.told != nil {
		return c.setupPublisher(req, offers)
	}
	if slices.ContainsFunc(offers, func(o offer) bool { return o.record }) {
		return nil, refuse(455, "ANNOUNCE comes before a SETUP to record")
	}
	return c.setupReader(req, offers)
}

// reading returns the session if it is one that reads.
func (c *serverConn) reading() (*session, error) {
	switch {
	case c.sess == nil:
		return nil, refuse(455, "nothing has been set up")
	case c.sess.pub != nil:
		return nil, refuse(455, "this session publishes")
	}
	return c.sess, nil
}

func (c *serverConn) play(req *request) (*response, error) {
	sess, err := c.reading()
	if err != nil {
		return nil, err
	}
	right := access.Read
	if sess.kind == Replaying {
		right = access.Replay
	}
	if _, err := c.permit(req, sess.path, right); err != nil {
		return nil, err
	}
	if err := c.seekLive(req, sess); err != nil {
		return nil, err
	}
	sess.out.cork()
	p, err := sess.player.play(req.header)
	if err != nil {
		return nil, err // answered uncorks
	}
	header := textproto.MIMEHeader{}
	for k, v := range p.header {
		header[k] = v
	}
	if info := sess.rtpInfo(p.info); info != "" {
		header.Set("Rtp-Info", info)
	}
	sess.start()
	return &response{header: header}, nil
}

// seekLive turns a live session into a replay when a PLAY names a time by the clock.
func (c *serverConn) seekLive(req *request, sess *session) error {
	if sess.kind == Replaying || c.s.o.Library == nil {
		return nil
	}
	r, err := parseRange(req.header.Get("Range"))
	if err != nil || r.unit != rangeClock {
		return err
	}
	pres, err := c.recorded(req, sess.address)
	if err != nil {
		return err
	}
	if !sameTracks(pres.tracks, sess.pres.tracks) {
		return refuse(457, "the recording has other tracks than what is live: name the moment in the address")
	}
	player, err := pres.open(sess.out)
	if err != nil {
		return err
	}
	sess.player.close()
	sess.out.flush()
	sess.player, sess.pres = player, pres
	sess.setKind(Replaying)
	return nil
}

func (c *serverConn) pause(req *request) (*response, error) {
	sess, err := c.reading()
	if err != nil {
		return nil, err
	}
	header, err := sess.player.pause()
	if err != nil {
		return nil, err
	}
	sess.playing.Store(false)
	return &response{header: header}, nil
}

func (c *serverConn) teardown(req *request) (*response, error) {
	if c.sess == nil {
		return nil, refuse(454, "there is no session")
	}
	c.end(errTornDown)
	return nil, nil
}

// rtpInfo is the value of RTP-Info (RFC 2326 12.33).
func (sess *session) rtpInfo(list []playInfo) string {
	var parts []string
	for _, i := range list {
		text := "url=" + sess.base + "/" + trackControl(i.track) + ";seq=" + strconv.Itoa(int(i.seq))
		if i.timed {
			text += ";rtptime=" + strconv.FormatUint(uint64(i.rtp), 10)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ",")
}
