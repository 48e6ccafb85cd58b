package engine

import (
	"fmt"
	"strings"
	"time"
)

// Relaying says that a relay begins.
type Relaying struct {
	Input   string   `json:"input"`
	Targets []string `json:"targets"`
	Spool   string   `json:"spool,omitempty"`
	Record  string   `json:"record,omitempty"`
	Metrics string   `json:"metrics,omitempty"` // where Prometheus is answered
}

// TargetUp says that a target takes the stream.
type TargetUp struct {
	Target  string   `json:"target"`
	Peer    string   `json:"peer"`
	Skipped []string `json:"skipped,omitempty"` // tracks that are not sent
	Down    float64  `json:"down_s,omitempty"`  // how long it was away
	Behind  float64  `json:"behind_s,omitempty"`
}

// TargetDown says that a target is away. One that stays away is told of once and then
// once a minute.
type TargetDown struct {
	Target string `json:"target"`
	Kind   string `json:"kind"`
	Reason string `json:"reason"`
	Tries  int    `json:"tries"`
}

// SpoolFull says that media was removed that a target had not got.
type SpoolFull struct {
	Target string    `json:"target"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
}

// Types, as they stand in JSON.
func (Relaying) Type() string   { return "relaying" }
func (TargetUp) Type() string   { return "target_up" }
func (TargetDown) Type() string { return "target_down" }
func (SpoolFull) Type() string  { return "spool_full" }

// Serious: what a cron job's mail should hold.
func (Relaying) Serious() bool   { return false }
func (TargetUp) Serious() bool   { return false }
func (TargetDown) Serious() bool { return true }
func (SpoolFull) Serious() bool  { return true }

// Text names the input and the targets.
func (e Relaying) Text(*time.Location) string {
	s := fmt.Sprintf("relaying %s to %s", e.Input, strings.Join(e.Targets, ", "))
	if e.Spool != "" {
		s += ", spooled in " + e.Spool
	}
	if e.Record != "" {
		s += ", recorded in " + e.Record
	}
	if e.Metrics != "" {
		s += ", metrics at " + e.Metrics
	}
	return s
}

// Text says how long the target was away and how much it has to catch up with.
func (e TargetUp) Text(*time.Location) string {
	s := e.Target + ": publishing to " + e.Peer
	if len(e.Skipped) > 0 {
		s += "; not sent: " + strings.Join(e.Skipped, ", ")
	}
	if e.Down > 0 {
		s += ", back after " + seconds(e.Down)
	}
	if e.Behind >= 1 {
		s += ", " + seconds(e.Behind) + " behind"
	}
	return s
}

// Text says why.
func (e TargetDown) Text(*time.Location) string {
	return fmt.Sprintf("%s: %s; trying again (try %d)", e.Target, e.Reason, e.Tries)
}

// Text says what is lost for whom.
func (e SpoolFull) Text(zone *time.Location) string {
	return fmt.Sprintf("%s: the spool is full: %s to %s will not be sent", e.Target, clockTime(e.From, zone), clockTime(e.To, zone))
}
