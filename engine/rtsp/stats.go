package rtsp

import (
	"time"

	"rtsprec/engine/media"
)

// Stats is a snapshot of how a session is doing.
type Stats struct {
	Transport Transport     // in use, never Auto
	Secure    bool          // TLS or SRTP
	Auth      string        // "none", "Basic", "Digest MD5", "Digest SHA-256"
	Server    string        // what the peer calls itself
	Methods   []string      // what the peer says it can do
	Tracks    []TrackStats  // by TrackID
	Skipped   []string      // media of the peer that is not recorded, with the reason
	RTT       time.Duration // of the last request that was answered; 0: none yet
	// Connect is the time from the start of the connection to the answer to DESCRIBE.
	Connect time.Duration
	// FirstPacket and FirstKey are counted from the PLAY request; 0: not seen yet.
	FirstPacket time.Duration
	FirstKey    time.Duration // of video; of any track where there is none
	// SocketBuffer is what the kernel gave to the UDP sockets, SocketWanted what was
	// asked for, in bytes; 0 over TCP.
	SocketBuffer int
	SocketWanted int
	Queued       int64  // bytes waiting for Next
	Bytes        uint64 // received in all, RTP and RTCP with their headers
}

// TrackStats is one track's part of Stats.
type TrackStats struct {
	Codec       media.Codec
	Packets     uint64 // RTP packets that belong to the track, without duplicates
	Bytes       uint64 // of their payloads
	Units       uint64
	Damaged     uint64 // units that packets are missing of
	Lost        uint64 // packets that never came, or came after Options.Reorder
	Reordered   uint64 // packets that came out of order, in time
	Duplicates  uint64
	Late        uint64        // packets that came after they had been given up
	Invalid     uint64        // packets, or parts of them, that make no sense
	Dropped     uint64        // units dropped because the queue was full
	Jitter      time.Duration // interarrival jitter, RFC 3550 6.4.1
	SSRC        uint32
	SSRCChanges uint64
	FirstPacket time.Time // zero: none yet
	LastPacket  time.Time
	FirstKey    time.Time
	Reports     uint64 // sender reports received
	LastReport  Report
	// ClockSound says that sender reports came and made sense. Then ClockOffset is
	// camera minus host, known within ClockWithin, and Drift is how much faster the
	// camera's clock runs, in parts per million.
	ClockSound  bool
	ClockOffset time.Duration
	ClockWithin time.Duration
	Drift       float64
}

// Report is a sender report (RFC 3550 6.4.1) as received.
type Report struct {
	RTP     uint32
	NTP     uint64 // 32.32 seconds since 1900
	Arrival time.Time
}

// Stats returns a snapshot.
func (c *Client) Stats() Stats {
	s := Stats{
		Transport: c.transport, Secure: c.secure(), Skipped: c.skipped, Connect: c.connect,
		SocketBuffer: c.buffer, SocketWanted: c.bufferWanted, Queued: c.queue.waiting(),
	}
	c.ctl.stats(&s)
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Bytes = c.bytes
	var firstKey time.Time
	video := false
	for i, r := range c.receivers {
		t := r.stats()
		t.Dropped = c.queue.dropped(media.TrackID(i))
		s.Tracks = append(s.Tracks, t)
		if !t.FirstPacket.IsZero() {
			s.FirstPacket = earlier(s.FirstPacket, t.FirstPacket.Sub(c.played))
		}
		isVideo := t.Codec.Video()
		if t.FirstKey.IsZero() || video && !isVideo {
			continue
		}
		if isVideo && !video || firstKey.IsZero() || t.FirstKey.Before(firstKey) {
			firstKey, video = t.FirstKey, isVideo
		}
	}
	if !firstKey.IsZero() {
		s.FirstKey = max(firstKey.Sub(c.played), 1)
	}
	return s
}

// secure reports whether nobody on the way can see the media.
func (c *Client) secure() bool {
	for _, l := range c.lines {
		if l.cipher == nil && !(c.ctl.target.secure && c.transport == TCP) {
			return false
		}
	}
	return true
}

// earlier is the lesser of two times where 0 means that there is none.
func earlier(a, b time.Duration) time.Duration {
	b = max(b, 1) // media may even come with the answer to PLAY
	if a == 0 || b < a {
		return b
	}
	return a
}

func (c *control) stats(s *Stats) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Auth, s.Server, s.Methods, s.RTT = c.challenge.Name(), c.server, c.methods, c.rtt
}
