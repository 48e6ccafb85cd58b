package media

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Gap is a span of a camera's time without media, and why. From and To are media
// time; a zero To means that the end is not known yet.
type Gap struct {
	From   time.Time
	To     time.Time
	Causes Causes
	Note   string // one line for people; no password
}

// Cause says why media is missing.
type Cause uint16

// The causes; a gap has a set of them.
const (
	Unreachable   Cause = iota // nobody answers
	Refused                    // the peer answers and will not play
	Denied                     // credentials
	Timeout                    // the peer fell silent
	StreamEnded                // the peer ended the stream
	NoKeyframe                 // media came, but decoding could not start
	CameraRestart              // the peer came back as another: new clock, new parameters
	Loss                       // packets lost on the way
	Overflow                   // we were too slow: the queue was full
	DiskFull                   // no space
	DiskError                  // the disk failed
	ProcessDown                // we were not running
	Suspended                  // the machine slept
	Unsupported                // a codec that cannot be recorded
	NotStarted                 // before the camera's first unit
	Stopped                    // we were told to stop
	causeCount
)

var causeNames = [causeCount]string{
	"unreachable", "refused", "denied", "timeout", "stream_ended", "no_keyframe", "camera_restart", "loss",
	"overflow", "disk_full", "disk_error", "process_down", "suspended", "unsupported", "not_started", "stopped",
}

// String returns the cause as it stands in the journal.
func (c Cause) String() string {
	if c < causeCount {
		return causeNames[c]
	}
	return fmt.Sprintf("cause_%d", uint16(c))
}

// Causes is a set of causes. Its JSON form is an array of names.
type Causes uint32

// Because makes a set.
func Because(causes ...Cause) Causes {
	var s Causes
	for _, c := range causes {
		s |= 1 << c
	}
	return s
}

// Has reports whether c is in the set.
func (s Causes) Has(c Cause) bool { return s&(1<<c) != 0 }

// List returns the causes in a fixed order.
func (s Causes) List() []Cause {
	var list []Cause
	for c := range causeCount {
		if s.Has(c) {
			list = append(list, c)
		}
	}
	return list
}

// String joins the names with commas.
func (s Causes) String() string { return strings.Join(s.names(), ",") }

func (s Causes) names() []string {
	names := []string{}
	for _, c := range s.List() {
		names = append(names, c.String())
	}
	return names
}

// MarshalJSON writes an array of names.
func (s Causes) MarshalJSON() ([]byte, error) { return json.Marshal(s.names()) }

// UnmarshalJSON reads an array of names. Names of a later version are ignored.
func (s *Causes) UnmarshalJSON(b []byte) error {
	var names []string
	if err := json.Unmarshal(b, &names); err != nil {
		return err
	}
	*s = 0
	for _, name := range names {
		for c, known := range causeNames {
			if name == known {
				*s |= 1 << c
			}
		}
	}
	return nil
}
