package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
)

func TestAPlannedWindowIsExactAndBeginsWithAWholeGOP(t *testing.T) {
	t.Parallel()
	at := time.Now().Add(3500 * time.Millisecond).Truncate(time.Millisecond)
	until := at.Add(3 * time.Second)
	p := play(t, 0, []scene{
		{name: "h264", stream: "h264+aac"},
		{name: "h265b", stream: "h265b", transport: "tcp"},
		{name: "sound", stream: "pcma", transport: "udp"},
	}, func(_ *rtspcam.Options, o *engine.RecordOptions) { o.At, o.Until = at, until })
	if w := p.report.Window; !w.From.Equal(at) || !w.To.Equal(until) || !w.Closed {
		t.Errorf("window %+v, want %v to %v", w, at, until)
	}
	for _, name := range []string{"h264-udp", "h264-tcp", "h265b"} {
		marks := readMarks(t, filepath.Join(p.dir, name))
		noneMissing(t, name, marks)
		if lead := at.Sub(marks[0].Capture); lead < 0 || lead > 1100*time.Millisecond {
			t.Errorf("%s begins %v before the window, want up to a GOP", name, lead)
		}
		if c := p.camera(t, name).Coverage; c.Media != c.Window {
			t.Errorf("%s: %v of %v covered", name, c.Media, c.Window)
		}
	}
}

func TestTheWindowIsAsLongAsWasAsked(t *testing.T) {
	t.Parallel()
	for _, length := range []time.Duration{2500 * time.Millisecond, 4 * time.Second} {
		t.Run(length.String(), func(t *testing.T) {
			t.Parallel()
			p := play(t, length, []scene{{name: "a", stream: "h264+aac"}, {name: "b", stream: "mpeg4", transport: "tcp"}})
			if got := p.report.Window.To.Sub(p.report.Window.From); got != length {
				t.Errorf("a window of %v, want %v", got, length)
			}
			for _, c := range p.report.Cameras {
				marks := readMarks(t, filepath.Join(p.dir, c.Name))
				if got := marks[len(marks)-1].Capture; p.report.Window.To.Sub(got) > 40*time.Millisecond+p.slack {
					t.Errorf("%s ends %v before the window", c.Name, p.report.Window.To.Sub(got))
				}
			}
		})
	}
}

func TestMulticastIsRecordedWhole(t *testing.T) {
	t.Parallel()
	play(t, 4*time.Second, []scene{
		{name: "h264", stream: "h264+aac", transport: "multicast"},
		{name: "only", stream: "h265,only=multicast", transport: "multicast"},
	})
}

// TestAllInterruptedRecordingsAreResumed makes three recordings that look as after a
// crash: one still in its window, one whose window has passed, one being written.
func TestAllInterruptedRecordingsAreResumed(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac", "b": "h265"}})
	root, crashed := t.TempDir(), t.TempDir()
	d, ev := deps(t)
	start := time.Now()
	untils := []time.Time{start.Add(12 * time.Second), start.Add(5 * time.Second), start.Add(12 * time.Second)}
	var stops []func() error
	for i, until := range untils {
		stops = append(stops, recording(t, d, engine.RecordOptions{
			Dir: filepath.Join(root, fmt.Sprint(i)), Until: until,
			Cameras: []journal.Camera{camera("a", cam.URL("a"), "tcp"), camera("b", cam.URL("b"), "udp")},
		}))
	}
	waitFor(t, "media", flowing(ev, 9))
	for i := range 2 {
		if err := os.CopyFS(filepath.Join(crashed, fmt.Sprint(i)), os.DirFS(filepath.Join(root, fmt.Sprint(i)))); err != nil {
			t.Fatal(err)
		}
	}
	busy := filepath.Join(root, "2")
	if err := os.Symlink(busy, filepath.Join(crashed, "2")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the end of the second window", func() bool { return time.Now().After(untils[1]) })
	summaries, err := engine.ResumeAll(t.Context(), d, crashed, engine.ResumeOptions{})
	if !fault.Is(err, fault.Incomplete) || len(summaries) != 2 {
		t.Errorf("%d summaries, %v", len(summaries), err)
	}
	for i := range 2 {
		dir := filepath.Join(crashed, fmt.Sprint(i))
		report := verified(t, d, dir, archive.Incomplete)
		if !report.Window.To.Equal(untils[i].UTC()) || report.State != archive.Closed {
			t.Errorf("%d: window %+v, %s", i, report.Window, report.State)
		}
		for _, c := range report.Cameras {
			if len(c.Gaps) != 1 || !c.Gaps[0].Causes.Has(media.ProcessDown) {
				t.Errorf("%d: %s: gaps %+v", i, c.Name, c.Gaps)
			}
		}
		decodes(t, dir)
	}
	if err := stops[2](); err != nil {
		t.Errorf("the one that was being written: %v", err)
	}
	verified(t, d, busy, archive.Clean)
	stops[0]()
	stops[1]()
}
