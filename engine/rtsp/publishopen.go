package rtsp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// open connects, following redirects, and starts the session.
func (p *Publisher) open(ctx context.Context, t target, run media.Run) error {
	packers, err := p.packers(run)
	if err != nil {
		return err
	}
	noBasic := false
	for range maxRedirects {
		if p.ctl, err = connect(ctx, p.o, t); err != nil {
			return err
		}
		p.ctl.noBasic = noBasic
		p.ctl.hears(p.asked)
		held := waiting
		if p.measured {
			held = waitingLittle
		}
		tune(p.ctl.nc, p.o.Timeout, held)
		go p.ctl.serve(func(byte) bool { return true }, p.frame)
		err := p.announce(ctx, t, run)
		if err == nil {
			return p.start(ctx, run, packers)
		}
		next, ok, err := redirected(t, err)
		if !ok {
			return err
		}
		p.ctl.close("")
		p.ctl = nil
		noBasic = noBasic || next.host != t.host && !next.own
		t = next.target
	}
	return fault.New(fault.Protocol, "%s redirects in circles", t.host)
}

// packers makes a packer for each track, nil for one that cannot be sent.
func (p *Publisher) packers(run media.Run) ([]*packer, error) {
	list := make([]*packer, len(run.Tracks))
	some := false
	for i, t := range run.Tracks {
		var err error
		switch {
		case int(t.ID) != i || t.ClockRate <= 0 || i >= maxMedia:
			err = fault.New(fault.Unsupported, "no place in a description")
		case t.Codec == media.AAC && media.ValidConfig(t.Codec, t.Config) != nil:
			err = fault.New(fault.Unsupported, "without a decoder configuration it cannot be announced")
		default:
			list[i], err = newPacker(t, packOptions{
				PayloadType: payloadType(t), SSRC: randomID(), Seq: uint16(randomID()), Base: randomID(),
			})
		}
		if err != nil {
			p.skipped = append(p.skipped, fmt.Sprintf("%s: %v", t.Codec.Title(), err))
			continue
		}
		some = true
	}
	if !some {
		return nil, fault.New(fault.Unsupported, "nothing that can be published: %s", strings.Join(p.skipped, "; "))
	}
	return list, nil
}

// announce does OPTIONS, whose failure means nothing, and ANNOUNCE.
func (p *Publisher) announce(ctx context.Context, t target, run media.Run) error {
	var status *statusError
	if _, err := p.ctl.do(ctx, "OPTIONS", t.uri, nil); err != nil && !errors.As(err, &status) {
		return err
	}
	p.uri = t.uri
	var tracks []media.Track
	for i, tr := range run.Tracks {
		if int(tr.ID) == i && tr.ClockRate > 0 {
			tracks = append(tracks, tr)
		}
	}
	body := writeSDP(tracks, sdpOptions{Capture: true})
	_, err := p.ctl.send(ctx, "ANNOUNCE", t.uri, map[string]string{"Content-Type": "application/sdp"}, body)
	return err
}

// start sets the tracks up and begins to record.
func (p *Publisher) start(ctx context.Context, run media.Run, packers []*packer) error {
	p.exact = strings.HasPrefix(strings.ToLower(p.ctl.serverName()), "rtsprec")
	began := &timeBase{}
	p.lines = make([]*outLine, len(run.Tracks))
	some := false
	for i, pk := range packers {
		if pk == nil {
			continue
		}
		l := &outLine{packer: pk, base: began, channel: byte(2 * i)}
		if err := p.setup(ctx, l); err != nil {
			l.close()
			var status *statusError
			if !errors.As(err, &status) || status.code == 401 || !some && i == len(packers)-1 {
				return err
			}
			p.skipped = append(p.skipped, fmt.Sprintf("%s: %v", pk.track.Codec.Title(), status))
			continue
		}
		p.lines[i], some = l, true
	}
	if !some {
		return fault.New(fault.Refused, "%s takes no track: %s", p.ctl.target.uri, strings.Join(p.skipped, "; "))
	}
	p.ledger.begin(p.transport == UDP, len(run.Tracks))
	if _, err := p.ctl.do(ctx, "RECORD", p.uri, map[string]string{"Range": "npt=0.000-"}); err != nil {
		return err
	}
	p.work()
	return nil
}

// setup does one SETUP.
func (p *Publisher) setup(ctx context.Context, l *outLine) error {
	offer := fmt.Sprintf("RTP/AVP/TCP;unicast;interleaved=%d-%d;mode=record", l.channel, l.channel+1)
	if p.transport == UDP {
		if err := l.listen(p.ctl.localAddr()); err != nil {
			return fault.Wrap(fault.Unreachable, "open UDP ports", err)
		}
		port := l.rtp.LocalAddr().(*net.UDPAddr).Port
		offer = fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d;mode=record", port, port+1)
	}
	res, err := p.ctl.do(ctx, "SETUP", join(p.uri, trackControl(l.packer.track.ID)), map[string]string{"Transport": offer})
	if err != nil {
		return err
	}
	return p.accept(l, parseTransport(res.header.Get("Transport")))
}

// work starts what goes on beside writing.
func (p *Publisher) work() {
	p.workers.Go(p.keepAlive)
	p.workers.Go(p.follow)
	if p.measured && p.transport == UDP {
		p.workers.Go(p.probe)
	}
	p.workers.Go(func() {
		select {
		case <-p.ctl.done:
			p.measure()
			p.finish(p.ended())
		case <-p.stop:
		}
	})
	for _, l := range p.lines {
		if l != nil && l.rtcp != nil {
			p.workers.Go(func() { p.receive(l, l.rtcp) })
			p.workers.Go(func() { p.receive(l, l.rtp) })
		}
	}
}

// frame takes what comes over the connection: receiver reports.
func (p *Publisher) frame(_ byte, payload []byte, _ time.Time) { p.control(payload) }
