package archive

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"slices"
	"time"

	"rtsprec/engine/compose"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// ChartOptions say what a picture of a timeline shows. Zero values are the defaults.
type ChartOptions struct {
	Width    int            // pixels, 400 to 8192; 0: 1600. The height follows from the cameras.
	From, To time.Time      // zero: the ends of the window, the planned one where it is open
	Zone     *time.Location // of the times of day; nil: UTC
	Cameras  []string       // by name; empty: all
}

// Chart draws the recording's time as a PNG: a row a camera, what is there and what is
// missing in colours, an axis of time, and a legend with how much there is of each. A gap
// is seen however short it is. A range without time, or a camera that there is not, is
// fault.Usage.
func (r *Recording) Chart(o ChartOptions) ([]byte, error) {
	c, err := r.newChart(o)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, c.draw()); err != nil {
		return nil, fault.Wrap(fault.Bug, "write a PNG", err)
	}
	return b.Bytes(), nil
}

// Bounds of a chart's width, in pixels.
const (
	chartWidth = 1600
	chartLeast = 400
	chartMost  = 8192
)

// chart is a picture being made.
type chart struct {
	title  string
	window span
	zone   *time.Location
	rows   []chartRow
	labels *compose.Labels
	width  int
}

type chartRow struct {
	name  string
	share string // of its time that is there
	spans []Span
}

func (r *Recording) newChart(o ChartOptions) (*chart, error) {
	c := &chart{title: cmp.Or(r.Name, baseName(r.Dir)), zone: o.Zone, width: cmp.Or(o.Width, chartWidth)}
	if c.zone == nil {
		c.zone = time.UTC
	}
	if c.width < chartLeast || c.width > chartMost {
		return nil, fault.New(fault.Usage, "a picture %d pixels wide: at least %d, at most %d", c.width, chartLeast, chartMost)
	}
	c.window = r.Window.span()
	if !r.Window.Closed {
		c.window.To = later(c.window.To, r.Window.Planned)
	}
	if !o.From.IsZero() {
		c.window.From = o.From
	}
	if !o.To.IsZero() {
		c.window.To = o.To
	}
	if c.window.empty() {
		return nil, fault.New(fault.Usage, "there is no time to draw in %s", c.title)
	}
	for _, name := range o.Cameras {
		if r.Camera(name) == nil {
			return nil, fault.New(fault.Usage, "there is no camera %q in %s", name, c.title)
		}
	}
	for _, camera := range r.Cameras {
		if len(o.Cameras) > 0 && !slices.Contains(o.Cameras, camera.Name) {
			continue
		}
		c.rows = append(c.rows, c.row(camera.Name, r.Timeline(camera)))
	}
	var err error
	c.labels, err = compose.NewLabels()
	return c, err
}

// row cuts a timeline to the window.
func (c *chart) row(name string, timeline []Span) chartRow {
	row := chartRow{name: name}
	var there, due time.Duration
	for _, s := range timeline {
		part := s.span().clip(c.window)
		if part.empty() {
			continue
		}
		s.From, s.To = part.From, part.To
		row.spans = append(row.spans, s)
		switch s.Use {
		case UseMedia:
			there += part.length()
			fallthrough
		case UseGap, UseUnexplained:
			due += part.length()
		}
	}
	row.share = "nothing yet"
	if due > 0 {
		row.share = shareText(there, due)
	}
	return row
}

// shareText is a part in per cent; all and nothing only where they are.
func shareText(there, due time.Duration) string {
	percent := 100 * float64(there) / float64(due)
	switch {
	case there == due:
		return "100 %"
	case percent > 99.9:
		return "> 99.9 %"
	case there > 0 && percent < 0.1:
		return "< 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", percent)
}

// chartKind is what a stretch of time is drawn as.
type chartKind int

// The kinds, in the order of the legend; later ones are drawn over earlier ones.
const (
	chartMedia chartKind = iota
	chartFilled
	chartLeadIn
	chartPruned
	chartFuture
	chartDamage
	chartStopped
	chartLoss
	chartCamera
	chartDisk
	chartDown
	chartUnexplained
	chartKinds
)

// look is a kind's colour and its name in the legend. The colours can be told apart by
// people who confuse red and green, after Okabe and Ito.
func (k chartKind) look() (c color.NRGBA, name string, hatched bool) {
	switch k {
	case chartMedia:
		return color.NRGBA{0, 158, 115, 255}, "recorded", false
	case chartFilled:
		return color.NRGBA{86, 180, 233, 255}, "filled afterwards", false
	case chartLeadIn:
		return color.NRGBA{190, 225, 210, 255}, "waiting for a key frame", false
	case chartPruned:
		return color.NRGBA{175, 175, 175, 255}, "removed by retention", true
	case chartFuture:
		return color.NRGBA{238, 238, 238, 255}, "to come", false
	case chartDamage:
		return color.NRGBA{240, 228, 66, 255}, "damaged", false
	case chartStopped:
		return color.NRGBA{150, 150, 150, 255}, "not asked for", false
	case chartLoss:
		return color.NRGBA{204, 121, 167, 255}, "lost on the way", false
	case chartCamera:
		return color.NRGBA{213, 94, 0, 255}, "camera or network", false
	case chartDisk:
		return color.NRGBA{0, 90, 170, 255}, "disk, or too slow", false
	case chartDown:
		return color.NRGBA{30, 30, 30, 255}, "recorder not running", false
	}
	return color.NRGBA{200, 0, 0, 255}, "unexplained", true
}

// kindOf says how a span is drawn. Of several causes the one that is nearest to us counts.
func kindOf(s Span) chartKind {
	switch {
	case s.Use == UseMedia && s.Damage:
		return chartDamage
	case s.Use == UseMedia && s.Filled:
		return chartFilled
	case s.Use == UseMedia:
		return chartMedia
	case s.Use == UsePruned:
		return chartPruned
	case s.Use == UseLeadIn:
		return chartLeadIn
	case s.Use == UseFuture:
		return chartFuture
	case s.Use == UseUnexplained:
		return chartUnexplained
	}
	has := func(causes ...media.Cause) bool { return s.Causes&media.Because(causes...) != 0 }
	switch {
	case has(media.ProcessDown, media.Suspended):
		return chartDown
	case has(media.DiskFull, media.DiskError, media.Overflow):
		return chartDisk
	case has(media.Loss, media.NoKeyframe) && !has(media.Unreachable, media.Refused, media.Denied, media.Timeout, media.StreamEnded, media.CameraRestart):
		return chartLoss
	case has(media.Stopped, media.NotStarted, media.Unsupported) && s.Causes&^media.Because(media.Stopped, media.NotStarted, media.Unsupported) == 0:
		return chartStopped
	}
	return chartCamera
}

// x is where an instant stands in an area.
func (c *chart) x(area image.Rectangle, at time.Time) int {
	share := float64(at.Sub(c.window.From)) / float64(c.window.length())
	return area.Min.X + int(share*float64(area.Dx())+0.5)
}
