package commands

import (
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"

	"rtsprec/engine"
)

// unseen marks what was looked for and did not come.
const unseen = "not seen"

// probeRow is one line of the comparison: what it is about, and a cell a camera.
type probeRow struct {
	label string
	cells []string
}

// probeText shows reports side by side, in columns that fit a width of so many cells
// where that is possible. A row that says nothing about any camera is left out.
func probeText(reports []*engine.ProbeReport, width int) string {
	var rows []probeRow
	add := func(label string, cell func(r *engine.ProbeReport) string) {
		row := probeRow{label: label}
		for _, r := range reports {
			row.cells = append(row.cells, cell(r))
		}
		if strings.Join(row.cells, "") != "" {
			rows = append(rows, row)
		}
	}
	if len(reports) > 1 || len(reports) == 1 && reports[0].Name != loneCamera {
		add("camera", func(r *engine.ProbeReport) string { return r.Name })
	}
	probeHead(add)
	probeTracks(reports, add)
	probeTail(add)
	return layout(rows, width)
}

// addRow adds a row from a function of each report.
type addRow func(label string, cell func(r *engine.ProbeReport) string)

func probeHead(add addRow) {
	add("url", func(r *engine.ProbeReport) string { return shortURL(r.URL) })
	add("error", func(r *engine.ProbeReport) string { return oneLine(r.Error) })
	add("server", func(r *engine.ProbeReport) string { return oneLine(r.Server) })
	add("login", func(r *engine.ProbeReport) string { return r.Auth })
	add("transport", func(r *engine.ProbeReport) string {
		var parts []string
		for _, t := range r.Transports {
			switch {
			case t.Works:
				parts = append(parts, t.Name)
			case t.Why != "":
				parts = append(parts, "not "+t.Name+" ("+oneLine(t.Why)+")")
			default:
				parts = append(parts, "not "+t.Name)
			}
		}
		return strings.Join(parts, ", ")
	})
	add("answer after", func(r *engine.ProbeReport) string { return milliseconds(r.Connect) })
	add("first packet", func(r *engine.ProbeReport) string { return milliseconds(r.FirstByte) })
	add("first key frame", func(r *engine.ProbeReport) string { return milliseconds(r.FirstKey) })
}

// probeTracks has a block for the first video track of all cameras, one for the second,
// and so on, then the same for sound.
func probeTracks(reports []*engine.ProbeReport, add addRow) {
	for _, video := range []bool{true, false} {
		most := 0
		for _, r := range reports {
			most = max(most, len(tracksOf(r, video)))
		}
		for i := range most {
			label := "sound"
			if video {
				label = "video"
			}
			if most > 1 {
				label = fmt.Sprintf("%s %d", label, i+1)
			}
			about := func(indented string, cell func(r *engine.ProbeReport, t engine.ProbeTrack) string) {
				add(indented, func(r *engine.ProbeReport) string {
					if tracks := tracksOf(r, video); i < len(tracks) {
						return cell(r, tracks[i])
					}
					return ""
				})
			}
			trackRows(label, about)
		}
	}
}

func tracksOf(r *engine.ProbeReport, video bool) []engine.ProbeTrack {
	var tracks []engine.ProbeTrack
	for _, t := range r.Tracks {
		if t.Codec.Video() == video {
			tracks = append(tracks, t)
		}
	}
	return tracks
}

func trackRows(label string, about func(string, func(*engine.ProbeReport, engine.ProbeTrack) string)) {
	about(label, func(_ *engine.ProbeReport, t engine.ProbeTrack) string { return trackTitle(t) })
	about("  verdict", func(_ *engine.ProbeReport, t engine.ProbeTrack) string {
		if t.Verdict.Why != "" {
			return t.Verdict.Action + ": " + t.Verdict.Why
		}
		return t.Verdict.Action
	})
	about("  frame rate", func(r *engine.ProbeReport, t engine.ProbeTrack) string {
		switch {
		case !t.Codec.Video():
			return ""
		case t.FPS == 0 && t.NominalFPS > 0:
			return fmt.Sprintf("%s (claims %.4g)", unseen, t.NominalFPS)
		case t.FPS == 0:
			return unseen
		case t.NominalFPS > 0 && math.Abs(t.FPS-t.NominalFPS) > 0.05*t.NominalFPS:
			return fmt.Sprintf("%.4g fps, and claims %.4g", t.FPS, t.NominalFPS)
		}
		return fmt.Sprintf("%.4g fps", t.FPS)
	})
	about("  key frame", func(_ *engine.ProbeReport, t engine.ProbeTrack) string {
		switch {
		case !t.Codec.Video():
			return ""
		case t.GOPFrames == 0:
			return unseen
		}
		text := fmt.Sprintf("every %.3g s (%s)", t.GOPSeconds, count(t.GOPFrames, "frame"))
		if t.BFrames {
			text += ", B-frames"
		}
		return text
	})
	about("  bitrate", func(_ *engine.ProbeReport, t engine.ProbeTrack) string {
		if t.Bitrate == 0 {
			return unseen
		}
		return rateText(t.Bitrate)
	})
	about("  packets", func(_ *engine.ProbeReport, t engine.ProbeTrack) string {
		if t.Packets == 0 {
			return unseen
		}
		text := fmt.Sprintf("%d, %d lost", t.Packets, t.Lost)
		if t.Jitter > 0 {
			text += fmt.Sprintf(", jitter %.1f ms", t.Jitter)
		}
		return text
	})
}

// trackTitle is the codec and what its configuration says.
func trackTitle(t engine.ProbeTrack) string {
	parts := []string{t.Codec.Title()}
	add := func(text string, known bool) {
		if known {
			parts = append(parts, text)
		}
	}
	if strings.HasPrefix(t.Profile, parts[0]) { // AAC-LC
		parts[0] = t.Profile
	} else {
		add(t.Profile, t.Profile != "")
	}
	add(t.Level, t.Level != "")
	add(fmt.Sprintf("%dx%d", t.Width, t.Height), t.Width > 0)
	add(fmt.Sprintf("%d Hz", t.SampleRate), t.SampleRate > 0)
	add(count(t.Channels, "channel"), t.Channels > 0)
	return strings.Join(parts, " ")
}

func probeTail(add addRow) {
	add("not recorded", func(r *engine.ProbeReport) string { return strings.Join(r.Skipped, "; ") })
	add("clock", func(r *engine.ProbeReport) string { return clockText(r) })
	add("picture", func(r *engine.ProbeReport) string {
		if s := r.Snapshot; s != nil {
			text := fmt.Sprintf("%s, %dx%d", s.File, s.Width, s.Height)
			if s.Delay != 0 {
				text += fmt.Sprintf("; a test picture, %.0f ms old when it came", s.Delay)
			}
			return text
		}
		return ""
	})
	add("watched for", func(r *engine.ProbeReport) string { return seconds(r.Seconds) })
	add(unseen, func(r *engine.ProbeReport) string { return strings.Join(r.Unseen, "; ") })
	add("note", func(r *engine.ProbeReport) string { return strings.Join(r.Notes, "; ") })
	soak := func(label string, cell func(s *engine.ProbeSoak) string) {
		add(label, func(r *engine.ProbeReport) string {
			if r.Soak == nil {
				return ""
			}
			return cell(r.Soak)
		})
	}
	soak("soak", func(s *engine.ProbeSoak) string { return s.Verdict + " over " + seconds(s.Seconds) })
	soak("  because", func(s *engine.ProbeSoak) string { return strings.Join(s.Why, "; ") })
	soak("  longest gap", func(s *engine.ProbeSoak) string { return milliseconds(s.LongestGap) })
	soak("  frame rate", func(s *engine.ProbeSoak) string { return rangeText(s.MinFPS, s.MaxFPS) + " fps" })
	soak("  key frame", func(s *engine.ProbeSoak) string {
		if s.GOPMax == 0 {
			return unseen
		}
		return "every " + rangeText(float64(s.GOPMin), float64(s.GOPMax)) + " frames"
	})
	soak("  bitrate", func(s *engine.ProbeSoak) string { return "at most " + rateText(s.MaxBitrate) })
	soak("  lost", func(s *engine.ProbeSoak) string { return count(s.Lost, "packet") })
	soak("  sessions", func(s *engine.ProbeSoak) string { return fmt.Sprint(s.Sessions) })
	soak("  clock drift", func(s *engine.ProbeSoak) string { return fmt.Sprintf("%+.1f ppm", s.DriftPPM) })
}

// clockText says how the camera's clock stands against ours.
func clockText(r *engine.ProbeReport) string {
	var text string
	switch c := r.Clock; {
	case r.Error != "":
	case !c.Sound && c.Note != "":
	case !c.Sound:
		text = "no usable sender report"
	case math.Abs(c.Offset) <= c.Within:
		text = fmt.Sprintf("as ours, within %s", milliseconds(c.Within))
	default:
		offset := spanText(time.Duration(math.Abs(c.Offset) * float64(time.Millisecond)))
		text = offset + map[bool]string{true: " ahead", false: " behind"}[c.Offset > 0]
		if c.Within > 0 {
			text += ", within " + milliseconds(c.Within)
		}
	}
	if r.Clock.Note != "" {
		text = strings.TrimPrefix(text+"; "+r.Clock.Note, "; ")
	}
	return text
}

// layout puts labels and cells in columns. Long cells go on in the next line.
func layout(rows []probeRow, width int) string {
	label, cameras := 0, 0
	for _, r := range rows {
		label, cameras = max(label, lipgloss.Width(r.label)), len(r.cells)
	}
	if cameras == 0 {
		return ""
	}
	column := max(20, (width-label)/cameras-2)
	var t table
	for _, r := range rows {
		parts, high := make([][]string, cameras), 1
		for i, cell := range r.cells {
			parts[i] = strings.Split(ansi.Wrap(cell, column, "/"), "\n")
			high = max(high, len(parts[i]))
		}
		for n := range high {
			line := []string{""}
			if n == 0 {
				line[0] = r.label
			}
			for _, part := range parts {
				cell := ""
				if n < len(part) {
					cell = strings.TrimLeft(part[n], " ")
				}
				line = append(line, cell)
			}
			t = append(t, line)
		}
	}
	return t.text(strings.Repeat("l", cameras+1))
}

// shortURL is a URL without user: who logs in is not what cameras are told apart by.
func shortURL(address string) string {
	if engine.IsTestSource(address) {
		return address // what stands before the @ is a size
	}
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	u.User = nil
	return u.String()
}

func rangeText(from, to float64) string {
	if from == to {
		return fmt.Sprintf("%.4g", to)
	}
	return fmt.Sprintf("%.4g to %.4g", from, to)
}

func milliseconds(ms float64) string {
	switch {
	case ms <= 0:
		return ""
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 10000:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return spanText(time.Duration(ms * float64(time.Millisecond)))
}

func seconds(s float64) string {
	if s <= 0 {
		return ""
	}
	return spanText(time.Duration(s * float64(time.Second)))
}
