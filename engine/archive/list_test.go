package archive

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
	"rtsprec/engine/vfs/crashfs"
)

func TestListFindsRecordingsAndTheirState(t *testing.T) {
	fsys := crashfs.New()
	done := begin(t, fsys, "/media/2026/math", "teacher")
	done.run("teacher", nine)
	done.segments("teacher", nine, 2*time.Second, 2)
	done.close(nine.Add(5 * time.Second))

	crashed := begin(t, fsys, "/media/crashed", "a")
	crashed.run("a", nine)
	s := crashed.open("a", nine)
	s.fill(2 * time.Second)
	s.commit()

	live := begin(t, fsys, "/media/live", "a", "b")
	_, err := fsys.Lock(live.path(lockName))
	live.must(err)

	broken := begin(t, fsys, "/media/old/broken", "a")
	broken.leave()
	broken.write(journal.PlanName, []byte(`{"format":99}`))

	done.must(fsys.MkdirAll("/media/1/2/3/4/5", 0o755))
	deep := begin(t, fsys, "/media/1/2/3/4/5/deep", "a")
	deep.leave()
	done.write("../.hidden/recording.json", []byte("{}"))

	list, err := List(fsys, "/media")
	done.must(err)
	var got []string
	for _, s := range list {
		got = append(got, s.Dir+" "+string(s.State))
	}
	want := []string{"/media/2026/math closed", "/media/crashed interrupted", "/media/live recording", "/media/old/broken interrupted"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("got  %q\nwant %q", got, want)
	}
	c := list[0].Cameras[0]
	if want := (Coverage{Window: Seconds(5 * time.Second), Media: Seconds(5 * time.Second)}); c.Coverage != want || c.Segments != 2 || c.Bytes != list[0].Bytes || c.Bytes == 0 {
		t.Errorf("%+v", c)
	}
	if list[1].Window.Closed || list[1].Bytes != s.w.Progress().Size {
		t.Errorf("%+v", list[1])
	}
	if len(list[2].Cameras) != 2 || list[2].Error != "" {
		t.Errorf("%+v", list[2])
	}
	if !strings.Contains(list[3].Error, "format 99") {
		t.Errorf("%+v", list[3])
	}
	for root, n := range map[string]int{"/media/crashed": 1, "/media/2026": 1, "/media/2026/math/teacher": 0} {
		if list, err := List(fsys, root); err != nil || len(list) != n {
			t.Errorf("%s: %v, %v", root, list, err)
		}
	}
	if _, err := List(fsys, "/nowhere"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a root that is not there: %v", err)
	}
}

// TestListChangesNothing holds that reading leaves no trace, not even a lock file.
func TestListChangesNothing(t *testing.T) {
	fsys := crashfs.New()
	m := begin(t, fsys, "/rec", "a")
	m.leave()
	lock, err := fsys.Lock(m.path(lockName))
	m.must(err)
	m.must(lock.Close())
	before := fsys.Ops()
	_, err = List(fsys, "/")
	m.must(err)
	m.verify(VerifyOptions{})
	if n := fsys.Ops() - before; n > 0 {
		t.Errorf("%d operations that change something", n)
	}
}

// TestALargeJournalIsSummedUpFromItsIndex compares the sums for a journal too large to
// be read whole with the catalogue itself.
func TestALargeJournalIsSummedUpFromItsIndex(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a")
	m.run("a", nine)
	for day := range 12 {
		start := nine.AddDate(0, 0, day)
		m.segments("a", start, 2*time.Second, 3)
		for i := range 250 {
			at := start.Add(time.Duration(i) * time.Second)
			m.line(&journal.Damage{Camera: "a", From: at, To: at.Add(time.Second), Units: 1})
		}
		m.missing("a", start.Add(6*time.Second), start.AddDate(0, 0, 1), media.ProcessDown)
	}
	s := m.open("a", nine.AddDate(0, 0, 12))
	s.fill(2 * time.Second)
	s.commit()
	compare := func(what string, most int) {
		t.Helper()
		whole := m.load().Summary()
		reads := &counting{FS: m.fs}
		sum, err := Summarize(reads, m.dir)
		m.must(err)
		a, b := sum.Cameras[0], whole.Cameras[0]
		if a.Bytes != b.Bytes || a.Segments != b.Segments || a.Coverage.GapCount != b.Coverage.GapCount || a.Coverage.Gaps != b.Coverage.Gaps ||
			time.Duration(a.Coverage.Media-b.Coverage.Media).Abs() > time.Second || sum.Window != whole.Window || sum.State != whole.State ||
			time.Duration(a.Coverage.Pruned-b.Coverage.Pruned).Abs() > time.Second {
			t.Errorf("%s: got  %+v\nwant %+v", what, sum, whole)
		}
		if reads.journals > most {
			t.Errorf("%s: %d journal files were read", what, reads.journals)
		}
	}
	compare("recorded", 4)
	for _, s := range m.load().Camera("a").Segments[:4] {
		m.line(&journal.Prune{Camera: "a", N: s.N, File: s.File, Start: s.Start, End: s.End, Size: s.Size, Why: "age"})
	}
	hole := nine.AddDate(0, 0, 2).Add(6 * time.Second)
	end := hole.Add(time.Hour)
	m.runOf("a", hole, "replay")
	m.line(&journal.Segment{Camera: "a", N: 99, File: "a/" + segment.FileName(hole, 99), Run: m.runs, Start: hole, Tracks: m.lineTracks()})
	m.line(&journal.Seal{Camera: "a", N: 99, Size: 1000, Start: hole, End: end, Starts: []time.Time{hole, hole}, Ends: []time.Time{end, end}, Units: []int64{9, 9}})
	m.line(&journal.Backfill{Gap: 3, Camera: "a", N: 99, From: hole, To: hole.Add(time.Hour), Splice: "time"})
	m.sync()
	compare("pruned and filled", 4)
	m.leave()
	m.reopen("resume")
	m.line(&journal.Damage{Camera: "a", From: nine, To: nine.Add(time.Second), Units: 1})
	m.sync()
	compare("indexed", 5)
}

// counting counts journal files that are opened.
type counting struct {
	vfs.FS
	journals int
}

func (c *counting) Open(name string) (vfs.File, error) {
	if strings.HasPrefix(filepath.Base(name), "2026-") {
		c.journals++
	}
	return c.FS.Open(name)
}

// TestLinksToFoldersOnOtherDisksAreFollowed has a camera's folder elsewhere, on the host's
// file system.
func TestLinksToFoldersOnOtherDisksAreFollowed(t *testing.T) {
	dir, other := filepath.Join(t.TempDir(), "rec"), filepath.Join(t.TempDir(), "big")
	m := begin(t, vfs.OS(), dir, "a")
	m.must(os.Mkdir(other, 0o755))
	m.must(os.Symlink(other, filepath.Join(dir, "a")))
	m.run("a", nine)
	m.segments("a", nine, 2*time.Second, 1)
	m.must(os.Symlink("/dev/null", filepath.Join(other, "x.mp4")))
	m.close(nine.Add(2 * time.Second))
	m.verify(VerifyOptions{}).expect(t, Incomplete, "incomplete stranger a/x.mp4")
}

// TestAnUnreadableFileIsNamed has the disk refuse one file.
func TestAnUnreadableFileIsNamed(t *testing.T) {
	m := healthy(t)
	name := m.files("student")[0]
	m.fs.(*crashfs.FS).SetError(func(op crashfs.Op) error {
		if op.Kind == crashfs.Read && op.Name == m.path(name) {
			return &fs.PathError{Op: "read", Path: name, Err: os.ErrInvalid}
		}
		return nil
	})
	m.verify(VerifyOptions{}).expect(t, Damaged, "damaged unreadable "+name)
}
