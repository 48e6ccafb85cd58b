package engine

import (
	"fmt"
	"strings"
	"time"
)

// Serving says that everybody can connect, and where.
type Serving struct {
	URLs     []string `json:"urls"`
	UDP      string   `json:"udp,omitempty"` // ports of media
	Paths    []string `json:"paths"`
	Dir      string   `json:"dir,omitempty"` // recorded into
	Archives []string `json:"archives,omitempty"`
	Open     bool     `json:"open"` // nobody needs a password
}

// Reloaded says that new options count, or why they do not.
type Reloaded struct {
	Paths int      `json:"paths"`
	Users int      `json:"users"`
	Later []string `json:"at_next_start,omitempty"` // changed keys that only count then
	Err   string   `json:"error,omitempty"`         // the old options still count
}

// Type implements Event.
func (Serving) Type() string { return "serving" }

// Type implements Event.
func (Reloaded) Type() string { return "reloaded" }

// Serious implements Event.
func (Serving) Serious() bool { return false }

// Serious implements Event.
func (e Reloaded) Serious() bool { return e.Err != "" }

// Text names the addresses.
func (e Serving) Text(*time.Location) string {
	text := "serving at " + strings.Join(e.URLs, " ")
	if e.Dir != "" {
		text += ", recording into " + e.Dir
	}
	if e.Open {
		text += "; nobody needs a password, because there are no users"
	}
	return text
}

// Text says what counts now.
func (e Reloaded) Text(*time.Location) string {
	if e.Err != "" {
		return "the new configuration is not used, the old one stays: " + e.Err
	}
	text := fmt.Sprintf("configuration read again: %d paths, %d users", e.Paths, e.Users)
	if len(e.Later) > 0 {
		text += "; counts only at the next start: " + strings.Join(e.Later, ", ")
	}
	return text
}
