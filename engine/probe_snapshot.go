package engine

import (
	"path/filepath"
	"strings"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// ProbeSnapshot is a picture that a probe wrote.
type ProbeSnapshot struct {
	File   string    `json:"file"`
	Width  int       `json:"width"`
	Height int       `json:"height"`
	At     time.Time `json:"at"` // when it was captured
	// Delay is how long after it was drawn a test picture came, in milliseconds; 0: it is none.
	Delay float64 `json:"delay_ms,omitempty"`
}

// snapshots decides where each camera's picture goes: a file; in it {camera} is replaced;
// or a directory. What cannot be is refused before any camera is asked.
func (d Deps) snapshots(o ProbeOptions) ([]string, error) {
	names := make([]string, len(o.Cameras))
	if o.Snapshot == "" {
		return names, nil
	}
	if o.Quick {
		return nil, fault.New(fault.Usage, "what plays nothing sees no picture")
	}
	if err := d.needCodecs("take a picture"); err != nil {
		return nil, err
	}
	pattern := o.Snapshot
	if info, err := d.FS.Stat(pattern); strings.HasSuffix(pattern, string(filepath.Separator)) || err == nil && info.IsDir() {
		pattern = filepath.Join(pattern, "{camera}.jpg")
	}
	if _, err := stillFormat(pattern); err != nil {
		return nil, err
	}
	if len(o.Cameras) > 1 && !strings.Contains(pattern, "{camera}") {
		return nil, fault.New(fault.Usage, "%d cameras and one picture, %s: give a directory, or {camera} in the name", len(o.Cameras), pattern)
	}
	for i, c := range o.Cameras {
		names[i] = strings.ReplaceAll(pattern, "{camera}", c.Name)
		if err := d.vacant(names[i], o.Overwrite); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// keep remembers the newest whole key unit of the picture. The first may be old: servers
// begin with what they hold.
func (l *look) keep(au media.AccessUnit) {
	if !au.Key || au.Damaged || int(au.Track) != l.analysis.video {
		return
	}
	track := l.run.Tracks[au.Track]
	if config := l.analysis.tracks[au.Track].config; config != nil {
		track.Config = config
	}
	l.key = &keyUnit{track, au}
}

// snapshot writes the newest picture that a look showed.
func (p *prober) snapshot(l *look) error {
	if p.file == "" {
		return nil
	}
	if l.key == nil {
		return fault.New(fault.Incomplete, "no picture of %s: no whole key frame came", p.report.URL)
	}
	format, err := stillFormat(p.file)
	if err != nil {
		return err
	}
	file, err := p.deps.still(*l.key, media.StillOptions{Format: format})
	if err != nil {
		return fault.Because("take a picture of "+p.report.URL, err)
	}
	if err := p.deps.writeFile(p.file, p.overwrite, file.data); err != nil {
		return err
	}
	s := &ProbeSnapshot{File: p.file, Width: file.width, Height: file.height, At: l.key.unit.Wall.UTC()}
	if !file.drawn.IsZero() {
		s.Delay = milliseconds(l.key.unit.Arrival.Sub(file.drawn))
	}
	p.report.Snapshot = s
	return nil
}

// newProber is the work on one camera.
func newProber(d Deps, c journal.Camera, o ProbeOptions, file string) *prober {
	return &prober{
		deps: d, camera: c, max: orDefault(o.Max, DefaultProbe), soak: o.Soak, file: file, overwrite: o.Overwrite,
		report: &ProbeReport{Name: c.Name, URL: fault.URL(c.URL)},
	}
}
