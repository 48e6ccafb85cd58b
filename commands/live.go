package commands

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"
	"github.com/schollz/progressbar/v3"

	"rtsprec/engine"
)

// liveView is for a terminal: a table of cameras that is drawn anew about once a second
// below the lines that tell what happened, and a progress bar when the end is known.
type liveView struct {
	p       *process
	style   palette
	started engine.Started
	latest  engine.Progress
	serving bool // a server, which has no end
	stop    bool
	relays  bool              // what is shown is a relay: its input, and then its targets
	wall    *engine.Composing // what is shown is a composition: its inputs, and then its targets
	drawn   int               // lines of the frame on the screen
}

// palette is the few colours that are used, of the terminal's own sixteen.
type palette struct{ plain, good, bad, warn, faint, bold lipgloss.Style }

func newLiveView(p *process) *liveView {
	r := lipgloss.NewRenderer(p.Err)
	r.SetColorProfile(termenv.ANSI)
	if no, _ := p.Env("NO_COLOR"); no != "" {
		r.SetColorProfile(termenv.Ascii)
	}
	colour := func(n string) lipgloss.Style { return r.NewStyle().Foreground(lipgloss.Color(n)) }
	return &liveView{p: p, style: palette{
		plain: r.NewStyle(), good: colour("2"), bad: colour("1"), warn: colour("3"), faint: r.NewStyle().Faint(true), bold: r.NewStyle().Bold(true),
	}}
}

func (v *liveView) event(now time.Time, e engine.Event) {
	switch e := e.(type) {
	case engine.Started:
		v.started = e
		return // the frame says it all the time
	case engine.Relaying:
		v.started = engine.Started{Dir: "relay of " + e.Input}
		v.relays = true
		return
	case engine.Composing:
		v.started = engine.Started{At: e.At, Until: e.Until, Length: e.Length, Cameras: e.Inputs}
		v.wall = &e
		v.draw(v.watched(e)...)
		return
	case engine.SegmentSealed:
		return // as does the table
	case engine.Serving:
		v.serving = true
		v.draw(v.addresses(e)...)
		return
	default:
		style := v.style.plain
		if e.Serious() {
			style = v.style.warn
		}
		var lines []string
		for _, line := range v.wrapped(v.p.clock(now) + " " + oneLine(e.Text(v.p.Zone))) {
			lines = append(lines, style.Render(line))
		}
		v.draw(lines...)
	}
}

// wrapped breaks a line between words where the screen ends, the rest indented.
func (v *liveView) wrapped(text string) []string {
	const indent = "         "
	width, _, _ := v.p.Screen()
	lines := strings.Split(ansi.Wrap(text, max(width-1-len(indent), 20), ""), "\n")
	for i := range lines[1:] {
		lines[i+1] = indent + strings.TrimLeft(lines[i+1], " ")
	}
	return lines
}

func (v *liveView) progress(e engine.Progress) {
	v.latest = e
	v.draw()
}

func (v *liveView) stopping(time.Time) {
	v.stop = true
	v.draw()
}

func (v *liveView) close() { fmt.Fprint(v.p.Err, v.erase()) }

// draw puts lines above the frame, for good, and draws the frame again.
func (v *liveView) draw(above ...string) {
	width, height, ok := v.p.Screen()
	if !ok {
		width, height = 80, 24
	}
	out := v.erase()
	for _, line := range above {
		out += line + "\n"
	}
	frame := v.frame(height)
	for _, line := range frame {
		// A line that wraps would make the frame higher than it is.
		out += ansi.Truncate(line, width-1, "…") + "\n"
	}
	v.drawn = len(frame)
	fmt.Fprint(v.p.Err, out)
}

// erase is what takes the frame off the screen.
func (v *liveView) erase() string {
	if v.drawn == 0 {
		return ""
	}
	up := ansi.CursorUp(v.drawn)
	v.drawn = 0
	return "\r" + up + ansi.EraseScreenBelow
}

// frame is the part that changes in place, at most height-1 lines.
func (v *liveView) frame(height int) []string {
	head, blocks := v.table()
	lines := []string{v.title(), head}
	foot := strings.Split(strings.TrimRight(v.foot(), "\n "), "\n")
	room := max(height-3-len(foot), 1) // the title, the head, the foot and the line below
	total := 0
	for _, b := range blocks {
		total += len(b)
	}
	if total > room {
		room-- // for the line that says what is left out
	}
	shown := 0
	for _, b := range blocks {
		if room -= len(b); room < 0 {
			break
		}
		lines = append(lines, b...)
		shown++
	}
	if hidden := len(blocks) - shown; hidden > 0 {
		lines = append(lines, v.style.faint.Render(fmt.Sprintf("  and %s that do not fit the screen", count(hidden, "camera"))))
	}
	return append(lines, foot...)
}

// addresses are the lines that say where a server can be reached.
func (v *liveView) addresses(e engine.Serving) []string {
	var lines []string
	for _, url := range e.URLs {
		lines = append(lines, "serving "+url)
	}
	if e.Dir != "" {
		lines = append(lines, "recording into "+e.Dir)
	}
	if e.Open {
		lines = append(lines, v.style.warn.Render("nobody needs a password, because there are no users"))
	}
	return lines
}

// title says where to and until when.
func (v *liveView) title() string {
	end := ", until Ctrl-C"
	switch until := v.until(); {
	case !until.IsZero():
		end = " until " + v.p.clock(until) + " local time"
	case v.started.Length > 0:
		end = " for " + clockSpan(time.Duration(v.started.Length*float64(time.Second)))
	}
	if v.serving {
		return v.style.bold.Render("serving " + count(len(v.latest.Cameras), "path") + end)
	}
	if v.wall != nil {
		return v.style.bold.Render(v.scene() + end)
	}
	what := count(max(len(v.latest.Cameras), len(v.started.Cameras)), "camera")
	if v.relays {
		what = count(max(len(v.latest.Cameras)-1, 0), "target")
	}
	return v.style.bold.Render(fmt.Sprintf("%s: %s%s", v.started.Dir, what, end))
}

// scene is what a composition shows.
func (v *liveView) scene() string {
	layout := v.wall.Layout
	if v.latest.Layout != "" {
		layout = v.latest.Layout
	}
	text := fmt.Sprintf("composing %s as %s, %dx%d", count(len(v.wall.Inputs), "input"), layout, v.wall.Width, v.wall.Height)
	if v.latest.Speaker != "" {
		text += ", speaker " + v.latest.Speaker
	}
	return text
}

// watched are the lines that say where a composition goes.
func (v *liveView) watched(e engine.Composing) []string {
	var lines []string
	for _, url := range e.URLs {
		lines = append(lines, "serving "+url)
	}
	for _, where := range []string{e.Dir, e.File} {
		if where != "" {
			lines = append(lines, "recording into "+where)
		}
	}
	return lines
}

func (v *liveView) until() time.Time {
	if !v.latest.Until.IsZero() {
		return v.latest.Until
	}
	return v.started.Until
}

// table is the headings and the lines of each camera: one, and one more that says why
// it does not record.
func (v *liveView) table() (head string, cameras [][]string) {
	t := table{{"  camera", "state", "fps", "bitrate", "loss", "gaps", "on disk"}}
	for _, c := range v.latest.Cameras {
		fps, gaps := "-", "-"
		if c.FPS > 0 {
			fps = fmt.Sprintf("%.1f", c.FPS)
		}
		if c.Gaps > 0 {
			gaps = fmt.Sprintf("%d, %s", c.Gaps, spanText(time.Duration(c.GapTime*float64(time.Second))))
		}
		t = append(t, []string{"  " + c.Name, c.State, fps, rateText(c.Bitrate), percentText(c.Loss), gaps, bytesText(c.Bytes)})
	}
	lines := t.lines("llrrrrr", 0, 10, 5, 11, 7, 9, 7)
	for i, c := range v.latest.Cameras {
		// The name comes first and may hold any word.
		name, rest := lines[i+1][:len(c.Name)+2], lines[i+1][len(c.Name)+2:]
		block := []string{name + strings.Replace(rest, c.State, v.stateStyle(c.State).Render(c.State), 1)}
		if c.Quality != "" {
			block = append(block, v.style.faint.Render("    sends "+c.Quality))
		}
		_, here := c.Delays["received"]
		if delays := c.DelayText(); delays != "" && (v.relays || !here || len(c.Delays) > 1) { // somebody waits for it
			block = append(block, v.style.faint.Render("    behind the capture (p50/p95/max): "+delays))
		}
		if c.Stream != "" {
			block = append(block, v.style.faint.Render("    the sub-stream: "+oneLine(c.Why)))
		} else if c.Limit > 0 {
			block = append(block, v.style.faint.Render(fmt.Sprintf("    its encoder at %d kbit/s: %s", c.Limit/1000, oneLine(c.Why))))
		}
		if c.Reason != "" {
			block = append(block, v.style.faint.Render("    "+oneLine(c.Reason)))
		}
		cameras = append(cameras, block)
	}
	return v.style.faint.Render(lines[0]), cameras
}

func (v *liveView) stateStyle(state string) lipgloss.Style {
	switch state {
	case "recording", "live", "done":
		return v.style.good
	case "retrying", "disk":
		return v.style.bad
	}
	return v.style.warn
}

// foot is the bar, or the time that has passed when nobody knows the end.
func (v *liveView) foot() string {
	e := v.latest
	begin := e.From
	if begin.IsZero() {
		begin = v.started.At
	}
	switch {
	case v.stop:
		return v.style.warn.Render("  " + stopText)
	case begin.After(e.At):
		return "  begins at " + v.p.clock(begin) + " local time, in " + clockSpan(begin.Sub(e.At)+time.Second-1)
	case e.From.IsZero() && v.serving:
		return "  Ctrl-C ends it"
	case e.From.IsZero():
		return "  nothing " + v.verb() + " yet"
	}
	passed := max(e.At.Sub(e.From), 0)
	until := v.until()
	if until.IsZero() {
		return "  " + clockSpan(passed) + " " + v.verb() + "; " + v.keys("Ctrl-C finishes")
	}
	whole := until.Sub(e.From)
	line := fmt.Sprintf("  %s %s %s", clockSpan(passed), bar(passed, whole, 40), clockSpan(whole))
	if v.wall != nil {
		line += "\n  " + v.keys("")
	}
	return line
}

// keys says what may be typed.
func (v *liveView) keys(text string) string {
	if v.wall == nil || v.p.Keys == nil {
		return text
	}
	return keysText
}

func (v *liveView) verb() string {
	if v.relays {
		return "received"
	}
	if v.wall != nil {
		return "composed"
	}
	return "recorded"
}

// bar is a picture of how much of the whole has passed.
func bar(passed, whole time.Duration, width int) string {
	b := progressbar.NewOptions64(max(int64(whole/time.Millisecond), 1),
		progressbar.OptionSetWriter(io.Discard), progressbar.OptionSetWidth(width),
		progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetTheme(barTheme()))
	b.RenderBlank() // zero is a number too
	b.Set64(int64(min(passed, whole) / time.Millisecond))
	return strings.TrimSpace(b.String())
}

func barTheme() progressbar.Theme {
	return progressbar.Theme{Saucer: "━", SaucerHead: "━", SaucerPadding: "─", BarStart: "", BarEnd: ""}
}
