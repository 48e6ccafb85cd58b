// Package rtsp talks RTSP 1.0 (RFC 2326) and RTP (RFC 3550) with cameras. [Dial] opens a
// session that plays, [Describe] only asks what there is.
//
// From the socket to the unit:
//
//	control     one connection: requests, answers, credentials, keepalives
//	wire        takes that connection's bytes apart: messages, interleaved frames
//	receive     the same for UDP: a goroutine a socket
//	reorderer   packets of a track in order, a missing one waited for 100 ms
//	pictures    where a picture ends; h264, h265, mpeg4, mjpeg put it together
//	packetSound, aac, latm   the same for sound
//	receiver    one track: the above, media time, configuration, statistics
//	queue       bounded in bytes; Next takes from it
//
// A packet is copied once on its way, into the unit in the making, and a unit once, into
// memory of its exact size; nothing is allocated for a packet. Nobody who reads a socket
// ever waits for who takes the units.
//
// The way back, for readers of a server and for servers of others ([Publish]):
//
//	packer      a unit as packets, framed as a TCP reader gets them: one write a unit
//	writeSDP    what the packets are, for everybody else
//	outLine     RTP time that runs on over runs and gaps, sender reports with capture times
//	ledger      what of that is known to have arrived
//
// gortsplib's client is not used, only its MIKEY codec, and its server in tests. Its
// protocol engine ends a session on what a recorder must survive (a request of the camera
// other than OPTIONS, a broken parameter in the SDP, a frame before PLAY), cannot answer
// an expired nonce of a keepalive, waits for 64 packets after a lost one, and drops 64 when
// numbering begins anew; patching that from outside is more code than this.
//
// What is lost is said: packets missing inside a unit make it Damaged, and Lost counts
// those missing in or just before a unit. Where it cannot be known which of two units a
// packet belonged to, both are marked. A track's numbering or SSRC may begin anew at any
// time; the run goes on.
package rtsp
