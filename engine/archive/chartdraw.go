package archive

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"path/filepath"
	"time"
)

// Measures of a chart, in pixels.
const (
	chartMargin = 16
	chartText   = 18 // a line of text
	chartSmall  = 15
	chartBar    = 34
	chartStep   = 46 // from a row to the next
	chartNames  = 180
	chartSwatch = 14
)

func baseName(dir string) string { return filepath.Base(filepath.Clean(dir)) }

var (
	chartInk   = color.NRGBA{40, 42, 48, 255}
	chartPale  = color.NRGBA{120, 124, 132, 255}
	chartLine  = color.NRGBA{222, 224, 228, 255}
	chartPaper = color.NRGBA{255, 255, 255, 255}
)

// draw draws all of it.
func (c *chart) draw() *image.NRGBA {
	names := min(chartNames, c.width/4)
	top := chartMargin + chartText + chartMargin
	bars := image.Rect(chartMargin+names, top, c.width-chartMargin, top+len(c.rows)*chartStep)
	legend := bars.Max.Y + 2*chartText + chartMargin
	entries, height := c.legend(c.width - 2*chartMargin)
	img := image.NewNRGBA(image.Rect(0, 0, c.width, legend+height+chartMargin))
	fill(img, img.Rect, chartPaper)

	c.head(img)
	c.axis(img, bars)
	for i, row := range c.rows {
		y := bars.Min.Y + i*chartStep
		area := image.Rect(bars.Min.X, y, bars.Max.X, y+chartBar)
		c.labels.Write(img, image.Pt(chartMargin, y), chartText, names-8, chartInk, row.name)
		c.labels.Write(img, image.Pt(chartMargin, y+chartText), chartSmall, names-8, chartPale, row.share)
		c.bar(img, area, row.spans)
	}
	for _, e := range entries {
		at := e.at.Add(image.Pt(chartMargin, legend))
		shade, _, hatched := e.kind.look()
		paint(img, image.Rect(0, 0, chartSwatch, chartSwatch).Add(at.Add(image.Pt(0, 2))), shade, hatched)
		c.labels.Write(img, at.Add(image.Pt(chartSwatch+6, 0)), chartText, c.width, chartInk, e.text)
	}
	return img
}

// head writes what it is about.
func (c *chart) head(img *image.NRGBA) {
	const layout = "Mon 2 Jan 2006 15:04:05"
	from, to := c.window.From.In(c.zone), c.window.To.In(c.zone)
	end := to.Format(layout)
	if from.Format(time.DateOnly) == to.Format(time.DateOnly) {
		end = to.Format("15:04:05")
	}
	text := fmt.Sprintf("%s – %s %s", from.Format(layout), end, to.Format("MST"))
	room := c.width - 2*chartMargin
	wide := min(c.labels.Width(chartText, text), room*3/4)
	c.labels.Write(img, image.Pt(c.width-chartMargin-wide, chartMargin), chartText, wide, chartPale, text)
	c.labels.Write(img, image.Pt(chartMargin, chartMargin), chartText, room-wide-chartMargin, chartInk, c.title)
}

// bar draws a row. What is rare is drawn last and two pixels wide at least: it is what one
// looks for.
func (c *chart) bar(img *image.NRGBA, area image.Rectangle, spans []Span) {
	fill(img, area, chartLine)
	for kind := range chartKinds {
		shade, _, hatched := kind.look()
		for _, s := range spans {
			if kindOf(s) != kind {
				continue
			}
			from, to := c.x(area, s.From), c.x(area, s.To)
			if kind > chartFuture && to-from < 2 {
				to = min(from+2, area.Max.X)
				from = to - 2
			}
			paint(img, image.Rect(from, area.Min.Y, to, area.Max.Y), shade, hatched)
		}
	}
}

// axis draws the times and their lines.
func (c *chart) axis(img *image.NRGBA, bars image.Rectangle) {
	step := stepFor(c.window.length(), bars.Dx()/90)
	last := -1 << 30
	for at := firstTick(c.window.From.In(c.zone), step); !at.After(c.window.To); at = nextTick(at, step) {
		x := c.x(bars, at)
		fill(img, image.Rect(x, bars.Min.Y-6, x+1, bars.Max.Y+4), chartLine)
		text := tickText(at, step)
		wide := c.labels.Width(chartSmall, text)
		left := min(max(x-wide/2, bars.Min.X), c.width-wide-4)
		if left > last+8 { // not over the one before
			c.labels.Write(img, image.Pt(left, bars.Max.Y+6), chartSmall, c.width, chartPale, text)
			last = left + wide
		}
	}
}

// chartSteps are the distances of ticks up to a day.
var chartSteps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
}

const chartDay = 24 * time.Hour

// stepFor finds the distance of ticks so that there are no more than so many.
func stepFor(length time.Duration, most int) time.Duration {
	for _, s := range chartSteps {
		if length/s < time.Duration(max(most, 1)) {
			return s
		}
	}
	for days := time.Duration(1); ; days *= 2 {
		if length/(days*chartDay) < time.Duration(max(most, 1)) {
			return days * chartDay
		}
	}
}

// firstTick is the first round time of day from an instant on, in its zone.
func firstTick(from time.Time, step time.Duration) time.Time {
	midnight := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, from.Location())
	if step >= chartDay {
		if midnight.Before(from) {
			midnight = midnight.AddDate(0, 0, 1)
		}
		return midnight
	}
	at := midnight.Add(from.Sub(midnight).Truncate(step))
	for at.Before(from) {
		at = nextTick(at, step)
	}
	return at
}

// nextTick is the next round time. Days begin at midnight also where the clock is put
// forward or back in between.
func nextTick(at time.Time, step time.Duration) time.Time {
	if step >= chartDay {
		return at.AddDate(0, 0, int(step/chartDay))
	}
	next := at.Add(step)
	midnight := time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, at.Location())
	if next.After(midnight) && midnight.After(at) {
		return midnight
	}
	return next
}

func tickText(at time.Time, step time.Duration) string {
	switch {
	case step >= chartDay || at.Hour()+at.Minute()+at.Second() == 0:
		return at.Format("Mon 2 Jan")
	case step < time.Minute:
		return at.Format("15:04:05")
	}
	return at.Format("15:04")
}

// chartEntry is a line of the legend.
type chartEntry struct {
	kind chartKind
	at   image.Point
	text string
}

// legend lays out the kinds that occur, with how much of each there is.
func (c *chart) legend(width int) (entries []chartEntry, height int) {
	var total [chartKinds]time.Duration
	var count [chartKinds]int
	for _, row := range c.rows {
		for _, s := range row.spans {
			kind := kindOf(s)
			total[kind] += s.To.Sub(s.From)
			count[kind]++
		}
	}
	at, height := image.Point{}, chartText+6
	for kind := range chartKinds {
		if count[kind] == 0 {
			continue
		}
		_, name, _ := kind.look()
		text := name + "  " + lengthText(total[kind])
		if kind > chartFuture && count[kind] > 1 {
			text += fmt.Sprintf(" (%d times)", count[kind])
		}
		wide := chartSwatch + 6 + c.labels.Width(chartText, text) + 28
		if at.X > 0 && at.X+wide > width {
			at = image.Pt(0, at.Y+chartText+6)
			height += chartText + 6
		}
		entries = append(entries, chartEntry{kind, at, text})
		at.X += wide
	}
	return entries, height
}

// lengthText is a length of time as people say it.
func lengthText(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d days %d h", d/chartDay, d%chartDay/time.Hour)
}

func fill(img *image.NRGBA, r image.Rectangle, c color.NRGBA) {
	draw.Draw(img, r, image.NewUniform(c), image.Point{}, draw.Src)
}

// paint fills a rectangle, with slanted lines where it is hatched.
func paint(img *image.NRGBA, r image.Rectangle, c color.NRGBA, hatched bool) {
	fill(img, r, c)
	if !hatched {
		return
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if (x+y)%8 < 3 {
				img.SetNRGBA(x, y, chartPaper)
			}
		}
	}
}
