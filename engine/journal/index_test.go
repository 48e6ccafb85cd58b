package journal

import (
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/vfs/crashfs"
)

// week is a journal of seven daily files of two cameras, with a segment and a gap across
// each midnight but the last.
func week(t testing.TB, f *crashfs.FS) {
	c := newClock()
	w := open(t, f, c)
	add(t, w, &Open{Why: "create"})
	n := uint64(0)
	for day := range 7 {
		for hour := range 24 {
			c.now = day1.Truncate(24 * time.Hour).Add(time.Duration(day*24+hour)*time.Hour + 30*time.Minute)
			if n > 0 {
				from := c.now.Add(-time.Hour)
				add(t, w, seal("a", n, from, 59*time.Minute), gap("a", n, from.Add(59*time.Minute), c.now))
			}
			n++
			add(t, w, segment("a", n, c.now), commit(n, c.now, "a"))
			add(t, w, gap("a", n, c.now.Add(59*time.Minute), time.Time{}))
			must(t, w.Sync())
		}
	}
	if n := len(w.closed); n != 0 {
		t.Errorf("%d files were not compacted", n)
	}
	// Killed: the last file is not closed.
}

func TestTheIndexSaysWhatEachFileHolds(t *testing.T) {
	f := newFS(t)
	week(t, f)
	_, index, err := Tail(f, dir)
	must(t, err)
	if len(index.Files) != 6 {
		t.Fatalf("%d files", len(index.Files))
	}
	x := index.Files[2]
	day := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	a := x.Cameras[0]
	if x.File != "2026-11-24-"+x.File[11:] || !x.Compact || x.End != Clean || len(x.Cameras) != 1 || x.Gap != 72 ||
		!x.Since.Equal(day.Add(-30*time.Minute)) || x.To-x.From != 24*5-1 {
		t.Errorf("%+v", x)
	}
	// 24 seals of 59 minutes from 23:30 the day before on, 24 gaps of a minute.
	if a.Camera != "a" || a.Segments != 24 || a.Bytes != 24000 || a.Media != Duration(24*59*time.Minute) ||
		!a.First.Equal(day.Add(-30*time.Minute)) || !a.Last.Equal(day.Add(23*time.Hour+29*time.Minute)) || a.Lowest != 48 || a.Highest != 72 ||
		a.Missing != Duration(24*time.Minute) || a.Gaps != 25 ||
		!slices.Equal(a.Open, []uint64{72}) || !slices.Equal(a.Ended, []uint64{48}) ||
		!slices.Equal(a.GapsOpen, []uint64{72}) || !slices.Equal(a.GapsEnded, []uint64{48}) {
		t.Errorf("%+v", a)
	}
	data := bytesOf(t, f, x.File)
	if int64(len(data)) != x.Size || uint32(x.Sum) != crc32.Checksum([]byte(data), castagnoli) {
		t.Errorf("%d bytes, sum %x", x.Size, x.Sum)
	}
}

func TestTheIndexSaysHowMuchIsOfTheSubStream(t *testing.T) {
	f, c := newFS(t), newClock()
	w := open(t, f, c)
	add(t, w, &Open{Why: "create"})
	for n, stream := range []string{"", "sub", "sub", ""} {
		at := c.now.Add(time.Duration(n) * 10 * time.Minute)
		line := seal("a", uint64(n+1), at, 10*time.Minute)
		line.Stream = stream
		add(t, w, &Quality{Camera: "a", Run: uint64(n), From: at, Stream: stream}, line)
	}
	must(t, w.Close())
	_, index, err := Tail(f, dir)
	must(t, err)
	if a := index.Files[0].Cameras[0]; a.Media != Duration(40*time.Minute) || a.Sub != Duration(20*time.Minute) {
		t.Errorf("%+v", a)
	}
}

func TestTailReadsTheLastFileAndWhatIsOpen(t *testing.T) {
	f := newFS(t)
	week(t, f)
	log, index, err := Tail(f, dir)
	must(t, err)
	all := readLog(t, f)
	if log.NextSeq != all.NextSeq || log.End != Clean || len(log.Files) != 7 || len(log.Problems) > 0 {
		t.Errorf("%+v", log.Files)
	}
	// 24 times seal, gap, segment, commit and gap; all commits but the last are dead.
	if n := len(log.Lines); n != 24*4+1 || log.Lines[0].Seq != index.Files[5].To+1 || log.Lines[n-1].Seq != all.NextSeq-1 {
		t.Errorf("%d lines", n)
	}
	// A segment that stays open keeps its file in the tail.
	c := newClock()
	c.now = day1.AddDate(0, 0, 7)
	w := open(t, f, c)
	add(t, w, segment("slow", 1, c.now), gap("slow", 900, c.now, time.Time{}))
	must(t, w.Close())
	for range 3 {
		c.advance(24 * time.Hour)
		w = open(t, f, c)
		add(t, w, gap("a", 901, c.now, c.now))
		must(t, w.Close())
	}
	has := func(seq uint64) bool {
		log, _, err = Tail(f, dir)
		must(t, err)
		return slices.ContainsFunc(log.Lines, func(l Line) bool { return l.Seq == seq })
	}
	if !has(all.NextSeq) {
		t.Error("the file with the open segment is not in the tail")
	}
	w = open(t, f, c)
	add(t, w, seal("slow", 1, day1.AddDate(0, 0, 7), time.Hour))
	must(t, w.Rotate())
	if !has(all.NextSeq) {
		t.Error("the file with the open gap is not in the tail")
	}
	add(t, w, gap("slow", 900, day1.AddDate(0, 0, 7), c.now))
	must(t, w.Rotate())
	add(t, w, gap("a", 902, c.now, c.now))
	must(t, w.Close())
	if has(all.NextSeq) {
		t.Error("a file with nothing open is in the tail")
	}
}

func TestReadDaysReadsTheseDaysAndWhatBelongsToThem(t *testing.T) {
	f := newFS(t)
	week(t, f)
	all := readLog(t, f)
	for day := range 7 {
		from := day1.Truncate(24*time.Hour).AddDate(0, 0, day).Add(10 * time.Hour)
		log, err := ReadDays(f, dir, from, from.Add(time.Hour))
		must(t, err)
		begun, sealed := map[uint64]bool{}, map[uint64]bool{}
		for _, l := range log.Lines {
			switch e := l.Entry.(type) {
			case *Segment:
				begun[e.N] = true
			case *Seal:
				sealed[e.N] = true
				if !begun[e.N] && e.N != uint64(24*(day-1)) && e.End.After(from) && e.Start.Before(from.Add(time.Hour)) {
					t.Errorf("day %d: segment %d is sealed and was not begun", day, e.N)
				}
			}
		}
		for n := uint64(24 * day); n <= uint64(24*day+24); n++ {
			if n > 0 && n < 168 && (!begun[n] || !sealed[n]) {
				t.Errorf("day %d: segment %d is begun %v, sealed %v", day, n, begun[n], sealed[n])
			}
		}
		if len(log.Lines) >= len(all.Lines) || log.NextSeq != all.NextSeq || log.End != Clean {
			t.Errorf("day %d: %d of %d lines, %s, %v", day, len(log.Lines), len(all.Lines), log.End, log.Problems)
		}
	}
}

func TestAnIndexThatIsMissingTornOrStaleIsMadeAnew(t *testing.T) {
	f := newFS(t)
	week(t, f)
	c := newClock()
	c.now = day1.AddDate(0, 0, 8)
	must(t, open(t, f, c).Close())
	want := bytesOf(t, f, indexName)
	// The directory is listed in the order of the lines, and so is the index made anew.
	for name, damage := range map[string]func(f *crashfs.FS){
		"missing": func(f *crashfs.FS) { must(t, f.Remove(dir+"/"+indexName)) },
		"empty":   func(f *crashfs.FS) { put(t, f, map[string]string{indexName: ""}) },
		"torn":    func(f *crashfs.FS) { put(t, f, map[string]string{indexName: want[:len(want)-9]}) },
		"garbage": func(f *crashfs.FS) { put(t, f, map[string]string{indexName: strings.Repeat("\xff\x00\n", 1000)}) },
		"of a later format": func(f *crashfs.FS) {
			put(t, f, map[string]string{indexName: rawLine(`"format":2,"file":"` + one + `"`)})
		},
		"broken in the middle": func(f *crashfs.FS) {
			put(t, f, map[string]string{indexName: strings.Replace(want, `"size"`, `"sise"`, 1)})
		},
		"of files that are gone": func(f *crashfs.FS) {
			put(t, f, map[string]string{indexName: want + rawLine(`"format":1,"file":"2026-11-22-000009999.jsonl","from":9999,"to":99999,"size":5`)})
		},
		"of other sizes": func(f *crashfs.FS) {
			line := strings.SplitAfter(want, "\n")[0]
			members := line[1:strings.LastIndex(line, `,"crc"`)]
			at := strings.Index(members, `"size":`)
			put(t, f, map[string]string{indexName: rawLine(members[:at+7] + "9" + members[at+7:])})
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := f.Clone(crashfs.Kept)
			before := readLog(t, f)
			damage(f)
			if after := readLog(t, f); !linesEqual(before.Lines, after.Lines) || after.NextSeq != before.NextSeq || after.End != Clean {
				t.Errorf("another log: %d lines, next %d, %s", len(after.Lines), after.NextSeq, after.End)
			}
			_, index, err := Tail(f, dir)
			must(t, err)
			if name == "missing" && len(index.Files) != 0 {
				t.Errorf("%d files indexed", len(index.Files))
			}
			must(t, open(t, f, c).Close())
			lines := func(text string) []string {
				list := strings.SplitAfter(text, "\n")
				slices.Sort(list)
				return list
			}
			if got := bytesOf(t, f, indexName); !slices.Equal(lines(got), lines(want)) {
				t.Errorf("the index is now\n%s\nand was\n%s", got, want)
			}
		})
	}
}
