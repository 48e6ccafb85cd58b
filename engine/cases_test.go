package engine_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// The tests named TestCaseNN play what real cameras, networks, disks and people do to
// a recorder. Unless a scene says otherwise it passes when every unit that was sent
// within the window is on disk once, at the time it was captured, every file decodes,
// and verify finds nothing missing.

// slack is how far times may be apart that should be equal: a clock is known by the
// arrival of packets alone where a camera sends no usable reports. What a busy machine
// kept everybody waiting comes on top, see stalls.
const slack = 250 * time.Millisecond

// stalls watches for how long this process is kept from running at a time, until stop,
// which returns the longest.
func stalls() (stop func() time.Duration) {
	const every = 10 * time.Millisecond
	quit, worst := make(chan struct{}), make(chan time.Duration)
	go func() {
		var longest time.Duration
		tick := time.NewTicker(every)
		defer tick.Stop()
		for last := time.Now(); ; {
			select {
			case <-quit:
				worst <- longest
				return
			case <-tick.C:
				now := time.Now()
				longest = max(longest, now.Sub(last)-every)
				last = now
			}
		}
	}()
	return func() time.Duration { close(quit); return <-worst }
}

// scene is one camera of a case.
type scene struct {
	name      string
	stream    rtspcam.Stream
	sends     string        // path whose units come; empty: that of its name
	transport string        // empty: UDP and TCP, in one recording each
	costs     []media.Cause // what its gaps may say, one or more each; none: no gap may be
	maybe     bool          // with luck there is no gap
	damage    bool          // packets are lost: units may be damaged, and the journal says which
	rough     bool          // what arrives cannot be decoded without complaint
	reorder   time.Duration // how long a missing packet is waited for; zero: as long as usual
	silent    bool          // a track falls silent: only what was sent counts
	off       bool          // the camera's time stands still or jumps: units keep their order, not their instants
}

// played is what came of a case.
type played struct {
	dir     string
	cam     *rtspcam.Camera
	events  *events
	summary *engine.Summary
	err     error
	report  *archive.Report
	slack   time.Duration
}

// play records scenes together for a while, each from a path of its own of one camera,
// and judges each.
func play(t *testing.T, length time.Duration, scenes []scene, more ...func(*rtspcam.Options, *engine.RecordOptions)) *played {
	t.Helper()
	return playWith(t, length, scenes, nil, more...)
}

// playWith is play with something done to the camera meanwhile.
func playWith(t *testing.T, length time.Duration, scenes []scene, meanwhile func(*played), more ...func(*rtspcam.Options, *engine.RecordOptions)) *played {
	t.Helper()
	var all []scene
	for _, s := range scenes {
		for _, transport := range strings.Fields(s.transport) {
			one := s
			one.transport = transport
			all = append(all, one)
		}
		if s.transport == "" {
			udp, tcp := s, s
			udp.name, udp.transport = s.name+"-udp", "udp"
			tcp.name, tcp.transport = s.name+"-tcp", "tcp"
			all = append(all, udp, tcp)
		}
	}
	o := engine.RecordOptions{Length: length, Segment: wholeDay, Dir: filepath.Join(t.TempDir(), "rec")}
	co := rtspcam.Options{Paths: map[string]rtspcam.Stream{}}
	for _, s := range all {
		co.Paths[s.name] = s.stream
	}
	for _, f := range more {
		f(&co, &o)
	}
	p := &played{dir: o.Dir, cam: rtspcam.Start(t, co)}
	for _, s := range all {
		c := camera(s.name, p.cam.URL(s.name), s.transport)
		c.Reorder = journal.Duration(s.reorder)
		o.Cameras = append(o.Cameras, c)
	}
	var d engine.Deps
	d, p.events = deps(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if meanwhile != nil {
			meanwhile(p)
		}
	}()
	stop := stalls()
	p.summary, p.err = engine.Record(t.Context(), d, o)
	p.slack = slack + 2*stop() // of the camera, and then of the recorder
	<-done
	p.judge(t, d, all)
	return p
}

// judge holds each camera's part of the recording against what was sent.
func (p *played) judge(t *testing.T, d engine.Deps, scenes []scene) {
	t.Helper()
	want := archive.Clean
	for _, s := range scenes {
		if s.costs != nil || s.damage {
			want = archive.Incomplete
		}
	}
	if want == archive.Clean && p.err != nil {
		t.Errorf("record: %v", p.err)
	}
	if want == archive.Incomplete && p.err != nil && !fault.Is(p.err, fault.Incomplete) {
		t.Errorf("record: %v, want nil or incomplete", p.err)
	}
	report, err := engine.Verify(context.Background(), d, p.dir, archive.VerifyOptions{Deep: true})
	if report == nil {
		t.Fatalf("verify: %v", err)
	}
	p.report = report
	for _, f := range report.Findings {
		if f.Severity == archive.Broken || f.Kind == archive.UnexplainedGap || f.Severity == archive.Missing && want == archive.Clean {
			t.Errorf("verify: %s %s %s %s %s", f.Severity, f.Kind, f.Camera, f.File, f.Text)
		}
	}
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) { p.judgeScene(t, s) })
	}
}

func (p *played) judgeScene(t *testing.T, s scene) {
	t.Helper()
	c := p.camera(t, s.name)
	for _, g := range c.Gaps {
		if g.Track != nil && s.silent {
			continue
		}
		if !slices.ContainsFunc(s.costs, g.Causes.Has) {
			t.Errorf("gap %s: %s (%s), want %v", span(g.From, g.To), g.Causes, g.Note, s.costs)
		}
	}
	if s.costs != nil && len(c.Gaps) == 0 && !s.maybe {
		t.Errorf("no gap, want one because of %v", s.costs)
	}
	if !s.damage && len(c.Damage) > 0 {
		t.Errorf("damage where none was done: %+v", c.Damage)
	}
	p.whole(t, s)
	if s.rough {
		plays(t, filepath.Join(p.dir, s.name))
	} else {
		decodes(t, filepath.Join(p.dir, s.name))
	}
}

// camera returns the report on one camera.
func (p *played) camera(t testing.TB, name string) archive.CameraReport {
	t.Helper()
	for _, c := range p.report.Cameras {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no %s in the report", name)
	return archive.CameraReport{}
}

// segments is how many media files a camera has.
func (p *played) segments(t testing.TB, name string) int { return p.camera(t, name).Segments }

// whole fails where a unit that was sent within the window is neither on disk nor within
// something that the journal explains, and where one is there twice, or at a wrong time.
func (p *played) whole(t *testing.T, s scene) {
	t.Helper()
	codecs, _, _ := strings.Cut(string(s.stream), ",")
	path := cmp.Or(s.sends, s.name)
	window := p.report.Window
	judged := 0
	for i, codec := range strings.Split(codecs, "+") {
		stored := storedUnits(t, filepath.Join(p.dir, s.name), codecOf(codec))
		if stored == nil {
			continue // a codec that carries no mark
		}
		if s.maybe && !codecOf(codec).Video() {
			continue // sound of a session before its first picture is not kept, and too short to be a gap
		}
		explained := p.explained(t, s.name, i)
		have := map[uint64]bool{}
		var worst time.Duration
		for _, u := range stored {
			if have[u.mark.Counter] {
				t.Errorf("%s: unit %d is there twice", codec, u.mark.Counter)
			}
			if n := u.mark.Counter; !codecOf(codec).Video() && n > 0 && !have[n-1] && have[n+1] {
				t.Errorf("%s: unit %d comes behind its successor", codec, n)
			}
			have[u.mark.Counter] = true
			if off := u.at.Sub(u.mark.Capture); off.Abs() > worst.Abs() {
				worst = off
			}
		}
		if worst.Abs() > p.slack && !s.off {
			t.Errorf("%s: recorded up to %v off its capture", codec, worst)
		}
		// What the journal says of the border between two units is as exact as their times.
		border := worst.Abs() + 45*time.Millisecond
		if strings.HasSuffix(codec, "b") {
			border += 160 * time.Millisecond // instant does not know the order in which pictures are shown
		}
		border = min(p.slack, border)
		edge := border
		if !codecOf(codec).Video() {
			edge = p.slack // where the picture ends, sound on its way is not waited for
		}
		missing := 0
		sent := p.cam.SentTrack(path, i)
		if s.damage {
			sent = append(sent, p.cam.Lost(path, i)...) // what came of them, or that nothing did
		}
		for _, r := range sent {
			for n := r.First.Counter; n <= r.Last.Counter; n++ {
				at := instant(r, n)
				if at.Before(window.From.Add(edge)) || at.After(window.To.Add(-edge)) {
					continue
				}
				judged++
				hurt := s.damage && slices.ContainsFunc(p.cam.Lost(path, i), func(l rtspcam.Range) bool {
					return l.First.Counter <= n && n <= l.Last.Counter
				})
				if (!have[n] || hurt) && !explains(explained, at, border) {
					if missing++; missing == 1 {
						t.Errorf("%s: unit %d of %s was sent and is not there", codec, n, at.UTC().Format("05.000"))
						for _, e := range explained {
							t.Log("explained:", span(e.From, e.To))
						}
					}
				}
			}
		}
		if missing > 1 {
			t.Errorf("%s: %d units are missing", codec, missing)
		}
	}
	if judged == 0 {
		t.Error("no unit was sent within the window: nothing is proven")
	}
}

// explained are the spans in which units of a track may be missing, by the journal.
func (p *played) explained(t testing.TB, name string, track int) []archive.Span {
	t.Helper()
	rec, err := archive.Load(vfs.OS(), p.dir)
	if err != nil {
		t.Fatal(err)
	}
	var spans []archive.Span
	for _, c := range rec.Cameras {
		if c.Name != name {
			continue
		}
		for _, g := range c.Gaps {
			if g.Track == nil || *g.Track == track {
				spans = append(spans, archive.Span{From: g.From, To: g.To})
			}
		}
		for _, l := range c.Leads {
			spans = append(spans, archive.Span{From: l.From, To: l.To})
		}
		for _, d := range c.Damage {
			if d.Track == track {
				spans = append(spans, archive.Span{From: d.From, To: d.To})
			}
		}
	}
	return spans
}

func explains(spans []archive.Span, at time.Time, border time.Duration) bool {
	return slices.ContainsFunc(spans, func(s archive.Span) bool {
		return !at.Before(s.From.Add(-border)) && at.Before(s.To.Add(border))
	})
}

// instant is when the nth unit of a range was captured.
func instant(r rtspcam.Range, n uint64) time.Time {
	if r.Last.Counter == r.First.Counter {
		return r.First.Capture
	}
	share := float64(n-r.First.Counter) / float64(r.Last.Counter-r.First.Counter)
	return r.First.Capture.Add(time.Duration(share * float64(r.Last.Capture.Sub(r.First.Capture))))
}

func span(from, to time.Time) string {
	return fmt.Sprintf("%s to %s", from.UTC().Format("05.000"), to.UTC().Format("05.000"))
}

// codecOf is what a codec of a stream is recorded as.
func codecOf(stream string) media.Codec {
	for prefix, codec := range map[string]media.Codec{
		"h264": media.H264, "heavy": media.H264, "h265": media.H265, "mpeg4": media.MPEG4, "mjpeg": media.MJPEG,
		"aac": media.AAC, "opus": media.Opus, "pcma": media.PCMA, "pcmu": media.PCMU, "l16": media.L16,
	} {
		if strings.HasPrefix(stream, prefix) {
			return codec
		}
	}
	return ""
}

// stored is a unit on disk: which one, and when by its file.
type stored struct {
	mark rtspcam.Mark
	at   time.Time
}

// storedUnits reads the marked units of one codec below a folder, in order of name and
// decoding.
func storedUnits(t testing.TB, dir string, codec media.Codec) []stored {
	t.Helper()
	var units []stored
	for _, name := range mediaFiles(t, dir) {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		size, _ := f.Seek(0, io.SeekEnd)
		file, err := segment.Scan(f, size, segment.ScanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for u, err := range file.Samples(0, len(file.Fragments)) {
			if err != nil {
				t.Fatal(err)
			}
			if file.Header.Tracks[u.Track].Codec != codec {
				continue
			}
			if m, ok := rtspcam.ReadMark(codec, u.Data); ok {
				units = append(units, stored{m, u.Time})
			}
		}
		f.Close()
	}
	return units
}
