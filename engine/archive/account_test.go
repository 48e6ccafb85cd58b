package archive

import (
	"strings"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs/crashfs"
)

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
