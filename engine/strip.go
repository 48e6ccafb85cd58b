package engine

import (
	"bytes"
	"image/png"
	"path/filepath"
	"strings"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
)

// StripOptions says what [Strip] draws.
type StripOptions struct {
	Dir     string
	Cameras []string // none: all, below each other
	// Range says from when to when, as in ExportOptions; nil: all of the window.
	Range     func(w archive.Window) (from, to time.Time, err error)
	Output    string // a .png file, in whose name {recording} is replaced
	Overwrite bool
	Width     int            // pixels; 0: archive's choice
	Zone      *time.Location // of the times on it; nil: UTC
}

// StripReport is what was drawn.
type StripReport struct {
	Dir     string    `json:"dir"`
	File    string    `json:"file"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Cameras []string  `json:"cameras"`
	Width   int       `json:"width"`
	Height  int       `json:"height"`
	Bytes   int64     `json:"bytes"`
}

// Strip draws a recording's time as a picture: a row a camera, with what is there and what
// is missing in colours, and why. It needs no codecs, and opens no media.
func Strip(d Deps, o StripOptions) (*StripReport, error) {
	rec, err := archive.Load(d.FS, o.Dir)
	if err != nil {
		return nil, err
	}
	if path, err := filepath.Abs(o.Dir); err == nil {
		rec.Name = filepath.Base(path)
	}
	r := &StripReport{Dir: o.Dir}
	if r.Cameras, err = someCameras(rec, o.Cameras); err != nil {
		return nil, err
	}
	if r.File, err = fileName(o.Dir, strings.Join(r.Cameras, "+"), o.Output); err != nil {
		return nil, err
	}
	if !strings.HasSuffix(strings.ToLower(r.File), ".png") {
		return nil, fault.New(fault.Usage, "%s: a timeline is drawn as .png", r.File)
	}
	if err := d.vacant(r.File, o.Overwrite); err != nil {
		return nil, err
	}
	rec.Extend(d.Clock.Wall())
	c := archive.ChartOptions{Width: o.Width, Zone: o.Zone, Cameras: r.Cameras}
	r.From, r.To = rec.Window.From.UTC(), rec.Window.To.UTC()
	if o.Range != nil {
		if c.From, c.To, err = o.Range(rec.Window); err != nil {
			return nil, err
		}
	}
	if !c.From.IsZero() {
		r.From = c.From.UTC()
	}
	if !c.To.IsZero() {
		r.To = c.To.UTC()
	}
	data, err := rec.Chart(c)
	if err != nil {
		return nil, err
	}
	if err := d.writeFile(r.File, o.Overwrite, data); err != nil {
		return nil, err
	}
	head, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fault.Wrap(fault.Bug, "read what was drawn", err)
	}
	r.Width, r.Height, r.Bytes = head.Width, head.Height, int64(len(data))
	return r, nil
}
