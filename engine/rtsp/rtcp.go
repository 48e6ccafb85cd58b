package rtsp

import (
	"encoding/binary"
	"time"

	"rtsprec/engine/media"
)

// RTCP packet types (RFC 3550 12.1, RFC 4585 6.1).
const (
	rtcpSenderReport   = 200
	rtcpReceiverReport = 201
	rtcpSourceItems    = 202
	rtcpBye            = 203
	rtcpPayloadSpec    = 206
)

// Formats of rtcpPayloadSpec that ask for a key frame: a picture is lost (RFC 4585 6.3.1), a
// full one is wanted (RFC 5104 4.3.1).
const (
	formatPictureLoss = 1
	formatFullIntra   = 4
)

// asksForKey reports whether a compound RTCP packet asks for a key frame.
func asksForKey(b []byte) bool {
	for len(b) >= 8 && b[0]>>6 == 2 {
		size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if size > len(b) {
			return false
		}
		if format := b[0] & 0x1f; b[1] == rtcpPayloadSpec && (format == formatPictureLoss || format == formatFullIntra) {
			return true
		}
		b = b[size:]
	}
	return false
}

// control takes a compound RTCP packet in (RFC 3550 6.1).
func (r *receiver) control(b []byte, arrival time.Time) {
	for len(b) >= 8 && b[0]>>6 == 2 {
		size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if size > len(b) {
			return
		}
		r.controlPacket(b[:size], arrival)
		b = b[size:]
	}
}

func (r *receiver) controlPacket(b []byte, arrival time.Time) {
	ssrc := binary.BigEndian.Uint32(b[4:])
	mine := !r.reorder.started || ssrc == r.reorder.ssrc
	switch {
	case b[1] == rtcpSenderReport && len(b) >= 28 && mine:
		ntp, rtp := binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint32(b[16:])
		r.reports++
		r.report = Report{RTP: rtp, NTP: ntp, Arrival: arrival}
		r.rr.answer = !r.rr.lastSRAt.IsZero() && arrival.Sub(r.rr.lastSRAt) < followedEvery
		r.rr.lastSR, r.rr.lastSRAt = uint32(ntp>>16), arrival
		if r.replay != nil {
			r.replay.report(ntp, rtp)
			return
		}
		r.clock.Report(ntp, rtp, arrival)
	case b[1] == rtcpApp && mine && r.replay != nil && r.replay.capture:
		r.causes = causesOf(b)
	case b[1] == rtcpBye && b[0]&0x1f > 0 && r.reorder.started && mine:
		r.bye = true
	}
}

// followedEvery is how often a sender tells the time that follows the path: others have a
// report every few seconds.
const followedEvery = 500 * time.Millisecond

// reception is what receiver reports need to remember.
type reception struct {
	self     uint32 // our SSRC
	lastSR   uint32
	lastSRAt time.Time
	answer   bool   // to be sent at once: the sender follows the path by round trips
	expected uint64 // at the last report
	received uint64
}

// receiverReport is a receiver report with a source description (RFC 3550 6.4.2, 6.5); nil before
// the first packet. A key frame is asked for too when wanted (RFC 4585 6.3.1).
func (r *receiver) receiverReport(now time.Time, wantKey bool) []byte {
	if !r.reorder.started {
		return nil
	}
	expected := uint64(r.reorder.extended()) - uint64(r.reorder.base) + 1
	received := r.reorder.received
	var fraction byte
	if de, dr := int64(expected-r.rr.expected), int64(received-r.rr.received); de > 0 && de > dr && expected > r.rr.expected {
		fraction = byte(min((de-dr)*256/de, 255))
	}
	r.rr.expected, r.rr.received, r.rr.answer = expected, received, false
	b := make([]byte, 0, 64)
	b = append(b, 0x81, rtcpReceiverReport, 0, 7)
	b = binary.BigEndian.AppendUint32(b, r.rr.self)
	b = binary.BigEndian.AppendUint32(b, r.reorder.ssrc)
	b = binary.BigEndian.AppendUint32(b, uint32(fraction)<<24|uint32(min(r.reorder.lost, 0x7fffff)))
	b = binary.BigEndian.AppendUint32(b, r.reorder.extended())
	b = binary.BigEndian.AppendUint32(b, uint32(media.FromDuration(r.clock.Observe().Jitter, r.st.track.ClockRate)))
	var delay uint32
	if !r.rr.lastSRAt.IsZero() {
		delay = uint32(now.Sub(r.rr.lastSRAt).Seconds() * 65536)
	}
	b = binary.BigEndian.AppendUint32(b, r.rr.lastSR)
	b = binary.BigEndian.AppendUint32(b, delay)
	const name = "rtsprec"
	b = append(b, 0x81, rtcpSourceItems, 0, 4)
	b = binary.BigEndian.AppendUint32(b, r.rr.self)
	b = append(b, 1, byte(len(name)))
	b = append(b, name...)
	b = append(b, 0, 0, 0)
	if wantKey {
		b = append(b, 0x81, rtcpPayloadSpec, 0, 2)
		b = binary.BigEndian.AppendUint32(b, r.rr.self)
		b = binary.BigEndian.AppendUint32(b, r.reorder.ssrc)
	}
	return b
}
