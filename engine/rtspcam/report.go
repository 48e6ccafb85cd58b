package rtspcam

import (
	"encoding/binary"
	"time"
)

// ntpEpoch is 1970 in NTP's seconds since 1900 (RFC 5905 6).
const ntpEpoch = 2208988800

// ntp is t as a 64-bit NTP timestamp; it wraps in 2036.
func ntp(t time.Time) uint64 {
	sec := uint64(t.Unix()+ntpEpoch) << 32
	return sec | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// sendReports sends one sender report of each track to all readers. The caller holds p.mu.
func (p *path) sendReports(now time.Time) {
	p.report = now.Add(reportEvery)
	for r := range p.readers {
		p.reportTo(r, now)
	}
}

// reportTo sends the sender reports of now to one reader. The caller holds p.mu.
func (p *path) reportTo(r *reader, now time.Time) {
	is := func(name string) bool { return p.script.is(p.name, name, now) }
	if is("noreports") || is("stall") || is("drop") || is("blackhole") {
		return
	}
	for i, t := range p.tracks {
		if t.video && is("novideo") || !t.video && is("noaudio") {
			continue
		}
		r.control(i, p.senderReport(t, now))
	}
}

// senderReport is RFC 3550 6.4.1 without report blocks, and the CNAME.
func (p *path) senderReport(t *track, now time.Time) []byte {
	elapsed := ticks(now.Sub(p.origin), t.format.rate, p.ppm)
	b := []byte{0x80, 200, 0, 6}
	b = binary.BigEndian.AppendUint32(b, t.ssrc)
	b = binary.BigEndian.AppendUint64(b, p.ntpNow(now))
	b = binary.BigEndian.AppendUint32(b, p.stamp(t, elapsed, now))
	b = binary.BigEndian.AppendUint32(b, t.packets)
	b = binary.BigEndian.AppendUint32(b, t.octets)
	return append(b, describeSource(t.ssrc)...)
}

// describeSource is an SDES packet with a CNAME.
func describeSource(ssrc uint32) []byte {
	b := []byte{0x81, 202, 0, 4}
	b = binary.BigEndian.AppendUint32(b, ssrc)
	return append(b, 1, 7, 'r', 't', 's', 'p', 'c', 'a', 'm', 0, 0, 0)
}

// goodbye is an empty receiver report and BYE: a compound packet as RFC 3550 6.1 wants it.
func goodbye(ssrc uint32) []byte {
	b := []byte{0x80, 201, 0, 1}
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = append(b, 0x81, 203, 0, 1)
	return binary.BigEndian.AppendUint32(b, ssrc)
}

// ntpNow is what the camera believes the time is.
func (p *path) ntpNow(now time.Time) uint64 {
	if a, ok := p.script.on(p.name, "ntp", now); ok {
		switch a.word {
		case "zero":
			return 0
		case "1970":
			return ntp(time.Unix(int64(now.Sub(p.origin)/time.Second), 0))
		case "2036": // just past the wrap of the 32 bits of seconds
			return ntp(time.Unix(1<<32-ntpEpoch, 0).Add(now.Sub(p.origin)))
		}
	}
	// The origin, and not now: the camera's clock runs as fast as its RTP time does.
	elapsed := now.Sub(p.origin)
	t := p.origin.Round(0).Add(elapsed + time.Duration(float64(elapsed)*p.ppm/1e6))
	if a, ok := p.script.on(p.name, "clock", now); ok {
		t = time.Unix(0, 0).Add(a.span + now.Sub(a.since))
	}
	if a, ok := p.script.on(p.name, "clockstep", now); ok {
		t = t.Add(a.span)
	}
	return ntp(t)
}
