package rtsp

import "fmt"

// An Event is something about a session that a person may want to know.
type Event interface {
	// Text is one plain line, lower case, without the camera's name and without a password.
	Text() string
}

// TransportSwitched says that Auto gave one transport up for another.
type TransportSwitched struct {
	From, To Transport
	Why      string
}

// Text implements Event.
func (e TransportSwitched) Text() string {
	return fmt.Sprintf("%s instead of %s: %s", e.To, e.From, e.Why)
}

// Notice is anything else. What comes in floods is counted and told once a second.
type Notice struct {
	Message string
	Hint    string // something to type or to change; may be empty
	Count   int    // how many in the last second; 0: a single thing
}

// Text implements Event.
func (e Notice) Text() string {
	if e.Count > 1 {
		return fmt.Sprintf("%s (%d times)", e.Message, e.Count)
	}
	return e.Message
}
