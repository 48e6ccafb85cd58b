package engine

import (
	"fmt"
	"image/color"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rtsprec/engine/fault"
)

// WriteAdaptReport draws how the ways to targets were and what was decided, as an HTML page
// or a PNG picture by the ending of its name. A file of that name is replaced. The title is
// what they were sent: "relay of yard".
func WriteAdaptReport(d Deps, name, title string, targets []RelayTargetSummary) error {
	kind, err := reportKind(name)
	if err != nil {
		return err
	}
	draw := adaptSheet(title, targets)
	write := draw.png
	if kind == ".html" {
		write = func(w io.Writer) error { return draw.html(w, "rtsprec: "+title) }
	}
	return d.aside(name, true, write)
}

// CheckAdaptReport fails where [WriteAdaptReport] could not write a report of that name
// now: another ending (fault.Usage), no such folder (fault.NotFound), no right to
// (fault.Denied), or what else the disk reports. It leaves nothing behind.
func CheckAdaptReport(d Deps, name string) error {
	if _, err := reportKind(name); err != nil {
		return err
	}
	return d.writable(name)
}

func reportKind(name string) (string, error) {
	kind := strings.ToLower(filepath.Ext(name))
	if kind != ".html" && kind != ".png" {
		return "", fault.New(fault.Usage, "a report is .html or .png, not %s", filepath.Base(name))
	}
	return kind, nil
}

// Colours of the report, readable on white and apart for most eyes.
var (
	inkText    = color.NRGBA{0x33, 0x38, 0x40, 0xff}
	inkFaint   = color.NRGBA{0xd8, 0xdc, 0xe2, 0xff}
	inkMark    = color.NRGBA{0x8a, 0x93, 0xa0, 0xff}
	inkSource  = color.NRGBA{0x80, 0x88, 0x94, 0xff}
	inkAllowed = color.NRGBA{0x2b, 0x6c, 0xb0, 0xff}
	inkSent    = color.NRGBA{0x2f, 0x85, 0x5a, 0xff}
	inkSentLow = color.NRGBA{0xdd, 0xef, 0xe4, 0xff} // what is below the curve
	inkFull    = color.NRGBA{0xdd, 0x8b, 0x1f, 0xff}
	inkDelay   = color.NRGBA{0xb8, 0x32, 0x80, 0xff}
	inkLoss    = color.NRGBA{0xc5, 0x30, 0x30, 0xff}
	inkStep    = color.NRGBA{0xe3, 0xec, 0xf7, 0xff}
)

const (
	sheetWidth = 1120
	plotLeft   = 110
	plotRight  = 20
	plotHigh   = 170
	plotLow    = 70
	plotGap    = 44
	stepHigh   = 20 // of each step
	headHigh   = 58
)

// adaptSheet lays the report out: for each target the bit rates, the steps, the delay and
// the loss above one axis of time, decisions as numbered lines through all of them.
func adaptSheet(title string, targets []RelayTargetSummary) *sheet {
	d := &sheet{width: sheetWidth, height: headHigh}
	d.text(16, 30, 18, inkText, title)
	y := float64(headHigh)
	for _, t := range targets {
		r := targetReport{sheet: d, target: t, points: t.Points}
		y = r.lay(y) + 20
	}
	d.height = int(y)
	return d
}

// targetReport is one target's part.
type targetReport struct {
	*sheet
	target   RelayTargetSummary
	points   []AdaptPoint
	from, to time.Time
}

// x is where an instant is.
func (r *targetReport) x(at time.Time) float64 {
	return plotLeft + (sheetWidth-plotLeft-plotRight)*float64(at.Sub(r.from))/float64(r.to.Sub(r.from))
}

// panel is a plot: what it shows, and up to where.
type panel struct {
	title  string
	unit   string
	most   float64 // at least
	high   float64
	curves []curve
}

type curve struct {
	ink   color.NRGBA
	name  string
	value func(i int) (v float64, ok bool) // at point i
	steps bool
	below *color.NRGBA // fills what is below; nil: nothing
	free  bool         // the panel is not made higher for it
}

// lay draws from y on and returns where it ends.
func (r *targetReport) lay(y float64) float64 {
	r.text(16, y, 15, inkText, r.headline())
	if len(r.points) < 2 {
		r.text(plotLeft, y+24, 13, inkSource, "there was no session to tell of")
		return y + 50
	}
	r.from, r.to = r.points[0].At, r.points[len(r.points)-1].At
	top := y + 16
	y = r.plot(top+plotGap, r.rates())
	y = r.steps(y + plotGap)
	y = r.plot(y+plotGap, panel{title: "delay", unit: "ms", most: 100, high: plotLow, curves: []curve{
		{ink: inkDelay, name: "waits on the way", value: func(i int) (float64, bool) { return float64(r.points[i].Queueing.Milliseconds()), true }},
	}})
	y = r.plot(y+plotGap, panel{title: "loss", unit: "%", most: 5, high: plotLow, curves: []curve{
		{ink: inkLoss, name: "of the packets, as the target reports", value: func(i int) (float64, bool) { return 100 * r.points[i].Loss, true }},
	}})
	for n, c := range r.target.Changes {
		x := r.x(c.At)
		r.line(inkMark, 1, true, x, top+14, x, y)
		if n == 0 || x-r.x(r.target.Changes[n-1].At) > 14 {
			r.text(x-3, top+9, 11, inkText, fmt.Sprint(n+1))
		}
	}
	r.axis(y)
	return r.told(y + 40)
}

// rates is the panel of the bit rates. What is sent is smoothed over a second: a key frame
// is no more than its share of one.
func (r *targetReport) rates() panel {
	mega := func(get func(AdaptPoint) int) func(int) (float64, bool) {
		return func(i int) (float64, bool) { v := get(r.points[i]); return float64(v) / 1e6, v > 0 }
	}
	second := int(time.Second / adaptEvery)
	sent := func(i int) (float64, bool) {
		sum, n := 0, 0
		for j := max(0, i-second+1); j <= i; j++ {
			sum, n = sum+r.points[j].Sent, n+1
		}
		return float64(sum) / float64(n) / 1e6, true
	}
	return panel{title: "bit rate", unit: "Mbit/s", high: plotHigh, curves: []curve{
		{ink: inkSent, name: "sent", value: sent, below: &inkSentLow},
		{ink: inkSource, name: "source", value: mega(func(p AdaptPoint) int { return p.Source })},
		{ink: inkFull, name: "link seen full at", value: mega(func(p AdaptPoint) int { return p.Capacity }), steps: true},
		{ink: inkAllowed, name: "allowed", value: mega(func(p AdaptPoint) int { return p.Target }), free: true},
	}}
}

// plot draws a panel from y on and returns where it ends.
func (r *targetReport) plot(y float64, p panel) float64 {
	for _, c := range p.curves {
		for i := range r.points {
			if v, ok := c.value(i); ok && !c.free && !math.IsInf(v, 0) {
				p.most = max(p.most, v*1.05)
			}
		}
	}
	p.most = roundUp(p.most)
	at := func(v float64) float64 { return y + p.high*(1-min(max(v, 0), p.most)/p.most) }
	r.text(16, y-14, 12, inkText, p.title)
	right := float64(plotLeft)
	for _, c := range p.curves {
		r.text(right, y-14, 12, c.ink, c.name)
		right += float64(len(c.name))*7 + 28
	}
	for _, part := range []float64{0, 0.5, 1} {
		r.line(inkFaint, 1, false, plotLeft, at(part*p.most), sheetWidth-plotRight, at(part*p.most))
		r.text(16, at(part*p.most)+4, 11, inkSource, fmt.Sprintf("%g %s", part*p.most, p.unit))
	}
	for _, c := range p.curves {
		r.curve(c, at)
	}
	return y + p.high
}

// roundUp is the next number that reads well: 1, 2, 4, 6 or 8 with zeros behind or before it.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	ten := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 4, 6, 8} {
		if v <= n*ten {
			return n * ten
		}
	}
	return 10 * ten
}

func (r *targetReport) curve(c curve, at func(float64) float64) {
	var way []float64
	last := 0.0
	for i := range r.points {
		v, ok := c.value(i)
		if !ok {
			continue
		}
		x := r.x(r.points[i].At)
		if c.steps && len(way) > 0 {
			way = append(way, x, at(last))
		}
		way, last = append(way, x, at(v)), v
	}
	if c.below != nil && len(way) >= 4 {
		r.area(*c.below, append(slices.Clone(way), way[len(way)-2], at(0), way[0], at(0))...)
	}
	r.line(c.ink, 1.6, false, way...)
}

// steps draws which picture was sent when, a row for each that was.
func (r *targetReport) steps(y float64) float64 {
	names := map[int]string{0: "source"}
	for _, c := range r.target.Changes {
		names[c.Step] = c.Name
	}
	rows := map[int]float64{}
	r.text(16, y-6, 12, inkText, "picture")
	for i, step := range slices.Sorted(maps.Keys(names)) {
		rows[step] = y + float64(i*stepHigh)
		r.text(16, rows[step]+14, 11, inkSource, names[step])
		r.line(inkFaint, 1, false, plotLeft, rows[step], sheetWidth-plotRight, rows[step])
	}
	end := y + float64(len(rows)*stepHigh)
	r.line(inkFaint, 1, false, plotLeft, end, sheetWidth-plotRight, end)
	for _, s := range r.spans() {
		from, to, top := r.x(s.from), r.x(s.to), rows[s.step]
		r.area(inkStep, from, top+1, to, top+1, to, top+stepHigh-1, from, top+stepHigh-1)
		if to-from > 70 {
			r.text(from+6, top+14, 11, inkAllowed, names[s.step])
		}
	}
	return end
}

// stepSpan is a stretch of one step.
type stepSpan struct {
	step     int
	from, to time.Time
}

func (r *targetReport) spans() []stepSpan {
	list := []stepSpan{{0, r.from, r.to}}
	for _, c := range r.target.Changes {
		list[len(list)-1].to = c.At
		list = append(list, stepSpan{c.Step, c.At, r.to})
	}
	return list
}

// headline says it in a line: how long what was sent.
func (r *targetReport) headline() string {
	text := fmt.Sprintf("%s: %s of the picture", r.target.Name, plural(len(r.target.Changes), "change"))
	if len(r.points) < 2 {
		return text
	}
	r.from, r.to = r.points[0].At, r.points[len(r.points)-1].At
	names, long := map[int]string{0: "source"}, map[int]time.Duration{}
	for _, c := range r.target.Changes {
		names[c.Step] = c.Name
	}
	for _, s := range r.spans() {
		long[s.step] += s.to.Sub(s.from)
	}
	for _, step := range slices.Sorted(maps.Keys(long)) {
		text += fmt.Sprintf(", %s of %s", long[step].Round(time.Second), names[step])
	}
	return text
}

// axis writes the time under the plots: from the first point on.
func (r *targetReport) axis(y float64) {
	long := r.to.Sub(r.from)
	step := time.Second
	for _, s := range []time.Duration{5, 10, 30, 60, 300, 600, 1800, 3600, 3 * 3600} {
		if long/step > 12 {
			step = s * time.Second
		}
	}
	for at := time.Duration(0); at <= long; at += step {
		x := r.x(r.from.Add(at))
		r.line(inkFaint, 1, false, x, y, x, y+4)
		r.text(x-8, y+16, 11, inkSource, fmt.Sprintf("%d:%02d", int(at.Minutes()), int(at.Seconds())%60))
	}
}

// mostTold bounds the list of decisions.
const mostTold = 40

// told lists the decisions.
func (r *targetReport) told(y float64) float64 {
	for i, c := range r.target.Changes {
		if i == mostTold {
			r.text(plotLeft, y, 12, inkText, fmt.Sprintf("and %d more", len(r.target.Changes)-i))
			return y + 18
		}
		at := c.At.Sub(r.from).Seconds()
		r.text(16, y, 12, inkMark, fmt.Sprint(i+1))
		r.text(40, y, 12, inkText, fmt.Sprintf("%.1f s", at))
		var why []string
		for _, reason := range c.Reasons {
			_, text, _ := strings.Cut(reason, ": ")
			why = append(why, text)
		}
		r.text(plotLeft, y, 12, inkText, fmt.Sprintf("%s, %.1f Mbit/s allowed: %s", c.Name, float64(c.Bitrate)/1e6, strings.Join(why, "; ")))
		y += 18
	}
	return y
}
