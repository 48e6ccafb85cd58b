package rtsp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"rtsprec/engine/fault"
)

const (
	watchEvery  = time.Second
	reportEvery = 5 * time.Second
	byeGrace    = 500 * time.Millisecond // a new source may follow the old one's goodbye
)

// counts is what floods are told by.
type counts struct{ invalid, foreign, garbage uint64 }

// watch looks after the session once a second: silence, goodbyes, floods, reports.
func (c *Client) watch() {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	reported := c.o.Clock.Now()
	looked := reported
	var quiet time.Duration
	for {
		select {
		case <-c.stop:
			return
		case <-ticker.C:
		}
		now := c.o.Clock.Now()
		// A machine that slept or was too busy to run us has not listened either.
		quiet += min(now.Sub(looked), 2*watchEvery)
		looked = now
		var err error
		if quiet, err = c.silent(quiet); err != nil {
			c.finish(err)
			return
		}
		c.tellFloods()
		if now.Sub(reported) >= reportEvery {
			reported = now
			c.sendReports(now, false)
		}
	}
}

// silent returns for how long nothing has come, and why the run is over when that is
// too long or the peer has said goodbye.
func (c *Client) silent(quiet time.Duration) (time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.heard {
		c.heard = false
		quiet = 0
	}
	if quiet >= c.o.Timeout {
		return quiet, fault.New(fault.Timeout, "no media from %s for %v", c.ctl.target.host, quiet.Round(time.Second))
	}
	gone, alive := 0, 0
	for _, r := range c.receivers {
		switch {
		case r.bye:
			gone++
		case !r.firstPacket.IsZero():
			alive++
		}
	}
	if gone > 0 && alive == 0 && quiet >= byeGrace {
		return quiet, io.EOF
	}
	return quiet, nil
}

// tellFloods reports what made no sense in the last second.
func (c *Client) tellFloods() {
	c.mu.Lock()
	var now counts
	for _, r := range c.receivers {
		now.invalid += r.depack.invalid() + r.reorder.strays + r.foreign
	}
	now.foreign = c.foreign
	now.garbage = c.ctl.garbage.Load()
	told := c.told
	c.told = now
	c.mu.Unlock()
	tell := func(n, before uint64, message string) {
		if n > before {
			c.o.Observe(Notice{Message: message, Count: int(n - before)})
		}
	}
	tell(now.invalid, told.invalid, "packets that make no sense")
	tell(now.foreign, told.foreign, "packets from an address that is not the camera's")
	tell(now.garbage, told.garbage, "bytes in the connection that are neither RTSP nor RTP")
}

// sendReports sends receiver reports, over UDP and over TCP: some cameras take them for
// signs of life.
func (c *Client) sendReports(now time.Time, wantKey bool) {
	for i, l := range c.lines {
		c.sendReport(l, c.receivers[i], now, wantKey)
	}
}

func (c *Client) sendReport(l *line, r *receiver, now time.Time, wantKey bool) {
	c.mu.Lock()
	b := r.receiverReport(now, wantKey && l.st.track.Codec.Video())
	if b != nil && l.cipher != nil {
		b, _ = l.cipher.seal(b) // nil when it fails: then nothing is sent
	}
	c.mu.Unlock()
	switch {
	case b == nil:
	case c.transport == TCP:
		frame := append([]byte{'$', l.channel + 1, 0, 0}, b...)
		binary.BigEndian.PutUint16(frame[2:], uint16(len(b)))
		c.ctl.write(frame)
	case l.rtcpTo.IsValid() && c.transport == UDP:
		l.rtcp.WriteToUDPAddrPort(b, l.rtcpTo)
	}
}

// RequestKey implements media.KeyRequester by a picture loss indication (RFC 4585
// 6.3.1). Many cameras ignore it.
func (c *Client) RequestKey() {
	select {
	case <-c.stop:
	default:
		c.sendReports(c.o.Clock.Now(), true)
	}
}

// keepAlive tells the peer that somebody still listens. What it answers does not
// matter as long as media flows; a refusal is told once and another method tried.
func (c *Client) keepAlive() {
	methods := []string{"OPTIONS", "GET_PARAMETER", "SET_PARAMETER"}
	if c.ctl.has("GET_PARAMETER") {
		methods[0], methods[1] = methods[1], methods[0]
	}
	told := false
	timer := time.NewTimer(c.ctl.keepAliveEvery())
	defer timer.Stop()
	for try := 0; ; {
		select {
		case <-c.stop:
			return
		case <-timer.C:
		}
		timer.Reset(c.ctl.keepAliveEvery())
		_, err := c.ctl.do(context.Background(), methods[try%len(methods)], c.uri, nil)
		var status *statusError
		if err == nil || !errors.As(err, &status) && !fault.Is(err, fault.Denied) {
			continue
		}
		try++
		if !told {
			told = true
			c.o.Observe(Notice{Message: fmt.Sprintf("the camera refuses keepalives: %v", err)})
		}
	}
}
