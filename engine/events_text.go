package engine

import (
	"fmt"
	"strings"
	"time"
)

// Types, as they stand in JSON.
func (Started) Type() string       { return "started" }
func (CameraUp) Type() string      { return "camera_up" }
func (CameraDown) Type() string    { return "camera_down" }
func (Gap) Type() string           { return "gap" }
func (Damage) Type() string        { return "damage" }
func (SegmentSealed) Type() string { return "segment_sealed" }
func (Disk) Type() string          { return "disk" }
func (Notice) Type() string        { return "notice" }
func (Repaired) Type() string      { return "repaired" }
func (Progress) Type() string      { return "progress" }

// Serious: what a cron job's mail should hold.
func (Started) Serious() bool       { return false }
func (CameraUp) Serious() bool      { return false }
func (CameraDown) Serious() bool    { return true }
func (Gap) Serious() bool           { return false }
func (Damage) Serious() bool        { return false }
func (SegmentSealed) Serious() bool { return false }
func (Disk) Serious() bool          { return true }
func (Notice) Serious() bool        { return false }
func (Repaired) Serious() bool      { return false }
func (Progress) Serious() bool      { return false }

// Text names the directory, the cameras and the end.
func (e Started) Text(zone *time.Location) string {
	verb := "recording"
	if e.Resumed {
		verb = "going on with"
	}
	end := "until stopped"
	switch {
	case !e.Until.IsZero():
		end = "until " + clockTime(e.Until, zone)
	case e.Length > 0:
		end = "for " + seconds(e.Length)
	}
	if !e.At.IsZero() {
		end = "from " + clockTime(e.At, zone) + " " + end
	}
	return fmt.Sprintf("%s %s into %s, %s", verb, strings.Join(e.Cameras, ", "), e.Dir, end)
}

// Text names the transport and the tracks.
func (e CameraUp) Text(*time.Location) string {
	s := fmt.Sprintf("%s: connected over %s: %s", e.Camera, strings.ToUpper(e.Transport), strings.Join(e.Tracks, ", "))
	if e.SubStream {
		s += " (the sub-stream)"
	}
	if e.Why != "" {
		s += ": " + e.Why
	}
	if len(e.Skipped) > 0 {
		s += "; not recorded: " + strings.Join(e.Skipped, ", ")
	}
	if e.Down > 0 {
		s += "; was away for " + seconds(e.Down)
	}
	return s
}

// Text says why, and whether this is the first time.
func (e CameraDown) Text(*time.Location) string {
	if e.Tries > 1 {
		return fmt.Sprintf("%s: still away after %d tries: %s", e.Camera, e.Tries, e.Reason)
	}
	return fmt.Sprintf("%s: %s; trying again", e.Camera, e.Reason)
}

// Text gives the span in local time and the causes.
func (e Gap) Text(zone *time.Location) string {
	what := e.Causes.String()
	if e.Note != "" {
		what += " (" + e.Note + ")"
	}
	if e.To.IsZero() {
		return fmt.Sprintf("%s: nothing since %s: %s", e.Camera, clockTime(e.From, zone), what)
	}
	return fmt.Sprintf("%s: gap of %s, %s to %s: %s", e.Camera, seconds(e.To.Sub(e.From).Seconds()), clockTime(e.From, zone), clockTime(e.To, zone), what)
}

// Text counts packets and units.
func (e Damage) Text(zone *time.Location) string {
	span := "at " + clockTime(e.From, zone)
	if e.To.Sub(e.From) > time.Second {
		span = fmt.Sprintf("from %s to %s", clockTime(e.From, zone), clockTime(e.To, zone))
	}
	text := fmt.Sprintf("%s: %s of track %d lost %s", e.Camera, plural(int(e.Lost), "packet"), e.Track, span)
	if e.Units > 0 {
		text += fmt.Sprintf(", %s damaged", plural(int(e.Units), "unit"))
	}
	return text
}

// Text names the file.
func (e SegmentSealed) Text(*time.Location) string {
	return fmt.Sprintf("%s: sealed %s, %s", e.Camera, e.File, seconds(e.End.Sub(e.Start).Seconds()))
}

// Text says what the disk does.
func (e Disk) Text(*time.Location) string {
	who := "disk"
	if e.Camera != "" {
		who = e.Camera + ": disk"
	}
	if e.Err == "" {
		return who + " takes data again"
	}
	return who + ": " + e.Err
}

// Text is the message, with the number of times it stands for.
func (e Notice) Text(*time.Location) string {
	s := e.Message
	if e.Camera != "" {
		s = e.Camera + ": " + s
	}
	if e.Count > 1 {
		s += fmt.Sprintf(" (%d times in a second)", e.Count)
	}
	if e.Hint != "" {
		s += "; hint: " + e.Hint
	}
	return s
}

// Text is what was repaired.
func (e Repaired) Text(*time.Location) string { return e.Dir + ": " + e.What }

// Text is one line for all cameras.
func (e Progress) Text(zone *time.Location) string {
	var parts []string
	for _, c := range e.Cameras {
		s := fmt.Sprintf("%s %s %.1f fps %.1f Mbit/s", c.Name, c.State, c.FPS, c.Bitrate/1e6)
		if c.Stream != "" {
			s += " (the sub-stream)"
		} else if c.Limit > 0 {
			s += fmt.Sprintf(" (its encoder at %d kbit/s)", c.Limit/1000)
		}
		if c.Gaps > 0 {
			s += fmt.Sprintf(" %d gaps %s", c.Gaps, seconds(c.GapTime))
		}
		if delays := c.DelayText(); delays != "" {
			s += " " + delays
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " | ")
}

// clockTime is a time of day with tenths.
func clockTime(t time.Time, zone *time.Location) string { return t.In(zone).Format("15:04:05.0") }

func seconds(s float64) string {
	if s < 60 {
		return fmt.Sprintf("%.1f s", s)
	}
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}
