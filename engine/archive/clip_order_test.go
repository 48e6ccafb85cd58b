package archive

import (
	"path/filepath"
	"testing"
	"time"

	"rtsprec/engine/media"
)

// part is a film's units from one time to another, its first unit at 0.
func (f film) part(from, to time.Duration) film {
	out := film{track: f.track}
	begin := media.FromDuration(from, f.track.ClockRate)
	for _, s := range f.samples {
		if at := media.ToDuration(s.DTS, f.track.ClockRate); at >= from && at < to {
			s.DTS -= begin
			out.samples = append(out.samples, s)
		}
	}
	return out
}

func TestBackfilledSegmentsStandWhereTheyWereCaptured(t *testing.T) {
	m := studio(t, "a")
	video, sound := picture25(t, 9, "320x240"), aac(t, 9)
	for _, at := range []time.Duration{0, 6 * time.Second, 3 * time.Second} {
		m.shoot("a", nine.Add(at), 10*time.Second, nil, video.part(at, at+3*time.Second), sound.part(at, at+3*time.Second))
	}
	m.close(nine.Add(9 * time.Second))
	c := m.cut("a", ClipOptions{})
	path := m.save(c, "a.mp4")
	tracks := tracksOf(t, path)
	sameUnits(t, tracks[0], video, 0, len(video.samples))
	sameUnits(t, tracks[1], sound, 0, len(sound.part(0, 9*time.Second).samples))
	if n := len(shown(t, path, "v")); n != 225 || len(c.Gaps) > 0 {
		t.Errorf("%d pictures, gaps %v", n, c.Gaps)
	}
}

func TestTimeRunsOnWhereAClockWasSetBack(t *testing.T) {
	m := studio(t, "a")
	video := picture25(t, 8, "320x240")
	m.shoot("a", nine, 10*time.Second, nil, video.part(0, 5*time.Second))
	m.shoot("a", nine.Add(3*time.Second), 10*time.Second, nil, video.part(5*time.Second, 8*time.Second))
	m.close(nine.Add(6 * time.Second))
	path := m.save(m.cut("a", ClipOptions{}), "a.mp4")
	sameUnits(t, tracksOf(t, path)[0], video, 0, len(video.samples))
	times := shown(t, path, "v")
	if len(times) != 200 || !near(times[199], 8-0.04, 0.1) {
		t.Errorf("%d pictures up to %v", len(times), times[len(times)-1])
	}
	for i := 1; i < len(times); i++ {
		if times[i] <= times[i-1] {
			t.Fatalf("picture %d is shown at %v, the one before at %v", i, times[i], times[i-1])
		}
	}
}

func TestAClipOfAFileThatIsBeingWrittenHoldsWhatIsThere(t *testing.T) {
	m := studio(t, "a")
	m.run("a", nine)
	s := m.open("a", nine)
	s.fill(3 * time.Second)
	s.commit()
	s.fill(4 * time.Second)
	m.must(s.w.Flush()) // written, and not committed yet
	if left := m.cut("a", ClipOptions{}); left.Length > 3100*time.Millisecond {
		t.Errorf("nobody writes it, and %v of it is taken for sound", left.Length)
	}
	lock, err := m.fs.Lock(filepath.Join(m.dir, lockName))
	m.must(err)
	defer lock.Close()
	c := m.cut("a", ClipOptions{})
	if c.Length < 3900*time.Millisecond {
		t.Errorf("%v long", c.Length)
	}
	if n := len(tracksOf(t, m.save(c, "a.mp4"))[0].samples); n != 100 {
		t.Errorf("%d pictures, want 100", n)
	}
	s.seal()
	if _, err := c.WriteTo(discard{}); err != nil { // it got its other name meanwhile
		t.Error(err)
	}
}

func TestAFileThatCannotBeReadIsAGapOfTheClip(t *testing.T) {
	m := studio(t, "a")
	video := picture25(t, 9, "320x240")
	m.shoot("a", nine, 3*time.Second, nil, video)
	m.close(nine.Add(9 * time.Second))
	m.write(m.files("a")[1], []byte("this is no segment"))
	c := m.cut("a", ClipOptions{})
	if len(c.Gaps) != 1 || !c.Gaps[0].Causes.Has(media.DiskError) || c.Gaps[0].To.Sub(c.Gaps[0].From).Round(time.Second) != 3*time.Second || len(c.Notes) != 1 {
		t.Errorf("gaps %+v, notes %q", c.Gaps, c.Notes)
	}
	if n := len(shown(t, m.save(c, "a.mp4"), "v")); n != 150 {
		t.Errorf("%d pictures", n)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
