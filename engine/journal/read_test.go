package journal

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"testing"

	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
	"rtsprec/engine/vfs/crashfs"
)

// rawLine makes a line of any JSON members, as a later version may write.
func rawLine(members string) string {
	text := "{" + members
	return fmt.Sprintf("%s,\"crc\":\"%08x\"}\n", text, crc32.Checksum([]byte(text), castagnoli))
}

func gapLines(from, to int) (text string) {
	for i := from; i <= to; i++ {
		b, err := body(uint64(i), day1, gap("a", uint64(i), day1, day1))
		if err != nil {
			panic(err)
		}
		text += string(appendLine(nil, b, i == from))
	}
	return text
}

// put makes a journal of files by hand.
func put(t testing.TB, f vfs.FS, files map[string]string) {
	t.Helper()
	must(t, f.MkdirAll(dir, 0o755))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		must(t, vfs.Replace(f, dir+"/"+name, []byte(files[name]), 0o644))
	}
}

func seqsOf(log *Log) string {
	var list []string
	for _, l := range log.Lines {
		list = append(list, fmt.Sprint(l.Seq))
	}
	return strings.Join(list, " ")
}

const (
	one = "2026-11-22-000000001.jsonl"
	six = "2026-11-22-000000006.jsonl"
)

// 29, the journal's part.
func TestCase29EachKindOfLossIsReportedForWhatItIs(t *testing.T) {
	good := gapLines(1, 5)
	lines := strings.SplitAfter(good, "\n")
	third := strings.Index(good, lines[2])
	for _, c := range []struct {
		name    string
		files   map[string]string
		end     End
		seqs    string
		problem string // the first; File, offset and why
	}{
		{"whole", map[string]string{one: good}, Clean, "1 2 3 4 5", ""},
		{"empty", map[string]string{one: ""}, Clean, "", ""},
		{"torn", map[string]string{one: good[:len(good)-1]}, Torn, "1 2 3 4", ""},
		{"torn in the first line", map[string]string{one: good[:20]}, Torn, "", ""},
		{"zeros at the end", map[string]string{one: good + strings.Repeat("\x00", 5000)}, Torn, "1 2 3 4 5", ""},
		{"garbage lines at the end", map[string]string{one: good + "x\n{}\n\n"}, Torn, "1 2 3 4 5", ""},
		{"torn, and gone on in the next file", map[string]string{one: good + "{", six: gapLines(6, 7)}, Clean, "1 2 3 4 5 6 7", ""},
		{"a broken line", map[string]string{one: strings.Replace(good, lines[2], "X"+lines[2], 1)}, Corrupt, "1 2 4 5", fmt.Sprint(one, third, "a broken line")},
		{"a line too long", map[string]string{one: strings.Replace(good, lines[2], strings.Repeat("x", 3*MaxLine)+"\n", 1)}, Corrupt, "1 2 4 5", fmt.Sprint(one, third, "a broken line")},
		{"zeros in the middle", map[string]string{one: strings.Replace(good, lines[2], strings.Repeat("\x00", len(lines[2])), 1)}, Corrupt, "1 2 5", fmt.Sprint(one, third, "a broken line")},
		{"a line missing", map[string]string{one: strings.Replace(good, lines[2], "", 1)}, Corrupt, "1 2 4 5", "0lines 3 to 3 are missing"},
		{"a line twice", map[string]string{one: strings.Replace(good, lines[2], lines[2]+lines[2], 1)}, Corrupt, "1 2 3 4 5", fmt.Sprint(one, third+len(lines[2]), "a broken line")},
		{"the first line missing", map[string]string{one: good[len(lines[0]):]}, Corrupt, "2 3 4 5", one + "0the first line is missing"},
		{"a file missing", map[string]string{six: gapLines(6, 7)}, Corrupt, "6 7", "0lines 1 to 5 are missing"},
		{"a torn line that the next file has", map[string]string{one: good[:third+9], "2026-11-22-000000003.jsonl": gapLines(3, 4)}, Clean, "1 2 3 4", ""},
		{"lines written again", map[string]string{one: good, "2026-11-22-000000003.jsonl": gapLines(3, 4)}, Clean, "1 2 3 4 5", ""},
		{"lines written again, first of them broken", map[string]string{one: strings.Replace(good, lines[2], "X", 1), "2026-11-22-000000003.jsonl": gapLines(3, 7)}, Corrupt, "1 2 3 4 5 6 7", fmt.Sprint(one, third, "a broken line")},
		{"strangers", map[string]string{one: good, one + ".tmp": "x", "notes.txt": "x", "2026-11-22-1.jsonl": "x", "index.jsonl": "x"}, Clean, "1 2 3 4 5", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFS(t)
			put(t, f, c.files)
			check := func(log *Log, err error) {
				t.Helper()
				must(t, err)
				problem := ""
				if len(log.Problems) > 0 {
					p := log.Problems[0]
					problem = fmt.Sprint(p.File, p.Offset, p.Why)
				}
				if log.End != c.end || seqsOf(log) != c.seqs || problem != c.problem {
					t.Errorf("%s, lines %s, %v", log.End, seqsOf(log), log.Problems)
				}
			}
			check(Read(f, dir))
			log, _, err := Tail(f, dir)
			check(log, err)
			// Opening repairs what can be, keeps the rest aside, and loses no line.
			w, err := OpenWriter(Options{FS: f, Dir: dir, Clock: newClock(), Aside: "/rec/quarantine"})
			must(t, err)
			add(t, w, gap("a", 9, day1, day1))
			must(t, w.Close())
			after := readLog(t, f)
			if got := seqsOf(after); got != strings.TrimSpace(fmt.Sprint(c.seqs, " ", log.NextSeq)) {
				t.Errorf("opened: lines %s", got)
			}
			if after.End == Torn || after.End == Corrupt && !strings.Contains(fmt.Sprint(after.Problems), "missing") {
				t.Errorf("opened: %s, %v", after.End, after.Problems)
			}
			if _, err := f.Stat(dir + "/" + one + vfs.TempSuffix); err == nil {
				t.Error("what an interrupted compaction left is still there")
			}
			_, err = f.Stat("/rec/quarantine/" + one)
			if broken := strings.Contains(c.problem, one); broken != (err == nil) {
				t.Errorf("kept aside: %v", err)
			} else if broken {
				if data, err := vfs.ReadFile(f.Clone(crashfs.Dropped), "/rec/quarantine/"+one, 1<<30); string(data) != c.files[one] {
					t.Errorf("kept aside: %d bytes, %v", len(data), err)
				}
			}
		})
	}
}

func TestACorruptFileStaysAsItIsWithoutAPlaceToKeepIt(t *testing.T) {
	f := newFS(t)
	text := gapLines(1, 2) + "x\n" + rawLine(`"seq":3,"time":"2026-11-22T09:00:00.000Z","kind":"gap"`)
	put(t, f, map[string]string{one: text})
	must(t, open(t, f, newClock()).Close())
	log := readLog(t, f)
	if got := bytesOf(t, f, one); got != text || log.End != Corrupt || log.NextSeq != 4 {
		t.Errorf("%s: %q", log.End, got)
	}
	// The index says so too.
	if log, _, err := Tail(f, dir); err != nil || log.End != Corrupt {
		t.Errorf("tail: %s, %v", log.End, err)
	}
}

func TestUnknownKindsAreKeptAndCompactedAround(t *testing.T) {
	f, c := newFS(t), newClock()
	w := open(t, f, c)
	add(t, w, segment("a", 1, day1), commit(1, day1, "a"))
	must(t, w.Sync())
	foreign := rawLine(`"seq":3,"time":"2026-11-22T09:00:01.000Z","kind":"omen","camera":"a","deep":{"er":[1]}`)
	h, err := f.OpenRW(dir + "/" + one)
	must(t, err)
	_, err = h.Write([]byte(foreign))
	must(t, err)
	must(t, h.Close())
	w = open(t, f, c)
	add(t, w, seal("a", 1, day1, 1))
	must(t, w.Close())
	log := readLog(t, f)
	if log.End != Clean || len(log.Lines) != 3 || !log.Files[0].Compact {
		t.Fatalf("%+v", log)
	}
	if l := log.Lines[1]; l.Kind != "omen" || l.Entry != nil || string(l.Raw)+"\n" != foreign || l.Seq != 3 {
		t.Errorf("%+v", l)
	}
}

func TestAnUnknownFormatIsRefused(t *testing.T) {
	f := newFS(t)
	text := rawLine(`"format":2,"seq":6,"time":"2026-11-22T09:00:01.000Z","kind":"gap","from":"who knows"`)
	put(t, f, map[string]string{one: gapLines(1, 5), six: text})
	_, err1 := Read(f, dir)
	_, _, err2 := Tail(f, dir)
	_, err3 := ReadDays(f, dir, day1, day1)
	_, err4 := OpenWriter(Options{FS: f, Dir: dir, Clock: newClock()})
	for _, err := range []error{err1, err2, err3, err4} {
		if !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), six) {
			t.Errorf("%v", err)
		}
	}
	if got := bytesOf(t, f, six); got != text {
		t.Errorf("changed to %q", got)
	}
}

// FuzzRead gives lines that begin with "+" the checksum they need, so that what is behind it
// is fuzzed too.
func FuzzRead(f *testing.F) {
	f.Add([]byte(gapLines(1, 3)), uint16(100))
	f.Add([]byte(gapLines(1, 2)+"x\n"+gapLines(3, 3)), uint16(10))
	for _, e := range everyEntry() {
		b, err := body(2, day1, e)
		must(f, err)
		f.Add([]byte("+\"format\":1,\"seq\":1,\"time\":\"2026-11-22T09:00:00Z\",\"kind\":\"segment\",\"camera\":\"a\",\"n\":7\n+"+string(b)+"\n"), uint16(200))
	}
	f.Add([]byte(`+"format":1,"seq":0,"time":"2026-11-22T09:00:00Z","kind":"compact","from":1,"to":9
+"seq":4,"kind":"commit","time":"2026-11-22T09:00:00Z","files":[{"camera":"a","n":1,"ends":[null]}]
`), uint16(0))
	f.Add([]byte("\x00\x00\n{}\n"), uint16(1))
	f.Fuzz(func(t *testing.T, script []byte, cut uint16) {
		var data []byte
		for line := range bytes.SplitAfterSeq(script, []byte("\n")) {
			if bytes.HasPrefix(line, []byte("+")) {
				line = []byte(rawLine(string(bytes.TrimSuffix(line[1:], []byte("\n")))))
			}
			data = append(data, line...)
		}
		fsys := newFS(t)
		put(t, fsys, map[string]string{one: string(data)})
		log, err := Read(fsys, dir)
		if fault.Is(err, fault.Unsupported) {
			return
		}
		must(t, err)
		last := uint64(0)
		for _, l := range log.Lines {
			if l.Seq <= last || l.Seq >= log.NextSeq {
				t.Errorf("line %d after %d", l.Seq, last)
			}
			last = l.Seq
		}
		// Every line that is returned is in the data with its checksum.
		sound := 0
		for line := range strings.SplitAfterSeq(string(data), "\n") {
			if strings.HasSuffix(line, "\n") && checkLine([]byte(line[:len(line)-1])) {
				sound++
			}
		}
		if len(log.Lines) > sound {
			t.Errorf("%d lines out of %d", len(log.Lines), sound)
		}
		// A prefix of the bytes gives a prefix of the lines (but for commits, which a seal
		// that is cut off would make dead).
		short := data[:min(int(cut), len(data))]
		put(t, fsys, map[string]string{one: string(short)})
		prefix, err := Read(fsys, dir)
		if fault.Is(err, fault.Unsupported) {
			return
		}
		must(t, err)
		var all []Line
		for _, l := range prefix.Lines {
			if l.Kind != KindCommit {
				all = append(all, l)
			}
		}
		i := 0
		for _, l := range log.Lines {
			if l.Kind != KindCommit && i < len(all) {
				if l.Seq != all[i].Seq {
					t.Errorf("line %d of the prefix is %d, not %d", i, all[i].Seq, l.Seq)
				}
				i++
			}
		}
		if i != len(all) {
			t.Errorf("the prefix has %d lines more", len(all)-i)
		}
		// Opening it loses no line.
		w, err := OpenWriter(Options{FS: fsys, Dir: dir, Clock: newClock(), Aside: "/rec/quarantine"})
		must(t, err)
		must(t, w.Close())
		if after := readLog(t, fsys); !linesEqual(after.Lines, prefix.Lines) || after.NextSeq != prefix.NextSeq {
			t.Errorf("opening changed %q", short)
		}
	})
}
