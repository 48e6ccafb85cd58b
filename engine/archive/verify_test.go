package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs/crashfs"
)

func TestAHealthyRecordingIsClean(t *testing.T) {
	m := healthy(t)
	for _, deep := range []bool{false, true} {
		r := m.verify(VerifyOptions{Deep: deep})
		r.expect(t, Clean)
		if r.Err() != nil || r.State != Closed || r.Files != 6 || len(r.Cameras) != 2 {
			t.Errorf("%+v", r)
		}
		for _, c := range r.Cameras {
			want := Coverage{Window: Seconds(6 * time.Second), Media: Seconds(6 * time.Second)}
			if c.Coverage != want || c.Segments != 3 || len(c.Tracks) != 2 || c.Tracks[1].Coverage != want {
				t.Errorf("%+v", c)
			}
		}
	}
}

// TestEveryFlippedByteOfASealedFileIsFound covers invariant 1: each of a sample of
// bytes, and every one of the first and last boxes.
func TestEveryFlippedByteOfASealedFileIsFound(t *testing.T) {
	m := healthy(t)
	name := m.files("teacher")[1]
	data := m.read(name)
	step := 97
	if testing.Short() {
		step = 997
	}
	for at := 0; at < len(data); at++ {
		if at > 64 && at < len(data)-16 && at%step != 0 {
			continue
		}
		broken := bytes.Clone(data)
		broken[at] ^= 1 << (at % 8)
		m.write(name, broken)
		r := m.verify(VerifyOptions{Workers: 1})
		if r.Status != Damaged || len(r.Findings) != 1 || r.Findings[0].File != name ||
			r.Findings[0].Kind != ChecksumWrong && r.Findings[0].Kind != StructureWrong {
			t.Fatalf("byte %d of %d: %s %+v", at, len(data), r.Status, r.Findings)
		}
		if !fault.Is(r.Err(), fault.Damaged) {
			t.Fatal(r.Err())
		}
		if where := r.Findings[0].Offset; where > int64(at) {
			t.Fatalf("byte %d is said to be wrong behind %d", at, where)
		}
	}
}

// TestEachBreakageIsNamed breaks a healthy recording in one way at a time.
func TestEachBreakageIsNamed(t *testing.T) {
	teacher := func(m *maker, i int) string { return m.files("teacher")[i] }
	for name, c := range map[string]struct {
		hurt   func(m *maker)
		status Status
		want   []string // with {0} {1} {2} for the teacher's files as they were
	}{
		"cut short": {func(m *maker) {
			data := m.read(teacher(m, 1))
			m.write(teacher(m, 1), data[:len(data)-1])
		}, Damaged, []string{"damaged size_wrong {1}"}},
		"cut to nothing": {func(m *maker) { m.write(teacher(m, 1), nil) }, Damaged, []string{"damaged size_wrong {1}"}},
		"grown": {func(m *maker) {
			m.write(teacher(m, 1), append(m.read(teacher(m, 1)), 0))
		}, Damaged, []string{"damaged size_wrong {1}"}},
		"zeros of the same size": {func(m *maker) {
			m.write(teacher(m, 1), make([]byte, len(m.read(teacher(m, 1)))))
		}, Damaged, []string{"damaged structure_wrong {1}"}},
		"deleted": {func(m *maker) {
			m.must(m.fs.Remove(m.path(teacher(m, 1))))
		}, Damaged, []string{"damaged media_lost {1}"}},
		"deleted at the end": {func(m *maker) {
			m.must(m.fs.Remove(m.path(teacher(m, 2))))
		}, Damaged, []string{"damaged media_lost {2}"}},
		"all media of a camera": {func(m *maker) {
			for _, f := range m.files("teacher") {
				m.must(m.fs.Remove(m.path(f)))
			}
		}, Damaged, []string{"damaged media_lost {0}", "damaged media_lost {1}", "damaged media_lost {2}"}},
		"renamed": {func(m *maker) {
			m.must(m.fs.Rename(m.path(teacher(m, 1)), m.path("teacher/2026-11-22/100000.000Z-000009.mp4")))
		}, Damaged, []string{"damaged media_lost {1}", "damaged stranger teacher/2026-11-22/100000.000Z-000009.mp4"}},
		"renamed to open": {func(m *maker) {
			m.must(m.fs.Rename(m.path(teacher(m, 1)), m.path(teacher(m, 1)+".part")))
		}, Damaged, []string{"damaged not_sealed {1}.part"}},
		"moved to another camera": {func(m *maker) {
			m.must(m.fs.Rename(m.path(teacher(m, 1)), m.path("student/"+strings.TrimPrefix(teacher(m, 1), "teacher/")+".mp4")))
		}, Damaged, []string{"damaged media_lost {1}", "incomplete stranger student/" + "{1}"[:0] + "2026-11-22/090002.000Z-000002.mp4.mp4"}},
		"swapped": {func(m *maker) {
			a, b := m.read(teacher(m, 0)), m.read(teacher(m, 1))
			m.write(teacher(m, 0), b)
			m.write(teacher(m, 1), a)
		}, Damaged, []string{"damaged checksum_wrong {0}", "damaged checksum_wrong {1}"}},
		"a stranger": {func(m *maker) {
			m.write("teacher/notes.txt", []byte("remember"))
		}, Incomplete, []string{"incomplete stranger teacher/notes.txt"}},
		"a begun file": {func(m *maker) {
			m.write("teacher/2026-11-22/090006.000Z-000004.mp4.part", nil)
		}, Incomplete, []string{"incomplete stranger teacher/2026-11-22/090006.000Z-000004.mp4.part"}},
		"a stranger's folder": {func(m *maker) {
			m.write("somebody/a.mp4", []byte("x"))
		}, Incomplete, []string{"incomplete stranger somebody/a.mp4"}},
		"something beside the cameras": {func(m *maker) {
			m.write("README", []byte("hands off"))
			m.must(m.fs.MkdirAll(m.path("empty"), 0o755))
		}, Clean, nil},
		"quarantine": {func(m *maker) {
			m.write("quarantine/teacher/x.tail", []byte("abc"))
		}, Clean, []string{"note quarantine quarantine"}},
		"no plan": {func(m *maker) {
			m.must(m.fs.Remove(m.path(journal.PlanName)))
		}, Damaged, []string{"damaged plan_lost recording.json"}},
		"a broken plan": {func(m *maker) {
			m.write(journal.PlanName, []byte("{"))
		}, Damaged, []string{"damaged plan_lost recording.json"}},
		"no journal": {func(m *maker) { m.dropJournal() }, Damaged, []string{"damaged journal_lost journal"}},
		"no journal and a broken file": {func(m *maker) {
			m.dropJournal()
			data := m.read(teacher(m, 1))
			data[len(data)/2] ^= 1
			m.write(teacher(m, 1), data)
		}, Damaged, []string{"damaged journal_lost journal", "damaged structure_wrong {1}"}},
		"a broken journal line": {func(m *maker) {
			m.editJournal(func(line string) string { return strings.Replace(line, `"why":"create"`, `"why":"crate"`, 1) })
		}, Damaged, []string{"damaged journal_corrupt journal/{j}"}},
		"a torn journal line": {func(m *maker) {
			m.write("journal/"+m.journalFiles()[0], append(m.read("journal/"+m.journalFiles()[0]), `{"seq":9`...))
		}, Clean, []string{"note journal_torn"}},
		"a journal line gone": {func(m *maker) {
			m.editJournal(func(line string) string {
				if strings.Contains(line, `"kind":"seal"`) && strings.Contains(line, `"n":2,`) && strings.Contains(line, "teacher") {
					return ""
				}
				return line
			})
		}, Incomplete, []string{"incomplete seal_unrecorded {1}"}},
		"the last journal line gone": {func(m *maker) {
			m.editJournal(func(line string) string {
				if strings.Contains(line, `"kind":"close"`) {
					return ""
				}
				return line
			})
		}, Incomplete, []string{"incomplete interrupted"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := healthy(t)
			files := m.files("teacher")
			log := m.journalFiles()[0]
			c.hurt(m)
			for i, w := range c.want {
				c.want[i] = strings.NewReplacer("{0}", files[0], "{1}", files[1], "{2}", files[2], "{j}", log).Replace(w)
			}
			r := m.verify(VerifyOptions{})
			r.expect(t, c.status, c.want...)
			for _, f := range r.Findings {
				if f.Text == "" || f.Invariant < 0 || f.Invariant > 7 {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// journalFiles lists the journal's files without the index.
func (m *maker) journalFiles() []string {
	entries, err := m.fs.ReadDir(m.path(journalDir))
	m.must(err)
	var list []string
	for _, e := range entries {
		if e.Name() != "index.jsonl" {
			list = append(list, e.Name())
		}
	}
	return list
}

func (m *maker) dropJournal() {
	entries, err := m.fs.ReadDir(m.path(journalDir))
	m.must(err)
	for _, e := range entries {
		m.must(m.fs.Remove(m.path("journal/" + e.Name())))
	}
}

// editJournal changes the lines of the first journal file.
func (m *maker) editJournal(edit func(line string) string) {
	name := "journal/" + m.journalFiles()[0]
	var out strings.Builder
	for line := range strings.Lines(string(m.read(name))) {
		out.WriteString(edit(line))
	}
	m.write(name, []byte(out.String()))
}

// TestASealLineThatDoesNotFitItsFileIsFound covers claims that bytes alone do not
// refute.
func TestASealLineThatDoesNotFitItsFileIsFound(t *testing.T) {
	for name, lie := range map[string]func(s *journal.Seal){
		"units":  func(s *journal.Seal) { s.Units[0]-- },
		"end":    func(s *journal.Seal) { s.Ends[1] = s.Ends[1].Add(time.Second) },
		"start":  func(s *journal.Seal) { s.Starts[0] = s.Starts[0].Add(-2 * time.Millisecond) },
		"tracks": func(s *journal.Seal) { s.Starts, s.Ends, s.Units = s.Starts[:1], s.Ends[:1], s.Units[:1] },
	} {
		m := begin(t, crashfs.New(), "/rec", "a")
		m.run("a", nine)
		s := m.open("a", nine)
		s.fill(2 * time.Second)
		line := sealLine("a", 1, s.finish())
		s.rename()
		lie(line)
		m.line(line)
		m.close(nine.Add(2 * time.Second))
		t.Log(name)
		m.verify(VerifyOptions{}).expect(t, Damaged, "damaged time_wrong "+s.file)
	}
}

// TestUnitsAreWhatTheyAreSaidToBe covers invariant 5.
func TestUnitsAreWhatTheyAreSaidToBe(t *testing.T) {
	other := bytes.Clone(sps)
	other[3] = 0x0d // another level
	for name, c := range map[string]struct {
		unit segment.Sample
		want string // after Deep
		also string // without
	}{
		"begins in the middle of a GOP": {segment.Sample{Data: pictureUnit(1, false)}, "not_decodable", "not_decodable"},
		"a key frame that is none":      {segment.Sample{Data: pictureUnit(1, false), Key: true}, "unit_wrong", ""},
		"another configuration":         {segment.Sample{Data: media.AppendNAL(media.JoinConfig(other, pps), []byte{0x65, 0x88, 1}), Key: true}, "unit_wrong", ""},
		"all right":                     {segment.Sample{Data: pictureUnit(0, true), Key: true}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := begin(t, crashfs.New(), "/rec", "a")
			m.run("a", nine)
			s := m.open("a", nine)
			c.unit.Duration = 3600
			m.must(s.w.Add(c.unit))
			s.next[0] += 3600
			s.fill(2 * time.Second)
			s.commit()
			s.seal()
			m.close(nine.Add(2 * time.Second))
			for deep, want := range map[bool]string{true: c.want, false: c.also} {
				r := m.verify(VerifyOptions{Deep: deep})
				if want == "" {
					r.expect(t, Clean)
				} else {
					r.expect(t, Damaged, "damaged "+want+" "+s.file)
				}
			}
		})
	}
}

func TestVerifyCanBeStoppedAndTellsHowFarItIs(t *testing.T) {
	m := healthy(t)
	var last, total int64
	r := m.verify(VerifyOptions{Progress: func(done, of int64) {
		if done < last || done > of {
			t.Errorf("%d after %d of %d", done, last, of)
		}
		last, total = done, of
	}})
	if last != total || total != r.Bytes || total == 0 {
		t.Errorf("ended at %d of %d, read %d", last, total, r.Bytes)
	}
	ctx, stop := context.WithCancel(context.Background())
	_, err := Verify(ctx, m.fs, m.dir, VerifyOptions{Workers: 1, Progress: func(int64, int64) { stop() }})
	if !fault.Is(err, fault.Canceled) {
		t.Errorf("stopped in the middle: %v", err)
	}
}

func TestVerifyNeedsARecording(t *testing.T) {
	m := healthy(t)
	for _, dir := range []string{"/nowhere", "/", "/rec/teacher"} {
		if _, err := Verify(context.Background(), m.fs, dir, VerifyOptions{}); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// TestAReportIsJSONWithoutCredentials guards the form that scripts read.
func TestAReportIsJSONWithoutCredentials(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a")
	m.run("a", nine)
	m.segments("a", nine, 2*time.Second, 1)
	m.missing("a", nine.Add(2*time.Second), nine.Add(4*time.Second), media.Unreachable)
	m.close(nine.Add(4 * time.Second))
	text, err := json.Marshal(m.verify(VerifyOptions{Clock: m.clock}))
	m.must(err)
	for _, want := range []string{`"status":"incomplete"`, `"media_s":2`, `"gaps_s":2`, `"causes":["unreachable"]`, `"findings":[]`,
		`"state":"closed"`, `"closed":true`, `"files":1`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if strings.Contains(string(text), "secret") {
		t.Errorf("a password in %s", text)
	}
	var back Report
	m.must(json.Unmarshal(text, &back))
	if back.Cameras[0].Coverage.Media != Seconds(2*time.Second) {
		t.Errorf("%+v", back.Cameras[0])
	}
}
