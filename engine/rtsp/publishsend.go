package rtsp

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// outLine is the way that one track's packets take, and their time.
type outLine struct {
	line
	packer  *packer
	base    *timeBase
	channel byte

	begun    bool
	offset   media.Ticks // from PTS to ticks since the base
	last     media.Ticks // of the newest unit, since the base
	reported time.Time   // when the last sender report went out
	fresh    bool        // the line between RTP time and capture time has changed since
	packets  uint32
	octets   uint32
}

// timeBase is the instant at which the RTP time of all tracks of a session is 0.
type timeBase struct{ at time.Time }

// maxSkew is how far RTP time, which follows PTS inside a run, may be from capture time
// before it is brought back to it: a run that ended or a gap that PTS does not show.
const maxSkew = 100 * time.Millisecond

// stamp returns the RTP time of a unit. It runs on over runs, gaps and corrections: it
// follows PTS, and capture time where the two part.
func (l *outLine) stamp(au *media.AccessUnit) uint32 {
	rate := l.packer.track.ClockRate
	if l.base.at.IsZero() {
		l.base.at = au.Wall
	}
	due := media.FromDuration(au.Wall.Sub(l.base.at), rate)
	at := au.PTS + l.offset
	if skew := media.ToDuration(at-due, rate); !l.begun || skew.Abs() > maxSkew {
		l.offset = due - au.PTS
		if back := l.last - due; l.begun && au.Key && au.PTS == au.DTS && back >= 0 {
			l.offset += back + 1 // never two units at one time
		}
		at = au.PTS + l.offset
		l.fresh = true
	}
	l.begun = true
	l.last = max(l.last, at)
	return uint32(at)
}

const senderReportEvery = time.Second

// send sends a burst, with a sender report in front where one is due or there are causes to
// be told.
func (p *Publisher) send(ctx context.Context, l *outLine, b *burst, causes media.Causes) error {
	var report []byte
	now := p.o.Clock.Now()
	if l.fresh || causes != 0 || now.Sub(l.reported) >= senderReportEvery {
		report = senderReport(l.packer.o.SSRC, ntpOf(b.Wall), b.RTP, l.packets, l.octets)
		l.reported, l.fresh = now, false
	}
	if causes != 0 {
		report = append(report, causesPacket(l.packer.o.SSRC, causes)...)
	}
	l.packets += uint32(len(b.Starts))
	l.octets += uint32(b.Octets)
	if p.transport == UDP {
		return p.sendDatagrams(ctx, l, b, report)
	}
	data := b.Data
	if l.channel != data[1] {
		data = append([]byte(nil), data...)
		for _, at := range b.Starts {
			data[at+1] = l.channel
		}
	}
	if report != nil {
		data = append(appendFrame(make([]byte, 0, len(report)+frameHead+len(data)), l.channel+1, report), data...)
	}
	end, err := p.ctl.stream(ctx, data)
	if err != nil {
		return err
	}
	p.ledger.sent(entry{wall: b.Wall, end: end})
	return nil
}

// stream writes b as a whole, however long the peer takes, and returns how many bytes of
// the connection that makes. A peer that takes nothing for Options.Timeout is gone.
func (c *control) stream(ctx context.Context, b []byte) (sent uint64, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	stop := context.AfterFunc(ctx, func() { c.nc.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		c.nc.SetWriteDeadline(c.o.Clock.Now().Add(c.o.Timeout))
		if ctx.Err() != nil {
			return c.sent.Load(), fault.Wrap(fault.Canceled, "send media", ctx.Err())
		}
		n, err := c.nc.Write(b)
		c.sent.Add(uint64(n))
		b = b[n:]
		switch {
		case err == nil:
			return c.sent.Load(), nil
		case ctx.Err() != nil:
			return c.sent.Load(), fault.Wrap(fault.Canceled, "send media", ctx.Err())
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return c.sent.Load(), c.broken("send media", err)
		case n == 0:
			return c.sent.Load(), fault.New(fault.Timeout, "%s takes nothing for %v", c.target.host, c.o.Timeout)
		}
	}
}

const (
	datagramBurst = 32 // packets at a time: half a small socket buffer
	datagramPause = time.Millisecond
)

// sendDatagrams sends a burst over UDP, a large one with pauses, so that the peer's socket
// has the time to be read.
func (p *Publisher) sendDatagrams(ctx context.Context, l *outLine, b *burst, report []byte) error {
	if report != nil {
		l.rtcp.WriteToUDPAddrPort(report, l.rtcpTo)
	}
	ahead := 0 // bytes sent and not yet paid for by a pause
	for i := range b.Starts {
		pause := p.paused(ahead)
		if i > 0 && i%datagramBurst == 0 {
			pause = max(pause, datagramPause)
		}
		if pause >= datagramPause {
			ahead = 0
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return fault.Wrap(fault.Canceled, "send media", ctx.Err())
			}
		}
		ahead += len(b.packet(i))
		_, err := l.rtp.WriteToUDPAddrPort(b.packet(i), l.rtpTo)
		if errors.Is(err, net.ErrClosed) {
			return fault.Wrap(fault.Ended, "send media", err)
		} // others (no buffer, an ICMP error) are losses; the connection tells the end
	}
	p.ledger.sent(entry{wall: b.Wall, track: int8(b.Track), end: uint64(l.packer.o.Seq - 1)})
	return nil
}

// accept does what the peer answered to SETUP.
func (p *Publisher) accept(l *outLine, a answer) error {
	if p.transport != UDP {
		if a.channel >= 0 {
			l.channel = byte(a.channel)
		}
		return nil
	}
	if a.tcp {
		return fault.Wrap(fault.Unsupported, "publish over udp", errTransport)
	}
	peer := p.ctl.peerAddr()
	if ip, err := netip.ParseAddr(a.source); err == nil && !ip.IsUnspecified() {
		peer = ip.Unmap()
	}
	if a.serverPorts[0] <= 1 {
		return fault.New(fault.Protocol, "%s names no ports to publish to", p.ctl.target.host)
	}
	l.rtpTo = netip.AddrPortFrom(peer, uint16(a.serverPorts[0]))
	l.rtcpTo = netip.AddrPortFrom(peer, uint16(a.serverPorts[1]))
	return nil
}

// receive reads what comes to a UDP socket until it is closed.
func (p *Publisher) receive(l *outLine, conn *net.UDPConn) {
	buf := make([]byte, 2048)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err == nil && from.Addr().Unmap() == l.rtpTo.Addr():
			p.control(buf[:n])
		}
	}
}

// control takes receiver reports (RFC 3550 6.4.2) out of a compound packet.
func (p *Publisher) control(b []byte) {
	for len(b) >= 8 && b[0]>>6 == 2 {
		size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if size > len(b) {
			return
		}
		if b[1] == rtcpReceiverReport {
			for block := b[8:size]; len(block) >= 24; block = block[24:] {
				p.reported(block)
			}
		}
		b = b[size:]
	}
}

// reported takes in which packet of a source the peer has seen last, and what was lost. A
// report on anybody else's is none of ours.
func (p *Publisher) reported(block []byte) {
	ssrc, highest := binary.BigEndian.Uint32(block), binary.BigEndian.Uint32(block[8:])
	for i, l := range p.lines {
		if l != nil && l.packer.o.SSRC == ssrc {
			p.ledger.seen(i, uint16(highest))
			p.path.lost(fractionLost(block))
		}
	}
}
