package rtsp

import (
	"fmt"
	"net/netip"
	"time"
)

// SessionKind says what a session of the server does.
type SessionKind string

// The kinds of sessions.
const (
	Publishing SessionKind = "publish"
	Reading    SessionKind = "read"
	Replaying  SessionKind = "replay"
)

// SessionInfo is a snapshot of one session of the server.
type SessionInfo struct {
	ID        string         `json:"id"` // for people and logs; not what the protocol calls it
	Kind      SessionKind    `json:"kind"`
	Path      string         `json:"path"`
	Peer      netip.AddrPort `json:"peer"`
	User      string         `json:"user,omitempty"`
	Agent     string         `json:"agent,omitempty"` // what the peer calls itself
	Transport Transport      `json:"transport"`
	Secure    bool           `json:"secure"`
	Since     time.Time      `json:"since"`
	Bytes     uint64         `json:"bytes"`             // RTP, in its direction
	Lost      uint64         `json:"lost"`              // packets: of a publisher, as we see it; of a reader over UDP, as it reports
	Dropped   uint64         `json:"dropped"`           // units that a reader was too slow for
	Waiting   int64          `json:"waiting,omitempty"` // bytes in a reader's queue
	Jitter    time.Duration  `json:"jitter,omitempty"`
}

// A ServerEvent is something that a person who runs the server may want to know.
type ServerEvent interface {
	// Text is one plain line, lower case, without a password.
	Text() string
}

// SessionStarted says that somebody publishes or plays.
type SessionStarted struct{ SessionInfo }

// SessionEnded says that they do no more, and why.
type SessionEnded struct {
	SessionInfo
	Why string
}

// AccessDenied says that somebody gave a wrong password, or may not do what they asked.
type AccessDenied struct {
	Peer    netip.AddrPort
	User    string // as it was given
	Path    string
	Wrong   bool // the password, or the user; else only the right is missing
	Blocked bool // the address is refused for a while from now on
}

// ReaderSlow says that units were dropped for a reader that does not take them. It comes
// at most once a second and session.
type ReaderSlow struct {
	SessionInfo
	Units int // dropped since the last time
}

// ServerNotice is anything else. What comes in floods is counted and told once a second.
type ServerNotice struct {
	Message string
	Count   int
}

// Text implements ServerEvent.
func (e SessionStarted) Text() string {
	return fmt.Sprintf("%s of %s by %s over %s", e.Kind, e.Path, e.who(), e.Transport)
}

// Text implements ServerEvent.
func (e SessionEnded) Text() string {
	return fmt.Sprintf("%s of %s by %s ended: %s", e.Kind, e.Path, e.who(), e.Why)
}

func (i SessionInfo) who() string {
	if i.User != "" {
		return i.User + " (" + i.Peer.String() + ")"
	}
	return i.Peer.String()
}

// Text implements ServerEvent.
func (e AccessDenied) Text() string {
	text := fmt.Sprintf("%s may not open %s as %q", e.Peer, e.Path, e.User)
	if e.Wrong {
		text = fmt.Sprintf("%s gave a wrong user or password (%q) for %s", e.Peer, e.User, e.Path)
	}
	if e.Blocked {
		text += "; its address is refused for a while"
	}
	return text
}

// Text implements ServerEvent.
func (e ReaderSlow) Text() string {
	return fmt.Sprintf("%s reads %s too slowly: %d units dropped up to a key frame", e.who(), e.Path, e.Units)
}

// Text implements ServerEvent.
func (e ServerNotice) Text() string {
	if e.Count > 1 {
		return fmt.Sprintf("%s (%d times)", e.Message, e.Count)
	}
	return e.Message
}
