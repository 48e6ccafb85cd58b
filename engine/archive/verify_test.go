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

// TestAnInterruptedRecordingSaysWhatIsOpen covers what a crash leaves, in each state of
// the newest file.
func TestAnInterruptedRecordingSaysWhatIsOpen(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(s *open)
		status Status
		want   []string
	}{
		"committed": {func(s *open) { s.commit() }, Incomplete, []string{"incomplete left_open {}.part"}},
		"with a tail": {func(s *open) {
			s.commit()
			s.fill(3 * time.Second)
			s.must(s.w.Flush())
		}, Incomplete, []string{"incomplete left_open {}.part", "note uncommitted_tail {}.part"}},
		"never committed": {func(s *open) { s.must(s.w.Flush()) }, Incomplete, []string{"incomplete left_open {}.part"}},
		"a journal line gone": {func(s *open) {
			s.commit()
			s.editJournal(func(line string) string {
				if strings.Contains(line, `"kind":"seal"`) {
					return ""
				}
				return line
			})
		}, Damaged, []string{"damaged journal_corrupt", "incomplete left_open {}.part", "incomplete seal_unrecorded {0}"}},
		"finished": {func(s *open) {
			s.commit()
			s.finish()
		}, Incomplete, []string{"incomplete left_open {}.part", "note uncommitted_tail {}.part"}},
		"renamed": {func(s *open) {
			s.commit()
			s.finish()
			s.rename()
		}, Incomplete, []string{"incomplete seal_unrecorded {}"}},
		"renamed and not sealed": {func(s *open) {
			s.commit()
			s.rename()
		}, Damaged, []string{"incomplete seal_unrecorded {}", "damaged not_sealed {}"}},
		"gone after a commit": {func(s *open) {
			s.commit()
			s.must(s.fs.Remove(s.path(s.file + ".part")))
		}, Damaged, []string{"damaged media_lost {}.part"}},
		"gone before a commit": {func(s *open) {
			s.must(s.fs.Remove(s.path(s.file + ".part")))
		}, Incomplete, []string{"incomplete media_lost {}.part"}},
		"cut into what is committed": {func(s *open) {
			s.commit()
			data := s.read(s.file + ".part")
			s.write(s.file+".part", data[:len(data)-1])
		}, Damaged, []string{"incomplete left_open {}.part", "damaged size_wrong {}.part"}},
		"a bit of what is committed": {func(s *open) {
			s.commit()
			data := s.read(s.file + ".part")
			data[len(data)-100] ^= 4
			s.write(s.file+".part", data)
		}, Damaged, []string{"incomplete left_open {}.part", "damaged checksum_wrong {}.part"}},
		"a bit of what is not": {func(s *open) {
			s.commit()
			n := len(s.read(s.file + ".part"))
			s.fill(3 * time.Second)
			s.must(s.w.Flush())
			data := s.read(s.file + ".part")
			data[n+200] ^= 4
			s.write(s.file+".part", data)
		}, Incomplete, []string{"incomplete left_open {}.part", "note uncommitted_tail {}.part"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := begin(t, crashfs.New(), "/rec", "a")
			m.run("a", nine)
			m.segments("a", nine, 2*time.Second, 1)
			s := m.open("a", nine.Add(2*time.Second))
			s.fill(2 * time.Second)
			c.end(s)
			for i := range c.want {
				c.want[i] = strings.NewReplacer("{}", s.file, "{0}", "a/2026-11-22/090000.000Z-000001.mp4").Replace(c.want[i])
			}
			r := m.verify(VerifyOptions{Deep: true})
			r.expect(t, c.status, append(c.want, "incomplete interrupted")...)
			if r.State != Interrupted || r.Window.Closed {
				t.Errorf("%s %+v", r.State, r.Window)
			}
		})
	}
}

// TestWhatIsCommittedIsCheckedBesideAWriter covers invariant 6: no lock is needed, and
// what is not committed yet is nobody's fault.
func TestWhatIsCommittedIsCheckedBesideAWriter(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a")
	lock, err := m.fs.Lock(m.path(lockName))
	m.must(err)
	m.run("a", nine)
	m.segments("a", nine, 2*time.Second, 2)
	s := m.open("a", nine.Add(4*time.Second))
	s.fill(2 * time.Second)
	s.commit()
	s.fill(3 * time.Second)
	m.must(s.w.Flush())
	m.write("a/2026-11-22/090010.000Z-000009.mp4.part", nil) // begun, and not journaled yet
	r := m.verify(VerifyOptions{Deep: true})
	r.expect(t, Clean, "note being_written")
	if want := Seconds(6 * time.Second); r.State != Live || r.Cameras[0].Coverage.Media != want || r.Cameras[0].Open != 1 {
		t.Errorf("%+v", r)
	}
	m.must(lock.Close())
	if r := m.verify(VerifyOptions{}); r.State != Interrupted {
		t.Errorf("without a writer it is %s", r.State)
	}
}

// TestAFileThatIsSealedMeanwhileIsNoFault seals the open segment at every read that Verify
// does of the directory and of files.
func TestAFileThatIsSealedMeanwhileIsNoFault(t *testing.T) {
	for n := 1; ; n++ {
		fsys := crashfs.New()
		m := begin(t, fsys, "/rec", "a")
		_, err := fsys.Lock(m.path(lockName))
		m.must(err)
		m.run("a", nine)
		m.segments("a", nine, 2*time.Second, 1)
		s := m.open("a", nine.Add(2*time.Second))
		s.fill(2 * time.Second)
		s.commit()
		h := &hooked{FS: fsys, at: n, do: s.seal}
		r, err := Verify(context.Background(), h, m.dir, VerifyOptions{Workers: 1})
		m.must(err)
		r.expect(t, Clean, "note being_written")
		if h.count < n {
			break
		}
	}
}

// TestAPowerCutDamagesNothing cuts the power before each change of the disk, in every way
// in which that can end. Before any repair, what was acknowledged is there and nothing
// is called damaged.
func TestAPowerCutDamagesNothing(t *testing.T) {
	fsys := crashfs.New()
	m := begin(t, fsys, "/rec", "a")
	m.must(fsys.SyncDir("/"))
	m.must(fsys.SyncDir("/rec"))
	m.must(fsys.SyncDir("/rec/journal"))
	m.sync()
	cuts := 0
	fsys.OnOp(func(op crashfs.Op) {
		if op.Done {
			return
		}
		after := []*crashfs.FS{fsys.Clone(crashfs.Kept), fsys.Clone(crashfs.Dropped), fsys.Clone(crashfs.Zeroed), fsys.CloneMixed(uint64(op.N))}
		for mode, disk := range after {
			cuts++
			r, err := Verify(context.Background(), disk, "/rec", VerifyOptions{})
			if err != nil || r.Status == Damaged {
				t.Fatalf("before %+v, mode %d: %v %q", op, mode, err, found(r))
			}
			for _, f := range r.Findings {
				if f.Kind == UnexplainedGap || f.Kind == Overlap {
					t.Fatalf("before %+v, mode %d: %+v", op, mode, f)
				}
			}
		}
	})
	m.run("a", nine)
	for _, at := range []time.Duration{0, 2 * time.Second} {
		s := m.open("a", nine.Add(at))
		s.fill(time.Second)
		s.commit()
		s.fill(2 * time.Second)
		s.commit()
		s.seal()
	}
	m.close(nine.Add(4 * time.Second))
	if cuts < 100 {
		t.Errorf("only %d cuts", cuts)
	}
}

func TestTimeWithoutMediaNeedsAReason(t *testing.T) {
	at := func(s float64) time.Time { return nine.Add(time.Duration(s * float64(time.Second))) }
	for name, c := range map[string]struct {
		gap    func(m *maker)
		status Status
		want   []string
		gaps   int
	}{
		"none":      {func(m *maker) {}, Incomplete, []string{"incomplete unexplained_gap"}, 1},
		"all of it": {func(m *maker) { m.missing("a", at(2), at(6), media.Unreachable) }, Incomplete, nil, 1},
		"two": {func(m *maker) {
			m.missing("a", at(2), at(4), media.Unreachable)
			m.missing("a", at(4), at(6), media.Timeout)
		}, Incomplete, nil, 2},
		"a part":            {func(m *maker) { m.missing("a", at(2), at(4), media.Unreachable) }, Incomplete, []string{"incomplete unexplained_gap"}, 2},
		"less than silence": {func(m *maker) { m.missing("a", at(2.9), at(6), media.Unreachable) }, Incomplete, nil, 1},
		"replaced": {func(m *maker) {
			m.missing("a", at(2), time.Time{}, media.Unreachable)
			m.gap--
			m.missing("a", at(2), at(6), media.Unreachable, media.Timeout)
		}, Incomplete, nil, 1},
		"withdrawn": {func(m *maker) {
			m.missing("a", at(2), time.Time{}, media.Timeout)
			m.gap--
			m.missing("a", at(2), at(2), media.Timeout)
		}, Incomplete, []string{"incomplete unexplained_gap"}, 1},
		"of a clock": {func(m *maker) {
			m.line(&journal.Clock{What: "step", Camera: "a", At: at(6), Offset: 4 * time.Second})
		}, Clean, nil, 0},
		"where there is media": {func(m *maker) {
			m.missing("a", at(2), at(6), media.Unreachable)
			m.missing("a", at(6.5), at(7.7), media.Loss)
		}, Incomplete, []string{"note gap_has_media"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			m := begin(t, crashfs.New(), "/rec", "a")
			m.run("a", nine)
			m.segments("a", nine, 2*time.Second, 1)
			c.gap(m)
			m.segments("a", at(6), 2*time.Second, 1)
			m.close(at(8))
			r := m.verify(VerifyOptions{})
			r.expect(t, c.status, c.want...)
			if got := r.Cameras[0]; len(got.Gaps) != c.gaps || got.Coverage.GapCount != c.gaps {
				t.Errorf("%+v", got)
			}
			if c.status == Incomplete && !fault.Is(r.Err(), fault.Incomplete) {
				t.Error(r.Err())
			}
			for _, f := range r.Findings {
				if f.Kind == UnexplainedGap && (!f.To.Equal(at(6)) || f.Camera != "a") {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// TestSilenceWithinAFileNeedsAReason measures inside of a segment, sealed and open.
func TestSilenceWithinAFileNeedsAReason(t *testing.T) {
	for _, sealed := range []bool{true, false} {
		for _, told := range []bool{true, false} {
			m := begin(t, crashfs.New(), "/rec", "a")
			m.run("a", nine)
			s := m.open("a", nine)
			s.fill(2 * time.Second)
			s.skip(3 * time.Second)
			s.fill(7 * time.Second)
			s.commit()
			want := []string{}
			if told {
				m.missing("a", nine.Add(2*time.Second), nine.Add(5*time.Second), media.Timeout)
			} else {
				want = append(want, "incomplete unexplained_gap")
			}
			if sealed {
				s.seal()
			} else {
				want = append(want, "incomplete left_open "+s.file+".part")
			}
			m.close(nine.Add(7 * time.Second))
			r := m.verify(VerifyOptions{})
			r.expect(t, Incomplete, want...)
			g := r.Cameras[0].Gaps
			if len(g) != 1 || g[0].From.Sub(nine.Add(2*time.Second)).Abs() > 10*time.Millisecond || g[0].To.Sub(nine.Add(5*time.Second)).Abs() > 10*time.Millisecond {
				t.Errorf("%+v", g)
			}
			if c := r.Cameras[0].Coverage; time.Duration(c.Media-Seconds(4*time.Second)).Abs() > 50*time.Millisecond {
				t.Errorf("%+v", c)
			}
		}
	}
}

// TestASlowPaceIsNoSilence has a camera of one picture each two seconds.
func TestASlowPaceIsNoSilence(t *testing.T) {
	for _, missing := range []int64{0, 8} {
		m := begin(t, crashfs.New(), "/rec", "a")
		m.tracks = []media.Track{{Codec: media.MJPEG, ClockRate: 90000}}
		m.run("a", nine)
		start := nine
		for range 2 {
			s := m.open("a", start)
			for i := range int64(20) {
				at := i
				if i >= 10 {
					at += missing
				}
				m.must(s.w.Add(segment.Sample{DTS: at * 180000, Duration: 180000, Key: true, Data: []byte{0xff, 0xd8, 1}}))
			}
			s.commit()
			s.seal()
			start = start.Add(time.Duration(20+missing) * 2 * time.Second)
		}
		m.close(start)
		if r := m.verify(VerifyOptions{Deep: true}); missing == 0 {
			r.expect(t, Clean)
		} else {
			r.expect(t, Incomplete, "incomplete unexplained_gap", "incomplete unexplained_gap")
		}
	}
}

func TestOverlapsAreFoundUnlessAClockWasSetBack(t *testing.T) {
	for _, stepped := range []bool{false, true} {
		m := begin(t, crashfs.New(), "/rec", "a")
		m.run("a", nine)
		m.segments("a", nine, 3*time.Second, 1)
		want := "damaged overlap a/2026-11-22/090002.000Z-000002.mp4"
		status := Damaged
		if stepped {
			m.line(&journal.Clock{What: "host", At: nine.Add(2 * time.Second), Offset: -time.Second})
			want, status = strings.Replace(want, "damaged", "note", 1), Clean
		}
		m.segments("a", nine.Add(2*time.Second), 3*time.Second, 1)
		m.close(nine.Add(5 * time.Second))
		m.verify(VerifyOptions{}).expect(t, status, want)
	}
}

func TestTheWaitForTheFirstKeyFrameIsNoGap(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a", "b")
	m.run("a", nine)
	m.segments("a", nine, 2*time.Second, 3)
	m.line(&journal.Lead{Camera: "b", From: nine, To: nine.Add(2 * time.Second), Waited: true})
	m.run("b", nine)
	m.segments("b", nine.Add(2*time.Second), 2*time.Second, 2)
	m.close(nine.Add(6 * time.Second))
	r := m.verify(VerifyOptions{})
	r.expect(t, Clean)
	want := Coverage{Window: Seconds(6 * time.Second), Media: Seconds(4 * time.Second), LeadIn: Seconds(2 * time.Second)}
	if c := r.Cameras[1].Coverage; c != want || c.Share() != 1 {
		t.Errorf("%+v", c)
	}
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

// TestASegmentWrittenAgainCountsOnce covers a file that the disk would not sync: from
// some byte on its media is in the next one.
func TestASegmentWrittenAgainCountsOnce(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a")
	m.run("a", nine)
	old := m.open("a", nine)
	old.fill(2 * time.Second)
	old.commit()
	cut := old.w.Progress().Size
	old.fill(3 * time.Second)
	old.commit() // the journal has it, and the sync of the file was a lie
	again := m.open("a", nine.Add(2*time.Second))
	again.instead(old.n, cut)
	again.fill(2 * time.Second)
	data := m.read(old.file + ".part")
	clear(data[cut:])
	m.write(old.file+".part", data)

	r := m.verify(VerifyOptions{})
	if r.Status != Damaged {
		t.Errorf("%s before the new file has a commit", r.Status)
	}
	again.commit()
	r = m.verify(VerifyOptions{})
	r.expect(t, Incomplete, "incomplete interrupted", "incomplete left_open "+old.file+".part",
		"incomplete left_open "+again.file+".part", "note uncommitted_tail "+old.file+".part")
	if got := r.Cameras[0].Coverage; got.Media != Seconds(4*time.Second) || got.Unexplained != 0 {
		t.Errorf("%+v", got)
	}
}

// instead journals the segment again, as one that stands for a part of another.
func (s *open) instead(n uint64, from int64) {
	s.must(s.h.Close())
	s.must(s.fs.Remove(s.path(s.file + ".part")))
	s.line(&journal.Seal{Camera: s.camera, N: s.n}) // nothing is left of it
	m := s.maker
	m.n[s.camera]++
	next := &open{maker: m, camera: s.camera, n: m.n[s.camera], start: s.start, next: make([]int64, len(m.tracks))}
	next.file = s.camera + "/" + segment.FileName(s.start, next.n)
	var err error
	next.h, err = m.fs.Create(m.path(next.file+".part"), 0o644)
	m.must(err)
	next.w, err = segment.NewWriter(next.h, segment.Header{Camera: s.camera, Start: s.start, Tracks: m.tracks})
	m.must(err)
	m.line(&journal.Segment{Camera: s.camera, N: next.n, File: next.file, Run: 1, Start: s.start, Tracks: m.lineTracks(),
		Instead: []journal.Instead{{N: n, From: from}}})
	*s = *next
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
