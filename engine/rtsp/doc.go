// Package rtsp talks RTSP 1.0 (RFC 2326) and RTP (RFC 3550) with cameras, and is a server
// of it. [Dial] opens a session that plays, [Describe] only asks what there is, [Publish]
// sends to a server of others; [Server] is ours.
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
// The server, from a publisher's socket to a reader's:
//
//	serverConn  one connection and its one session: requests, answers, credentials
//	publication wire or udpPorts, then receiver as above: cameras and publishers have one way in
//	Hub         who publishes and who reads what; not ours
//	Stream      one live path: packed once for all readers, and the newest pictures held
//	player      where a session's media comes from: a Stream (livePlayer), a recording (replayPlayer)
//	outlet      where it goes: a way for each track, TCP, UDP or a group
//	outbox      the sending side of a connection: writes at once, or lets wait, or drops
//
// Where a path is adapted to its viewers' links, by whoever owns the Stream:
//
//	Viewer         one reader as it is seen from there: what is known of its link, what it is sent
//	Rendition      the pictures in another size or at another rate, packed once for all on it
//	lane           such a reader's pictures on their way: numbered when they leave, paced over UDP
//	readerReports  what a reader over UDP says, and what of that can be believed
//
// A recording, from a Library to a reader, and back from somebody's recording to units:
//
//	footage       what is recorded under a path, and what a Range means there
//	playOrder     the headers of a PLAY: Range, Scale, Speed, Rate-Control, Frames
//	replayRun     one PLAY: waits until each unit is due, and while the reader's queue is full
//	replayClock   where a unit stands in playing time: Scale, gaps left out, backwards
//	replayExt     ONVIF's header extension, with the time of capture
//	replayTiming  the client's side: the time of a unit by extension, report, or Range
//
// All of that, from the read that brings a picture's last packet to the write that sends
// the picture to a reader, happens in one goroutine: there is nobody to wake up. A reader
// on TCP costs one system call a picture, and all of them share its bytes. What a socket
// does not take waits in the reader's outbox, in a goroutine of its own; past a number of
// bytes everything up to the next key frame is dropped, for this reader alone.
//
// The server is our own, not gortsplib's, because that one forwards packets: a system call
// and a change of goroutines for each packet and reader, single packets dropped from a full
// queue in the middle of a picture, and nothing that holds a download back; and because
// seeking and Scale inside a session, sender reports with times of capture, and one way in
// for cameras and publishers are what a server of recordings is for. A relay built on it is
// the peer in the benchmark, its client and server are peers in the tests.
//
// Left out on purpose: sessions that outlive their connection or change it, tunnelling
// through HTTP (RTSPS goes through what blocks RTSP), and SRTP towards readers and
// publishers (over RTSPS media is interleaved, and so as secret as the requests).
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
