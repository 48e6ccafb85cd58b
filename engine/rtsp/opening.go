package rtsp

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

const maxRedirects = 5

// described is a connection after DESCRIBE.
type described struct {
	ctl     *control
	target  target
	sdp     sdpSession
	body    string
	base    string // what control attributes are relative to
	connect time.Duration
}

// describe connects and asks for the description, following redirects. The frames
// of the connection go to frames, known says which channels are in use.
func describe(ctx context.Context, o Options, t target, frames frameFunc, known func(byte) bool) (*described, error) {
	began := o.Clock.Now()
	noBasic := false
	for range maxRedirects {
		ctl, err := connect(ctx, o, t)
		if err != nil {
			return nil, err
		}
		ctl.noBasic = noBasic
		go ctl.serve(known, frames)
		d, err := ask(ctx, ctl, t)
		if err == nil {
			d.connect = o.Clock.Now().Sub(began)
			return d, nil
		}
		ctl.close("")
		next, ok, err := redirected(t, err)
		if !ok {
			return nil, err
		}
		noBasic = noBasic || next.host != t.host && !next.own
		t = next.target
	}
	return nil, fault.New(fault.Protocol, "%s redirects in circles", t.host)
}

// frameFunc takes an interleaved frame; the payload is only valid during the call.
type frameFunc func(channel byte, payload []byte, arrival time.Time)

// ask does OPTIONS, whose failure means nothing, and DESCRIBE.
func ask(ctx context.Context, ctl *control, t target) (*described, error) {
	if _, err := ctl.do(ctx, "OPTIONS", t.uri, nil); err != nil {
		var status *statusError
		if !errors.As(err, &status) {
			return nil, err
		}
	}
	header := map[string]string{"Accept": "application/sdp"}
	replays := ctl.o.Replay != nil && !ctl.o.Replay.Plain && !ctl.o.Replay.Live
	if replays {
		header["Require"] = featureReplay
	}
	res, err := ctl.do(ctx, "DESCRIBE", t.uri, header)
	if err != nil && replays && refusesFeature(err) {
		delete(header, "Require")
		res, err = ctl.do(ctx, "DESCRIBE", t.uri, header)
	}
	if err != nil {
		return nil, err
	}
	d := &described{ctl: ctl, target: t, sdp: parseSDP(res.body), body: string(res.body), base: baseOf(res, t.uri)}
	if len(d.sdp.media) == 0 {
		return nil, fault.New(fault.Protocol, "the description of %s names no media", t.uri)
	}
	return d, nil
}

// redirect is where an answer points to.
type redirect struct {
	target
	own bool // the address came with credentials of its own
}

// redirected reads the Location of a 3xx answer. The credentials come along; a
// redirect out of TLS is refused.
func redirected(from target, err error) (redirect, bool, error) {
	var status *statusError
	if !errors.As(err, &status) || status.code < 301 || status.code > 308 {
		return redirect{}, false, err
	}
	location := status.header.Get("Location")
	to, bad := parseURL(location)
	if bad != nil {
		return redirect{}, false, fault.New(fault.Protocol, "%s redirects to %q, which is no RTSP address", from.host, fault.URL(location))
	}
	if from.secure && !to.secure {
		return redirect{}, false, fault.New(fault.Denied, "%s redirects from rtsps to rtsp", from.host)
	}
	own := to.hasUser
	if !own {
		to.user, to.password, to.hasUser = from.user, from.password, from.hasUser
	}
	return redirect{to, own}, true, nil
}

// open sets a session up and plays it.
func open(ctx context.Context, o Options, t target, transport Transport) (*Client, error) {
	c := newClient(o, transport)
	frames := c.frame
	if c.openReplay(); c.replay != nil {
		frames = c.replayFrame
	}
	d, err := describe(ctx, o, t, frames, c.knows)
	if err != nil {
		return nil, err
	}
	c.ctl, c.connect = d.ctl, d.connect
	c.uri = join(d.base, d.sdp.control)
	c.group = d.sdp.address
	if c.replay != nil {
		c.replay.capture = strings.Contains(d.body, "a="+captureClock)
	}
	c.ctl.hears(c.asked)
	if err := c.setup(ctx, d); err != nil {
		c.Close()
		return nil, err
	}
	if err := c.play(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// setup does SETUP for every stream that can be recorded. One that the peer refuses is
// left out, unless it is the first: then the reason counts for all.
func (c *Client) setup(ctx context.Context, d *described) error {
	streams, skipped := streamsOf(d.sdp)
	c.skipped = skipped
	if len(streams) == 0 {
		return fault.New(fault.Unsupported, "%s has nothing that can be recorded: %s", d.target.uri, strings.Join(skipped, "; "))
	}
	for _, st := range streams {
		l, err := c.setupStream(ctx, d, st)
		if err != nil {
			var status *statusError
			if len(c.lines) == 0 || !errors.As(err, &status) || status.code == 401 {
				return err
			}
			c.skipped = append(c.skipped, fmt.Sprintf("%s: %v", st.track.Codec, status))
			continue
		}
		st.track.ID = media.TrackID(len(c.lines))
		c.lines = append(c.lines, l)
	}
	return nil
}

// setupStream does one SETUP.
func (c *Client) setupStream(ctx context.Context, d *described, st *stream) (*line, error) {
	l := &line{st: st}
	offer, err := c.offer(l)
	if err != nil {
		return nil, err
	}
	uri := join(c.uri, st.control)
	header := map[string]string{"Transport": offer}
	if l.cipher != nil {
		if header["KeyMgmt"], err = l.cipher.offer(uri, c.o.Clock.Wall()); err != nil {
			l.close()
			return nil, fault.Wrap(fault.Unsupported, "prepare SRTP", err)
		}
	}
	c.require(header)
	res, err := c.ctl.do(ctx, "SETUP", uri, header)
	if err != nil && c.lacks(err) {
		delete(header, "Require")
		res, err = c.ctl.do(ctx, "SETUP", uri, header)
	}
	if err != nil {
		l.close()
		return nil, err
	}
	if l.cipher != nil {
		if err := l.cipher.accept(res.header.Get("KeyMgmt"), st.media.keyMgmt, d.sdp.keyMgmt); err != nil {
			l.close()
			return nil, fault.Wrap(fault.Protocol, "set SRTP up", err)
		}
	}
	if err := c.accept(l, parseTransport(res.header.Get("Transport"))); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// play creates the receivers and sends PLAY. They exist first, because media may come
// before the answer does.
func (c *Client) play(ctx context.Context) error {
	c.begin()
	c.beginReplay()
	for _, l := range c.lines {
		l.punch()
	}
	c.mu.Lock()
	c.played = c.o.Clock.Now()
	c.mu.Unlock()
	_, err := c.ctl.do(ctx, "PLAY", c.uri, c.playHeader())
	if err != nil && c.lacks(err) {
		_, err = c.ctl.do(ctx, "PLAY", c.uri, c.playHeader())
	}
	if err != nil {
		return replayFault(err)
	}
	c.work()
	return nil
}

// randomID makes a number for an SSRC.
func randomID() uint32 {
	var b [4]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint32(b[:])
}
