package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
)

// summaries prints what recordings hold, on standard output.
func (p *process) summaries(kind string, list ...*engine.Summary) {
	for i, s := range list {
		switch {
		case s == nil:
		case p.json:
			p.line(kind, s)
		default:
			if i > 0 {
				fmt.Fprintln(p.Out)
			}
			fmt.Fprint(p.Out, p.summaryText(s))
		}
	}
}

func (p *process) summaryText(s *engine.Summary) string {
	var b strings.Builder
	if s.From.IsZero() {
		fmt.Fprintf(&b, "%s: nothing recorded\n", s.Dir)
	} else {
		fmt.Fprintf(&b, "%s: %s (%s)\n", s.Dir, p.fromTo(s.From, s.To), spanText(s.To.Sub(s.From)))
	}
	for _, what := range s.Repairs {
		fmt.Fprintf(&b, "  repaired: %s\n", what)
	}
	t := table{{"  camera", "coverage", "files", "size", "missing", "damaged"}}
	var details []string
	for _, c := range s.Cameras {
		t = append(t, []string{
			"  " + c.Name, percentText(c.Coverage), fmt.Sprint(len(c.Files)), bytesText(c.Bytes), gapsText(c.Gaps), damageText(c.Damage),
		})
		details = append(details, leadText(c.Name, time.Duration(c.Lead*float64(time.Second)), c.Coverage, s.To.Sub(s.From))...)
		details = append(details, p.details(c.Name, c.Gaps, c.Damage)...)
		details = append(details, p.lesser(c.Name, c.Quality)...)
		if !c.Answered && c.Trouble != "" {
			details = append(details, fmt.Sprintf("  %s never answered: %s", c.Name, oneLine(c.Trouble)))
		}
	}
	b.WriteString(t.text("lrrrll"))
	for _, line := range details {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// leadText tells of a wait for the first key frame that is long enough to be seen in what
// is recorded: the pictures are shorter than the window and nothing is missing.
func leadText(camera string, waited time.Duration, coverage float64, window time.Duration) []string {
	if waited < 50*time.Millisecond || window <= 0 {
		return nil
	}
	pictures := time.Duration(coverage * float64(window-waited))
	return []string{fmt.Sprintf("  %s  began    %s of pictures of %s: waited %s for the first key frame", camera, spanText(pictures), spanText(window), spanText(waited))}
}

// gapsText counts gaps and adds them up.
func gapsText(gaps []archive.Gap) string {
	if len(gaps) == 0 {
		return "-"
	}
	var sum time.Duration
	for _, g := range gaps {
		sum += g.To.Sub(g.From)
	}
	return count(len(gaps), "gap") + ", " + spanText(sum)
}

func damageText(damage []archive.Damage) string {
	if len(damage) == 0 {
		return "-"
	}
	var units, lost int64
	for _, d := range damage {
		units += d.Units
		lost += d.Lost
	}
	return count(units, "unit") + ", " + count(lost, "packet") + " lost"
}

// together is how far apart damage is told in one line: a bad line does some every
// second.
const together = time.Minute

// merged joins damage of a track that is less than together apart.
func merged(damage []archive.Damage) []archive.Damage {
	var list []archive.Damage
	last := map[int]int{} // by track: index in list
	for _, d := range damage {
		if i, ok := last[d.Track]; ok && d.From.Sub(list[i].To) < together {
			l := &list[i]
			l.Units += d.Units
			l.Lost += d.Lost
			if d.To.After(l.To) {
				l.To = d.To
			}
			continue
		}
		last[d.Track] = len(list)
		list = append(list, d)
	}
	return list
}

// detailLimit bounds the lines about one camera; verify --json has them all.
const detailLimit = 20

// details lists what is missing and what is damaged, to the second, in order of time.
func (p *process) details(camera string, gaps []archive.Gap, damage []archive.Damage) []string {
	var lines []string
	for _, g := range gaps {
		what := strings.ReplaceAll(g.Causes.String(), ",", ", ")
		if g.Unexplained {
			what = "unexplained"
		}
		if g.Track != nil {
			what += fmt.Sprintf(", track %d only", *g.Track)
		}
		if g.Note != "" {
			what += " (" + oneLine(g.Note) + ")"
		}
		lines = append(lines, fmt.Sprintf("  %s  missing  %s, %s: %s", camera, p.fromTo(g.From, g.To), spanText(g.To.Sub(g.From)), what))
	}
	for _, d := range merged(damage) {
		what := count(d.Lost, "packet") + " lost"
		if d.Units > 0 {
			what = count(d.Units, "unit") + ", " + what
		}
		lines = append(lines, fmt.Sprintf("  %s  damaged  %s, track %d: %s", camera, p.fromTo(d.From, d.To), d.Track, what))
	}
	return bounded(camera, lines)
}

// lesser lists what was recorded from the sub-stream, or while the encoder was held at a low
// bit rate, which is no gap.
func (p *process) lesser(camera string, list []archive.Quality) []string {
	var lines []string
	for _, q := range list {
		what := "the sub-stream"
		if q.Limit > 0 {
			what = fmt.Sprintf("its encoder at %d kbit/s", q.Limit/1000)
		}
		line := fmt.Sprintf("  %s  smaller  %s, %s: %s", camera, p.fromTo(q.From, q.To), spanText(q.To.Sub(q.From)), what)
		if q.Width > 0 {
			line += fmt.Sprintf(" (%dx%d)", q.Width, q.Height)
		}
		if q.Why != "" {
			line += "; " + oneLine(q.Why)
		}
		lines = append(lines, line)
	}
	return bounded(camera, lines)
}

// bounded leaves the last of too many lines about a camera out, and says so.
func bounded(camera string, lines []string) []string {
	if more := len(lines) - detailLimit; more > 1 {
		lines = append(lines[:detailLimit], fmt.Sprintf("  %s  and %d more: --json lists all", camera, more))
	}
	return lines
}

// aboutDir adds a hint that names the recording.
func aboutDir(err error, dir string) error {
	if _, known := errors.AsType[hinted](err); err == nil || known {
		return err
	}
	hint := strings.ReplaceAll(outcomes()[fault.KindOf(err)].hint, "DIR", quoted(dir))
	switch {
	case errors.Is(err, fs.ErrPermission):
		hint = "whose is it? ls -ld " + quoted(dir)
	case fault.Is(err, fault.Incomplete):
		hint = "rtsprec verify " + quoted(dir) + " lists what is missing"
	case fault.Is(err, fault.Usage):
		return err
	}
	return hinted{err, hint}
}

// quoted is a name as a shell takes it.
func quoted(name string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:+,@%", r) || r > 0x7f
	}
	if name != "" && strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
