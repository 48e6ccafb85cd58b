package commands

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

func TestRecordHandsOnWhatWasTyped(t *testing.T) {
	f := newFake(t, "record", "-i", "a=rtsp://cam/1,2", "-i", "rtsp://cam/2", "-t", "00:45:00", "--at", "13:00", "-o", "out",
		"--segment", "5m", "--commit", "0.5", "--fragment", "100ms", "--transport", "TCP", "--reorder", "50ms", "--insecure", "--grace", "20",
		"--backfill", "a=rtsp://near/a?from={start}", "--backfill-rate", "500kB")
	f.run(t, 0)
	camera := func(name, url string) journal.Camera {
		return journal.Camera{Name: name, URL: url, Transport: "tcp", Reorder: journal.Duration(50 * time.Millisecond), Insecure: true}
	}
	want := engine.RecordOptions{
		Dir: "out", Cameras: []journal.Camera{camera("a", "rtsp://cam/1,2"), camera("camera-2", "rtsp://cam/2")},
		At: noon.Add(time.Hour), Length: 45 * time.Minute, Segment: 5 * time.Minute, Commit: 500 * time.Millisecond,
		Fragment: 100 * time.Millisecond, Grace: 20 * time.Second,
		Backfill: []engine.BackfillSource{{Camera: "a", URL: "rtsp://near/a?from={start}"}}, BackfillRate: 500_000,
	}
	if len(f.record) != 1 || !reflect.DeepEqual(f.record[0], want) {
		t.Errorf("the engine was asked\n%+v, want\n%+v", f.record, want)
	}
}

func TestDefaultsAreTheEngines(t *testing.T) {
	f := newFake(t, "record", "rtsp://cam/1")
	f.run(t, 0)
	want := engine.RecordOptions{
		Dir:     "2026-11-22T110000Z",
		Cameras: []journal.Camera{{Name: "camera", URL: "rtsp://cam/1", Transport: "auto", Reorder: journal.Duration(engine.DefaultReorder)}},
		Segment: engine.DefaultSegment, Commit: engine.DefaultCommit, Fragment: engine.DefaultFragment, Grace: engine.DefaultGrace,
		BackfillRate: engine.DefaultBackfillRate,
	}
	if len(f.record) != 1 || !reflect.DeepEqual(f.record[0], want) {
		t.Errorf("the engine was asked\n%+v, want\n%+v", f.record, want)
	}
}

func TestDirectoryWithoutNameIsNamedByTheStartInUTC(t *testing.T) {
	f := newFake(t, "record", "rtsp://cam/1", "--at", "13:00")
	f.run(t, 0)
	f.run(t, 0)
	for i, want := range []string{"2026-11-22T120000Z", "2026-11-22T120000Z-2"} {
		if got := f.record[i].Dir; got != want {
			t.Errorf("recording %d goes to %s, want %s", i+1, got, want)
		}
		if info, err := os.Stat(want); err != nil || !info.IsDir() {
			t.Errorf("%s is not made: two that begin together could get the same", want)
		}
	}
}

func TestRecordRefusesDirectoriesThatAreTaken(t *testing.T) {
	for _, c := range []struct {
		about   string
		prepare func(t *testing.T)
		code    int
		says    string
		hint    string
	}{
		{"a file", func(t *testing.T) { put(t, "out", "x") }, 2, "out is a file", "NEW-DIRECTORY"},
		{"something else in it", func(t *testing.T) { put(t, "out/notes.txt", "x") }, 2, "out is not empty and not a recording", "NEW-DIRECTORY"},
		{"a recording", func(t *testing.T) { put(t, "out/recording.json", "{}") }, 2, "out is a recording already", "rtsprec resume out"},
		{"a recording that is being made", func(t *testing.T) {
			put(t, "out/recording.json", "{}")
			lock, err := vfs.OS().Lock("out/lock")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { lock.Close() })
		}, 7, "out is being recorded by another rtsprec", "NEW-DIRECTORY"},
	} {
		t.Run(c.about, func(t *testing.T) {
			f := newFake(t, "record", "-i", "rtsp://cam/1", "-o", "out")
			c.prepare(t)
			before := tree(t)
			f.run(t, c.code)
			contains(t, f.err.String(), "rtsprec: "+c.says, "hint: ", c.hint)
			if len(f.record) > 0 {
				t.Error("the engine was asked all the same")
			}
			if after := tree(t); after != before {
				t.Errorf("there was\n%s\nand now\n%s", before, after)
			}
		})
	}
}

func TestEmptyDirectoryIsTaken(t *testing.T) {
	f := newFake(t, "record", "-i", "rtsp://cam/1", "-o", "out")
	if err := os.Mkdir("out", 0o755); err != nil {
		t.Fatal(err)
	}
	f.run(t, 0)
}

func TestSummaryTellsWhatIsMissingToTheSecond(t *testing.T) {
	f := newFake(t, "record", "-i", "teacher=rtsp://cam/1", "-i", "students=rtsp://cam/2", "-i", "off=rtsp://cam/3", "-t", "45m", "-o", "math 101")
	f.Engine.Record = func(_ context.Context, _ engine.Deps, o engine.RecordOptions) (*engine.Summary, error) {
		return &engine.Summary{
			Dir: o.Dir, From: noon, To: noon.Add(45 * time.Minute),
			Cameras: []engine.CameraSummary{
				{Name: "teacher", Coverage: 1, Files: make([]string, 5), Bytes: 1_412_000_000, Answered: true},
				{Name: "students", Coverage: 0.97148, Files: make([]string, 6), Bytes: 980_500_000, Answered: true,
					Gaps: []archive.Gap{{From: noon.Add(12 * time.Minute), To: noon.Add(12*time.Minute + 77*time.Second),
						Causes: media.Because(media.Unreachable, media.Timeout), Note: "camera fell silent"}},
					Damage: []archive.Damage{{From: noon.Add(time.Minute), To: noon.Add(time.Minute + 2*time.Second), Units: 3, Lost: 12}}},
				{Name: "off", Trouble: "connection refused"},
			},
		}, fault.New(fault.Incomplete, "math 101 is complete but for 1 gap")
	}
	f.run(t, 3)
	want := `math 101: 2026-11-22 12:00:00 to 12:45:00 (45:00)
  camera    coverage  files    size  missing      damaged
  teacher      100 %      5  1.4 GB  -            -
  students    97.1 %      6  980 MB  1 gap, 1:17  3 units, 12 packets lost
  off            0 %      0     0 B  -            -
  students  missing  2026-11-22 12:12:00 to 12:13:17, 1:17: unreachable, timeout (camera fell silent)
  students  damaged  2026-11-22 12:01:00 to 12:01:02, track 0: 3 units, 12 packets lost
  off never answered: connection refused
`
	if got := f.out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	contains(t, f.err.String(), "rtsprec: math 101 is complete but for 1 gap\nhint: rtsprec verify 'math 101'")
}

func TestThousandGapsAreNotAThousandLines(t *testing.T) {
	f := newFake(t)
	gaps := make([]archive.Gap, 1000)
	for i := range gaps {
		gaps[i] = archive.Gap{From: noon, To: noon.Add(time.Second), Causes: media.Because(media.Loss)}
	}
	lines := f.process().details("a", gaps, nil)
	if len(lines) != detailLimit+1 || !strings.Contains(lines[detailLimit], "980 more") {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
}

func TestHintsNameTheRecording(t *testing.T) {
	for kind, want := range map[fault.Kind]string{
		fault.DiskFull:   "rtsprec resume 'a b'",
		fault.DiskFailed: "rtsprec resume 'a b'",
		fault.Damaged:    "rtsprec resume --repair 'a b'",
		fault.Incomplete: "rtsprec verify 'a b'",
	} {
		h, ok := aboutDir(fault.New(kind, "x"), "a b").(hinted)
		if !ok || !strings.Contains(h.hint, want) {
			t.Errorf("%v: the hint is %q, want %q", kind, h.hint, want)
		}
	}
	denied := aboutDir(vfs.Fault("open", os.ErrPermission), "dir").(hinted)
	if !strings.Contains(denied.hint, "ls -ld dir") {
		t.Errorf("a directory that is not ours: the hint is %q", denied.hint)
	}
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tree lists all files below the working directory.
func tree(t *testing.T) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(".", func(name string, _ os.DirEntry, err error) error {
		names = append(names, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, "\n")
}
