package engine

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"path/filepath"
	"strings"
	"time"

	"rtsprec/engine/fault"
)

// WriteAdaptReport draws how the ways to targets were and what was decided, as an HTML page
// or a PNG picture by the ending of its name. A file of that name is replaced. The title is
// what they were sent: "relay of yard".
func WriteAdaptReport(d Deps, name, title string, targets []RelayTargetSummary) error {
	draw := adaptSheet(title, targets)
	var write func(io.Writer) error
	switch strings.ToLower(filepath.Ext(name)) {
	case ".html":
		write = func(w io.Writer) error { return draw.html(w, "rtsprec: "+title) }
	case ".png":
		write = draw.png
	default:
		return fault.New(fault.Usage, "a report is .html or .png, not %s", filepath.Base(name))
	}
	return d.aside(name, true, write)
}

// Colours of the report, readable on white and apart for most eyes.
var (
	inkText    = color.NRGBA{0x33, 0x38, 0x40, 0xff}
	inkFaint   = color.NRGBA{0xd8, 0xdc, 0xe2, 0xff}
	inkSource  = color.NRGBA{0x9a, 0xa2, 0xad, 0xff}
	inkAllowed = color.NRGBA{0x2b, 0x6c, 0xb0, 0xff}
	inkSent    = color.NRGBA{0x2f, 0x85, 0x5a, 0xff}
	inkFull    = color.NRGBA{0xdd, 0x8b, 0x1f, 0xff}
	inkDelay   = color.NRGBA{0xb8, 0x32, 0x80, 0xff}
	inkLoss    = color.NRGBA{0xc5, 0x30, 0x30, 0xff}
)

const (
	sheetWidth = 1120
	plotLeft   = 90
	plotRight  = 20
	plotHigh   = 150
	plotLow    = 70
	plotGap    = 34
	headHigh   = 64
)

// adaptSheet lays the report out: for each target the bit rates, the steps, the delay and
// the loss above one axis of time, decisions as lines through all of them.
func adaptSheet(title string, targets []RelayTargetSummary) *sheet {
	d := &sheet{width: sheetWidth, height: headHigh}
	d.text(16, 30, 18, inkText, title)
	y := float64(headHigh)
	for _, t := range targets {
		y = t.sheet(d, y)
	}
	d.height = int(y) + 10
	return d
}

// panel is a plot: what it shows, and up to where.
type panel struct {
	title  string
	top    float64
	high   float64
	most   float64
	unit   string
	curves []curve
}

type curve struct {
	ink   color.NRGBA
	name  string
	value func(AdaptPoint) (v float64, ok bool)
	steps bool
}

func (t *RelayTargetSummary) sheet(d *sheet, y float64) float64 {
	d.text(16, y, 15, inkText, fmt.Sprintf("%s: %d changes of the picture", t.Name, len(t.Changes)))
	if len(t.Points) < 2 {
		d.text(plotLeft, y+24, 13, inkSource, "there was no session to tell of")
		return y + 50
	}
	from, to := t.Points[0].At, t.Points[len(t.Points)-1].At
	mega := func(get func(AdaptPoint) int) func(AdaptPoint) (float64, bool) {
		return func(p AdaptPoint) (float64, bool) { v := get(p); return float64(v) / 1e6, v > 0 }
	}
	source := mega(func(p AdaptPoint) int { return p.Source })
	panels := []panel{
		{title: "bit rate", high: plotHigh, unit: "Mbit/s", curves: []curve{
			{inkSource, "source", source, false},
			{inkFull, "seen full at", mega(func(p AdaptPoint) int { return p.Capacity }), true},
			{inkAllowed, "allowed", mega(func(p AdaptPoint) int { return p.Target }), false},
			{inkSent, "sent", mega(func(p AdaptPoint) int { return p.Sent }), false},
		}},
		{title: "step", high: plotLow, curves: []curve{{inkAllowed, "", func(p AdaptPoint) (float64, bool) { return -float64(p.Step), true }, true}}},
		{title: "queueing", high: plotLow, unit: "ms", curves: []curve{{inkDelay, "", func(p AdaptPoint) (float64, bool) { return float64(p.Queueing.Milliseconds()), true }, false}}},
		{title: "loss", high: plotLow, unit: "%", curves: []curve{{inkLoss, "", func(p AdaptPoint) (float64, bool) { return 100 * p.Loss, true }, false}}},
	}
	top := y + 26
	y = top
	for i := range panels {
		panels[i].top = y + 18
		y = panels[i].top + panels[i].high + plotGap - 18
	}
	x := func(at time.Time) float64 {
		return plotLeft + (sheetWidth-plotLeft-plotRight)*float64(at.Sub(from))/float64(to.Sub(from))
	}
	for _, c := range t.Changes {
		d.line(inkFaint, 1, true, x(c.At), top+14, x(c.At), y-plotGap+18)
	}
	for i := range panels {
		panels[i].draw(d, t, x, i == 1)
	}
	t.axis(d, x, y-plotGap+18)
	return t.told(d, y+16) + 20
}

// draw draws a panel. Steps have names where others have numbers.
func (p *panel) draw(d *sheet, t *RelayTargetSummary, x func(time.Time) float64, named bool) {
	low := 0.0
	for _, pt := range t.Points {
		for _, c := range p.curves {
			if v, ok := c.value(pt); ok && !math.IsInf(v, 0) {
				if c.name == "allowed" { // without a limit it says nothing
					s, _ := p.curves[0].value(pt)
					v = min(v, 1.5*s)
				}
				p.most, low = max(p.most, v), min(low, v)
			}
		}
	}
	if p.most == low {
		p.most = low + 1
	}
	y := func(v float64) float64 {
		return p.top + p.high*(1-(min(max(v, low), p.most)-low)/(p.most-low))
	}
	d.text(16, p.top-6, 12, inkText, p.title)
	left := float64(plotLeft)
	for i, c := range p.curves {
		if c.name != "" {
			d.text(left+float64(i)*110, p.top-6, 12, c.ink, c.name)
		}
	}
	d.line(inkFaint, 1, false, left, p.top+p.high, sheetWidth-plotRight, p.top+p.high)
	if named {
		names := map[int]string{0: "source"}
		for _, c := range t.Changes {
			names[c.Step] = c.Name
		}
		for step, name := range names {
			d.text(16, y(-float64(step))+4, 11, inkSource, name)
		}
	} else {
		d.line(inkFaint, 1, false, left, p.top, sheetWidth-plotRight, p.top)
		d.text(16, p.top+10, 11, inkSource, fmt.Sprintf("%.3g %s", p.most, p.unit))
	}
	for _, c := range p.curves {
		var way []float64
		last := 0.0
		for _, pt := range t.Points {
			v, ok := c.value(pt)
			if !ok {
				continue
			}
			if c.steps && len(way) > 0 {
				way = append(way, x(pt.At), y(last))
			}
			way, last = append(way, x(pt.At), y(v)), v
		}
		d.line(c.ink, 1.6, false, way...)
	}
}

// axis writes the time under the plots: seconds from the first point on.
func (t *RelayTargetSummary) axis(d *sheet, x func(time.Time) float64, y float64) {
	from, to := t.Points[0].At, t.Points[len(t.Points)-1].At
	step := time.Second
	for _, s := range []time.Duration{5, 10, 30, 60, 300, 600, 1800, 3600, 3 * 3600} {
		if to.Sub(from)/step > 12 {
			step = s * time.Second
		}
	}
	for at := from; !at.After(to); at = at.Add(step) {
		d.line(inkFaint, 1, false, x(at), y, x(at), y+4)
		d.text(x(at)-8, y+16, 11, inkSource, at.Sub(from).Round(time.Second).String())
	}
}

// mostTold bounds the list of decisions.
const mostTold = 40

// told lists the decisions.
func (t *RelayTargetSummary) told(d *sheet, y float64) float64 {
	for i, c := range t.Changes {
		if i == mostTold {
			d.text(plotLeft, y, 12, inkText, fmt.Sprintf("and %d more", len(t.Changes)-i))
			return y + 18
		}
		at := c.At.Sub(t.Points[0].At).Seconds()
		d.text(plotLeft, y, 12, inkText, fmt.Sprintf("%.1f s: %s, %.1f Mbit/s: %s", at, c.Name, float64(c.Bitrate)/1e6, strings.Join(c.Reasons, "; ")))
		y += 18
	}
	return y
}
