package rtsp

import "encoding/binary"

// senderReport is an RTCP sender report with a source description (RFC 3550 6.4.1, 6.5).
// ntp is the capture time of what has the RTP time rtp; packets and octets of payload
// count what was sent before.
func senderReport(ssrc uint32, ntp uint64, rtp, packets, octets uint32) []byte {
	const name = "rtsprec"
	b := make([]byte, 0, 28+8+len(name)+5)
	b = append(b, 0x80, rtcpSenderReport, 0, 6)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = binary.BigEndian.AppendUint64(b, ntp)
	b = binary.BigEndian.AppendUint32(b, rtp)
	b = binary.BigEndian.AppendUint32(b, packets)
	b = binary.BigEndian.AppendUint32(b, octets)
	b = append(b, 0x81, rtcpSourceItems, 0, 4)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = append(b, 1, byte(len(name)))
	b = append(b, name...)
	return append(b, 0, 0, 0)
}

// appendFrame appends a packet framed for an interleaved connection (RFC 2326 10.12).
func appendFrame(b []byte, channel byte, packet []byte) []byte {
	b = append(b, '$', channel, byte(len(packet)>>8), byte(len(packet)))
	return append(b, packet...)
}
