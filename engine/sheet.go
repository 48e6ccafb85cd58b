package engine

import (
	"context"
	"strings"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// SheetOptions says what [Sheet] draws.
type SheetOptions struct {
	Dir     string
	Cameras []string // none: all, side by side
	// Range says from when to when, as in ExportOptions.
	Range     func(w archive.Window) (from, to time.Time, err error)
	Every     time.Duration // a picture of each camera for each of these
	Output    string        // a .jpg or .png file, in whose name {recording} is replaced
	Overwrite bool
	Zone      *time.Location          // of the times that are written on it; nil: UTC
	Progress  func(done, total int64) // pictures; may be nil
}

// SheetReport is what was drawn.
type SheetReport struct {
	Dir      string    `json:"dir"`
	File     string    `json:"file"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Cameras  []string  `json:"cameras"`
	Every    float64   `json:"every_s"`
	Width    int       `json:"width"`
	Height   int       `json:"height"`
	Pictures int       `json:"pictures"`
	Missing  int       `json:"missing"` // cells without a picture
}

// maxSheet bounds the pictures of a sheet.
const maxSheet = 4000

// Sheet draws a contact sheet: for each stretch of time the first key frame of each camera,
// with the time at which it was captured. Only key frames are read and decoded. Where there
// is none the cell says why.
func Sheet(ctx context.Context, d Deps, o SheetOptions) (*SheetReport, error) {
	if err := d.needCodecs("draw a contact sheet"); err != nil {
		return nil, err
	}
	x := &contactSheet{Deps: d, SheetOptions: o}
	if err := x.load(); err != nil {
		return nil, err
	}
	file, err := x.draw(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.writeFile(x.Output, o.Overwrite, file); err != nil {
		return nil, err
	}
	x.report.File = x.Output
	return &x.report, nil
}

// contactSheet is one run of Sheet.
type contactSheet struct {
	Deps
	SheetOptions
	format  string
	library *archive.Library
	rec     *archive.Recording
	from    time.Time
	rows    int // stretches of time
	report  SheetReport
}

// load finds out what there is to be drawn, and refuses what cannot be.
func (x *contactSheet) load() (err error) {
	if x.library, x.rec, err = x.onlyRecording(x.Dir); err != nil {
		return err
	}
	if x.Cameras, err = someCameras(x.rec, x.Cameras); err != nil {
		return err
	}
	if x.Output, err = fileName(x.Dir, strings.Join(x.Cameras, "+"), x.Output); err != nil {
		return err
	}
	if x.format, err = stillFormat(x.Output); err != nil {
		return err
	}
	if err := x.vacant(x.Output, x.Overwrite); err != nil {
		return err
	}
	if x.Zone == nil {
		x.Zone = time.UTC
	}
	return x.measure()
}

// measure decides what is drawn.
func (x *contactSheet) measure() (err error) {
	window := x.rec.Window
	from, to := window.From, window.To
	if x.Range != nil {
		begin, end, err := x.Range(window)
		if err != nil {
			return err
		}
		from, to = later(from, begin), earlier(to, end)
	}
	switch {
	case from.IsZero() || !from.Before(to):
		return fault.New(fault.NotFound, "%s has nothing in that time", x.Dir)
	case x.Every <= 0:
		return fault.New(fault.Usage, "a picture each %v makes no sense", x.Every)
	}
	rows := int64((to.Sub(from) + x.Every - 1) / x.Every)
	if rows*int64(len(x.Cameras)) > maxSheet {
		least := to.Sub(from) * time.Duration(len(x.Cameras)) / maxSheet
		return fault.New(fault.Usage, "%d pictures are too many for one sheet: take one each %v, or a shorter time", rows*int64(len(x.Cameras)), least.Truncate(time.Second)+time.Second)
	}
	x.from, x.rows = from, int(rows)
	x.report = SheetReport{Dir: x.Dir, From: from.UTC(), To: to.UTC(), Cameras: x.Cameras, Every: x.Every.Seconds()}
	return nil
}

// draw makes the file.
func (x *contactSheet) draw(ctx context.Context) ([]byte, error) {
	page, err := newSheetPage(x)
	if err != nil {
		return nil, err
	}
	defer page.canvas.Close()
	total := x.rows * len(x.Cameras)
	for n := range total {
		row, camera := n/len(x.Cameras), x.Cameras[n%len(x.Cameras)]
		at := x.from.Add(time.Duration(row) * x.Every)
		p, why, err := x.picture(ctx, camera, at)
		if err != nil {
			return nil, err
		}
		if err := page.cell(n, camera, at, p, why); err != nil {
			return nil, err
		}
		if p != nil {
			x.report.Pictures++
			p.Release()
		} else {
			x.report.Missing++
		}
		if x.Progress != nil {
			x.Progress(int64(n+1), int64(total))
		}
	}
	p, err := page.canvas.Picture(0, x.from)
	if err != nil {
		return nil, err
	}
	defer p.Release()
	x.report.Width, x.report.Height = p.Size()
	return x.Coder.Still(p, media.StillOptions{Format: x.format})
}

// picture is the first of a camera in the stretch of time that begins at a time, or why
// there is none. What cannot be decoded is passed over.
func (x *contactSheet) picture(ctx context.Context, camera string, at time.Time) (p media.Picture, why string, err error) {
	path, end := x.rec.Name+"/"+camera, at.Add(x.Every)
	_, _, tracks, err := x.library.DescribeAt(path, at)
	if err == nil {
		err = keysFrom(ctx, x.library, path, at, tracks, func(k keyUnit) bool {
			if !k.unit.Wall.Before(end) {
				return true
			}
			// A key frame that is barely early shows the begin all the same.
			if k.unit.Wall.Before(at.Add(-min(time.Second, x.Every/10))) {
				return false
			}
			var failed error
			p, failed = x.keyPicture(k.track, k.unit)
			why = "damaged"
			return failed == nil
		})
	}
	switch {
	case err != nil && !fault.Is(err, fault.NotFound):
		return nil, "", err
	case p != nil || why != "":
		return p, why, nil
	}
	return nil, x.reason(camera, at, end), nil
}

// reason is why a camera has no picture in a span.
func (x *contactSheet) reason(camera string, from, to time.Time) string {
	for _, s := range x.rec.Timeline(x.rec.Camera(camera)) {
		if !s.From.Before(to) || !s.To.After(from) || s.Use == archive.UseMedia {
			continue
		}
		if s.Use == archive.UseGap {
			return strings.NewReplacer("_", " ", ",", ", ").Replace(s.Causes.String())
		}
		return strings.ReplaceAll(string(s.Use), "_", " ")
	}
	return "no key frame"
}

// keysFrom calls do with the key units of the picture that was recorded under a path, from
// the last one before a time on, until it is done.
func keysFrom(ctx context.Context, l *archive.Library, path string, from time.Time, tracks []media.Track, do func(keyUnit) (done bool)) error {
	source, err := l.Replay(ctx, path, archive.PlayOptions{From: from, Keys: true, Tracks: tracks})
	if err != nil {
		return err
	}
	defer source.Close()
	return eachKey(ctx, source, do)
}
