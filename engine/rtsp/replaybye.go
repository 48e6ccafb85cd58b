package rtsp

import "encoding/binary"

// byePacket says that nothing more comes from a source (RFC 3550 6.6). A compound packet
// begins with a report, here one without a time (ONVIF wants none, and players take
// none), so that receivers which check that are content.
func byePacket(ssrc uint32) []byte {
	b := make([]byte, 0, 16)
	b = append(b, 0x80, rtcpReceiverReport, 0, 1)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = append(b, 0x81, rtcpBye, 0, 1)
	return binary.BigEndian.AppendUint32(b, ssrc)
}
