package engine

import (
	"testing"
	"time"

	"rtsprec/engine/media"
)

// captured has a unit that says it was captured at a time come now.
func (m *moments) captured(at, now time.Time) (time.Time, bool, string) {
	au := media.AccessUnit{Wall: at}
	ok, what := m.set(&au, now)
	return au.Wall, ok, what
}

func TestNothingPublishedWasCapturedInTheFuture(t *testing.T) {
	now := dedupStart
	m := &moments{}
	if at, ok, what := m.captured(now.Add(2*time.Second), now); !ok || what != "" || !at.Equal(now.Add(2*time.Second)) {
		t.Errorf("two clocks of two hosts: %v %v %q", at, ok, what)
	}
	if at, ok, what := m.captured(now.Add(time.Hour), now); !ok || what == "" || at.After(now) {
		t.Errorf("an hour ahead: %v %v %q", at, ok, what)
	}
	next := now.Add(time.Hour + 40*time.Millisecond)
	if at, ok, what := m.captured(next, now.Add(40*time.Millisecond)); !ok || what != "" || !at.Equal(now.Add(40*time.Millisecond)) {
		t.Errorf("the unit behind it: %v %v %q", at, ok, what)
	}
	m.again()
	if at, _, _ := m.captured(next.Add(-20*time.Second), now.Add(time.Second)); !at.Equal(now.Add(40*time.Millisecond - 20*time.Second)) {
		t.Errorf("sent again in the next session: %v", at)
	}
	m.again()
	if at, _, _ := m.captured(now.Add(3*time.Hour), now.Add(3*time.Hour)); !at.Equal(now.Add(3 * time.Hour)) {
		t.Errorf("after the publisher's clock was set right: %v", at)
	}
}

func TestNothingPublishedIsOlderThanWhatThereIs(t *testing.T) {
	now := dedupStart
	m := &moments{}
	if _, ok, what := m.captured(now.AddDate(-50, 0, 0), now); ok || what == "" {
		t.Error("half a century is in no spool")
	}
	if at, ok, _ := m.captured(now.Add(-48*time.Hour), now); !ok || !at.Equal(now.Add(-48*time.Hour)) {
		t.Error("a spool of two days")
	}
	if _, ok, _ := m.captured(now.Add(-time.Minute), now); !ok {
		t.Error("nearly live")
	}
	if _, ok, _ := m.captured(now.Add(-time.Hour), now); ok {
		t.Error("an hour before what is recorded")
	}
	if _, ok, _ := m.captured(now.Add(-90*time.Second), now); !ok {
		t.Error("what is sent again is not told apart")
	}
}

func TestAServerWhoseClockWasSetBackTakesWhatComes(t *testing.T) {
	m := &moments{newest: dedupStart.Add(24 * time.Hour)}
	if at, ok, _ := m.captured(dedupStart, dedupStart); !ok || !at.Equal(dedupStart) {
		t.Errorf("%v %v", at, ok)
	}
}
