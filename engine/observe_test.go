package engine

import (
	"testing"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/record"
)

func TestABadLineIsOneLineAMinute(t *testing.T) {
	tl := newTally()
	told := 0
	var lost int64
	for s := range 150 {
		now := nine.Add(time.Duration(s) * time.Second)
		tl.observe(record.Damaged{Damage: journal.Damage{Camera: "a", From: now, To: now.Add(time.Second), Units: 1, Lost: 2}})
		for _, d := range tl.dueDamage(now, s == 149) {
			told++
			lost += d.Lost
		}
	}
	if told != 4 || lost != 300 { // at once, after one and two minutes, at the end
		t.Errorf("told %d times, %d packets in all", told, lost)
	}
}

func TestAWithdrawnGapIsNotCounted(t *testing.T) {
	tl := newTally()
	gap := journal.Gap{ID: 1, Camera: "a", From: nine}
	tl.observe(record.GapOpened{Gap: gap})
	var p CameraProgress
	p.Name = "a"
	tl.fill(&p, nine.Add(2*time.Second))
	if p.Gaps != 1 || p.GapTime != 2 {
		t.Errorf("an open gap shows as %d of %v s", p.Gaps, p.GapTime)
	}
	gap.To = nine
	tl.observe(record.GapClosed{Gap: gap})
	p = CameraProgress{Name: "a"}
	tl.fill(&p, nine.Add(3*time.Second))
	if p.Gaps != 0 {
		t.Error("a gap that was withdrawn shows")
	}
}

func TestGapsThatHaveEndedAreSummedUp(t *testing.T) {
	tl := newTally()
	for i := range 1000 {
		gap := journal.Gap{ID: uint64(i), Camera: "a", From: nine.Add(time.Duration(i) * time.Minute)}
		tl.observe(record.GapOpened{Gap: gap})
		gap.To = gap.From.Add(time.Second)
		tl.observe(record.GapClosed{Gap: gap})
	}
	p := CameraProgress{Name: "a"}
	tl.fill(&p, nine.Add(24*time.Hour))
	if p.Gaps != 1000 || p.GapTime != 1000 || len(tl.gaps) != 0 {
		t.Errorf("%d gaps of %v s, %d of them kept", p.Gaps, p.GapTime, len(tl.gaps))
	}
}
