package archive

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs/crashfs"
)

func (m *maker) load() *Recording {
	m.Helper()
	r, err := Load(m.fs, m.dir)
	m.must(err)
	return r
}

func TestACatalogueSaysWhatWasRecorded(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a", "b")
	m.run("a", nine)
	m.segments("a", nine, 2*time.Second, 2)
	m.missing("a", nine.Add(4*time.Second), nine.Add(6*time.Second), media.Unreachable)
	m.line(&journal.Damage{Camera: "a", From: nine.Add(time.Second), To: nine.Add(1500 * time.Millisecond), Units: 3, Lost: 7})
	s := m.open("a", nine.Add(6*time.Second))
	s.fill(2 * time.Second)
	s.commit()
	r := m.load()
	if r.State != Interrupted || r.Window.Closed || !r.Window.From.Equal(nine) || r.End != journal.Clean || len(r.Problems) > 0 {
		t.Errorf("%+v", r)
	}
	if text := fmt.Sprint(r.Plan); strings.Contains(text, "secret") {
		t.Errorf("a password in %s", text)
	}
	a := r.Camera("a")
	if len(a.Segments) != 3 || r.Camera("b") == nil || r.Camera("c") != nil {
		t.Fatalf("%+v", r.Cameras)
	}
	first, last := a.Segments[0], a.Segments[2]
	if !first.Sealed || first.Name() != first.File || first.Units() != 50+94 || !first.Start.Equal(nine) || !first.End.Equal(nine.Add(2*time.Second)) {
		t.Errorf("%+v", first)
	}
	if last.Sealed || last.Name() != s.file+".part" || last.Size != s.w.Progress().Size || !last.End.Equal(nine.Add(8*time.Second)) {
		t.Errorf("%+v", last)
	}
	at := func(s float64) time.Time { return nine.Add(time.Duration(s * float64(time.Second))) }
	want := []Span{
		{Use: UseMedia, From: at(0), To: at(1)},
		{Use: UseMedia, From: at(1), To: at(1.5), Damage: true},
		{Use: UseMedia, From: at(1.5), To: at(4)},
		{Use: UseGap, From: at(4), To: at(6), Causes: media.Because(media.Unreachable)},
		{Use: UseMedia, From: at(6), To: at(8)},
	}
	got := r.Timeline(a)
	for i := range got { // the end of the open segment is that of its sound
		got[i].To = got[i].To.Truncate(100 * time.Millisecond)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestTheWindowEndsWhereItWasClosedAndOpensAgainWhenResumed(t *testing.T) {
	m := healthy(t)
	if r := m.load(); r.State != Closed || !r.Window.Closed || !r.Window.To.Equal(nine.Add(6*time.Second)) {
		t.Errorf("closed: %s %+v", r.State, r.Window)
	}
	m.reopen("repair")
	m.leave()
	if r := m.load(); r.State != Closed {
		t.Errorf("repaired: %s", r.State)
	}
	m.reopen("resume")
	if r := m.load(); r.State != Interrupted || r.Window.Closed {
		t.Errorf("resumed: %s %+v", r.State, r.Window)
	}
	m.segments("teacher", nine.Add(6*time.Second), 2*time.Second, 1)
	m.close(nine.Add(8 * time.Second))
	if r := m.load(); r.State != Closed || !r.Window.To.Equal(nine.Add(8*time.Second)) {
		t.Errorf("closed again: %s %+v", r.State, r.Window)
	}
}

func TestALiveWindowGrowsWithTheClock(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a", "b")
	_, err := m.fs.Lock(m.path(lockName))
	m.must(err)
	m.run("a", nine)
	m.segments("a", nine, 2*time.Second, 1)
	m.missing("b", nine, time.Time{}, media.Unreachable)
	m.sync()
	r := m.load()
	r.Plan.Length = journal.Duration(time.Minute)
	r.Window.Planned = nine.Add(time.Minute)
	r.Extend(nine.Add(3 * time.Second))
	if r.State != Live || !r.Window.To.Equal(nine.Add(3*time.Second)) {
		t.Errorf("%s %+v", r.State, r.Window)
	}
	// What is not committed yet is no gap; the gap that goes on lasts until now.
	if c := r.Coverage(r.Camera("a")); c.Media != Seconds(2*time.Second) || c.Window != c.Media {
		t.Errorf("%+v", c)
	}
	if c := r.Coverage(r.Camera("b")); c.Gaps != Seconds(3*time.Second) || c.GapCount != 1 {
		t.Errorf("%+v", c)
	}
	if spans := r.Timeline(r.Camera("b")); len(spans) != 2 || spans[1].Use != UseFuture || !spans[1].To.Equal(nine.Add(time.Minute)) {
		t.Errorf("%+v", spans)
	}
}

func TestTheAudioThatDiesIsNoGapOfTheCamera(t *testing.T) {
	one := 1
	m := begin(t, crashfs.New(), "/rec", "a")
	m.run("a", nine)
	m.line(&journal.Gap{ID: 1, Camera: "a", Track: &one, From: nine.Add(time.Second), To: nine.Add(2 * time.Second), Causes: media.Because(media.Timeout)})
	m.segments("a", nine, 2*time.Second, 1)
	m.close(nine.Add(2 * time.Second))
	r := m.load()
	if c := r.Coverage(r.Camera("a")); c.Gaps != 0 || c.GapCount != 0 || c.Share() != 1 {
		t.Errorf("%+v", c)
	}
	if c := m.verify(VerifyOptions{}).Cameras[0]; c.Tracks[1].Coverage.Gaps != Seconds(time.Second) || c.Coverage.Share() != 1 {
		t.Errorf("%+v", c)
	}
}

func TestWithoutAPlanTheJournalNamesTheCameras(t *testing.T) {
	m := healthy(t)
	m.must(m.fs.Remove(m.path(journal.PlanName)))
	r := m.load()
	if !fault.Is(r.PlanError, fault.NotFound) || len(r.Plan.Cameras) != 2 || len(r.Camera("student").Segments) != 3 {
		t.Errorf("%v %+v", r.PlanError, r.Plan)
	}
	m.dropJournal()
	if _, err := Load(m.fs, m.dir); !fault.Is(err, fault.NotFound) {
		t.Errorf("without both: %v", err)
	}
}

// days records for some days, a few segments of two seconds each, with gaps between them.
// The journal has a file for each day.
func days(t testing.TB, days, perDay int) *maker {
	m := begin(t, crashfs.New(), "/rec", "a")
	m.run("a", nine)
	for day := range days {
		start := nine.AddDate(0, 0, day)
		for i := range perDay {
			m.segments("a", start.Add(time.Duration(i)*time.Minute), 2*time.Second, 1)
			m.missing("a", start.Add(time.Duration(i)*time.Minute+2*time.Second), start.Add(time.Duration(i+1)*time.Minute), media.Loss)
		}
		m.missing("a", start.Add(time.Duration(perDay)*time.Minute), start.AddDate(0, 0, 1), media.ProcessDown)
	}
	m.close(nine.AddDate(0, 0, days))
	return m
}

func TestADayIsReadAloneAndIsTheSame(t *testing.T) {
	m := days(t, 8, 5)
	whole := m.load()
	from, to := nine.AddDate(0, 0, 3), nine.AddDate(0, 0, 3).Add(time.Hour)
	part, err := LoadBetween(m.fs, m.dir, from, to)
	m.must(err)
	inside := func(r *Recording) (list []string) {
		for _, s := range r.Camera("a").Segments {
			if !s.Start.Before(from) && s.Start.Before(to) {
				list = append(list, s.File, s.End.String())
			}
		}
		return list
	}
	if got, want := inside(part), inside(whole); !reflect.DeepEqual(got, want) || len(got) != 10 {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(part.Camera("a").Segments) >= len(whole.Camera("a").Segments) {
		t.Error("everything was read")
	}
	if part.Window != whole.Window || part.State != whole.State {
		t.Errorf("%+v, want %+v", part.Window, whole.Window)
	}
}

// FuzzLoad feeds lines with sound checksums and anything else in them. What comes out is
// consistent: nothing points outside a camera's folder, and every window is filled
// exactly once.
func FuzzLoad(f *testing.F) {
	member := regexp.MustCompile(`(?m)^.*"kind":(.*),"crc":"[0-9a-f]{8}"}$`)
	m := days(f, 3, 2)
	for _, name := range m.journalFiles() {
		f.Add(member.ReplaceAll(m.read("journal/"+name), []byte("$1")))
	}
	f.Add([]byte(`"segment","camera":"a","n":1,"file":"a/../../x","start":"2026-11-22T09:00:00Z"`))
	f.Add([]byte(`"gap","id":1,"camera":"a","from":"2026-11-22T09:00:00Z","causes":["loss"]
"gap","id":1,"camera":"b","from":"2026-11-22T08:00:00Z","to":"2026-11-22T07:00:00Z","causes":[]`))
	f.Add([]byte(`"segment","camera":"a","n":1,"file":"a/x","run":1,"start":"2026-11-22T09:00:00Z","tracks":[{"codec":"h264","clock":90000}]
"seal","camera":"a","n":1,"size":9,"sha256":"","start":"2026-11-22T09:00:00Z","end":"2026-11-22T09:00:09Z","starts":[],"ends":[],"units":[3]
"gap","id":1,"camera":"a","from":"2026-11-22T09:00:09Z","to":"2026-11-22T09:00:19Z","causes":[]
"backfill","gap":1,"camera":"a","n":1,"from":"2026-11-22T09:00:10Z","to":"2026-11-22T09:00:15Z","splice":"time"
"protect","id":1,"from":"2026-11-22T09:00:10Z"
"prune","camera":"a","n":1,"file":"a/x","start":"2026-11-22T09:00:00Z","end":"2026-11-22T09:00:09Z","size":9,"why":"age"`))
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 64<<10 {
			return
		}
		m := begin(t, crashfs.New(), "/rec", "a", "b")
		m.leave()
		var log bytes.Buffer
		table := crc32.MakeTable(crc32.Castagnoli)
		for i, line := range strings.Split(string(input), "\n") {
			format := ""
			if i == 0 {
				format = `"format":1,`
			}
			text := fmt.Sprintf(`{%s"seq":%d,"time":"2026-11-22T09:00:00.000Z","kind":%s`, format, 100+i, line)
			fmt.Fprintf(&log, "%s,\"crc\":\"%08x\"}\n", text, crc32.Checksum([]byte(text), table))
		}
		m.write("journal/2026-11-23-000000100.jsonl", log.Bytes())
		r, err := Load(m.fs, m.dir)
		if err != nil {
			t.Fatal(err)
		}
		if r.Window.To.Before(r.Window.From) {
			t.Fatalf("window %+v", r.Window)
		}
		for _, c := range r.Cameras {
			checkCamera(t, r, c)
		}
		m.verify(VerifyOptions{Deep: true})
		if _, err := Summarize(m.fs, m.dir); err != nil {
			t.Fatal(err)
		}
	})
}

func checkCamera(t *testing.T, r *Recording, c *Camera) {
	t.Helper()
	for _, s := range c.Segments {
		if !strings.HasPrefix(s.File, c.Name+"/") || strings.Contains(s.File, "..") && strings.Contains("/"+s.File+"/", "/../") || s.End.Before(s.Start) {
			t.Fatalf("%+v", s)
		}
	}
	at := r.Window.From
	var sum time.Duration
	for _, s := range r.Timeline(c) {
		if !s.From.Equal(at) || !s.From.Before(s.To) {
			t.Fatalf("%+v after %v", s, at)
		}
		at = s.To
		if s.Use != UseFuture {
			sum += s.To.Sub(s.From)
		}
	}
	if cov := r.Coverage(c); cov.Window != cov.Media+cov.Gaps+cov.Pruned+cov.LeadIn+cov.Unexplained || time.Duration(cov.Window) != sum {
		t.Fatalf("%+v, spans of %v", cov, sum)
	}
}
