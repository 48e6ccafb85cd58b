package record

import (
	"path/filepath"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// mending brings one segment that was left open to its end.
type mending struct {
	v   *recovery
	c   *camera
	k   *known
	t   *told
	cut int64 // media ends here, because another segment has the rest; -1: no
}

// run seals the segment, or journals that nothing is left of it. It reports whether it
// now stands for what it was written for.
func (m *mending) run(there bool) (kept bool, err error) {
	name := m.t.line.File
	if (m.t.line.Fill != 0 || m.t.line.Beside) && !m.t.filled {
		return false, m.unfinished(there)
	}
	if !there {
		if m.t.committed > 0 {
			m.v.did("%s is lost: the journal knows it, the disk does not have it", name)
			m.gap(m.t.line.Start, newest(m.t.ends))
		}
		m.end(&journal.Seal{}, 0, 0)
		return false, nil
	}
	if _, final, err := exists(m.v.r.FS, m.v.r.path(name)); err != nil {
		return false, vfs.Fault("look for "+name, err)
	} else if final {
		return m.named()
	}
	h, err := m.v.r.FS.OpenRW(m.v.r.path(name + segment.Part))
	if err != nil {
		return false, vfs.Fault("open "+name, err)
	}
	defer h.Close()
	s, err := scan(h, m.cut)
	switch {
	case fault.Is(err, fault.Damaged):
		return false, m.nothing(err)
	case err != nil:
		return false, err
	case s.State == segment.Sealed && s.Problem != nil:
		return false, m.nothing(s.Problem)
	case len(s.Fragments) == 0:
		return false, m.empty(h, s)
	case len(m.t.line.Instead) > 0 && m.t.committed == 0 && !m.reaches(s):
		// What it was to replace is still there, and has more.
		return false, m.nothing(nil)
	}
	return true, m.finish(h, s)
}

// named settles a file whose seal line is missing.
func (m *mending) named() (bool, error) {
	name := m.t.line.File
	h, err := m.v.r.FS.Open(m.v.r.path(name))
	if err != nil {
		return false, vfs.Fault("open "+name, err)
	}
	defer h.Close()
	s, err := scan(h, -1)
	if err != nil && !fault.Is(err, fault.Damaged) {
		return false, err
	}
	if err != nil || s.State != segment.Sealed || s.Problem != nil {
		m.v.did("%s is not what its name says: moved to quarantine", name)
		m.gap(m.t.line.Start, newest(m.t.ends))
		m.end(&journal.Seal{}, 0, 0)
		return false, m.v.setAside(name)
	}
	if err := m.v.r.FS.SyncDir(filepath.Dir(m.v.r.path(name))); err != nil {
		return false, vfs.Fault("sync the folder of "+name, err)
	}
	m.end(sealLine("", 0, summary(s)), 0, 0)
	return true, nil
}

// finish cuts off what is broken, seals the file and gives it its name.
func (m *mending) finish(h vfs.File, s *segment.File) error {
	name := m.t.line.File
	var lost int64
	if m.cut < 0 && s.State == segment.Open && s.Size > s.Sound {
		lost = s.Size - s.Sound
		if err := m.v.copyAside(h, s.Sound, s.Size, name+segment.Part); err != nil {
			return err
		}
	}
	salvaged := int64(0)
	if m.cut < 0 {
		salvaged = max(0, s.Sound-max(m.t.committed, s.Fragments[0].Offset))
		m.report(s, salvaged, lost)
	}
	sum := summary(s)
	if s.State != segment.Sealed {
		w, err := segment.Resume(h, s)
		if err == nil {
			sum, err = w.Seal()
		}
		if err != nil {
			return err
		}
	}
	if err := m.v.r.giveName(name); err != nil {
		return err
	}
	m.end(sealLine("", 0, sum), salvaged, lost)
	return nil
}

// report says what was found, and journals what is missing of what was committed.
func (m *mending) report(s *segment.File, salvaged, lost int64) {
	name := m.t.line.File
	switch {
	case s.Sound < m.t.committed:
		m.v.did("%s is damaged behind byte %d, although it was committed: the rest is in quarantine", name, s.Sound)
		m.gap(newestOf(s.Tracks), newest(m.t.ends))
	case salvaged > 0:
		m.v.did("%s was open: sealed, with %d bytes behind the last commit", name, salvaged)
	default:
		m.v.did("%s was open: sealed", name)
	}
	if lost > 0 {
		m.v.did("%s had %d broken bytes at its end: copied to quarantine", name, lost)
	}
}

// empty journals that the file never got any media, and removes it.
func (m *mending) empty(h vfs.File, s *segment.File) error {
	if m.cut < 0 && s.Size > s.Sound {
		if err := m.v.copyAside(h, s.Sound, s.Size, m.t.line.File+segment.Part); err != nil {
			return err
		}
		m.v.did("%s had %d broken bytes and no media: copied to quarantine", m.t.line.File, s.Size-s.Sound)
	}
	if m.cut < 0 && m.t.committed > s.Sound {
		m.gap(m.t.line.Start, newest(m.t.ends))
	}
	m.end(&journal.Seal{}, 0, max(0, s.Size-s.Sound))
	// The line first: a file that is removed must not be missed.
	if err := m.v.r.lines.sync(); err != nil {
		return err
	}
	return m.v.r.removePart(m.t.line.File)
}

// unfinished removes what was to fill a gap when the process died: it can be asked for
// again.
func (m *mending) unfinished(there bool) error {
	m.end(&journal.Seal{}, 0, 0)
	if err := m.v.r.lines.sync(); err != nil || !there {
		return err
	}
	m.v.did("%s was to fill a gap and is not complete: removed", m.t.line.File)
	return m.v.r.removePart(m.t.line.File)
}

// nothing sets the whole file aside.
func (m *mending) nothing(why error) error {
	name := m.t.line.File
	switch {
	case why == nil:
		m.v.did("%s was begun to replace a file that has more: moved to quarantine", name)
	case m.t.committed > 0:
		m.v.did("%s cannot be read (%v): moved to quarantine", name, why)
		m.gap(m.t.line.Start, newest(m.t.ends))
	default:
		m.v.did("%s was begun and holds no media: moved to quarantine", name)
	}
	m.end(&journal.Seal{}, 0, 0)
	if err := m.v.r.lines.sync(); err != nil {
		return err
	}
	return m.v.setAside(name + segment.Part)
}

// reaches reports whether the file holds at least as much as those it is to replace.
func (m *mending) reaches(s *segment.File) bool {
	end := newestOf(s.Tracks)
	for _, i := range m.t.line.Instead {
		old := m.k.segments[i.N]
		if old == nil || old.line == nil || old.seal != nil {
			continue
		}
		h, err := m.v.r.FS.Open(m.v.r.path(old.line.File + segment.Part))
		if err != nil {
			continue
		}
		o, err := scan(h, -1)
		h.Close()
		if err == nil && newestOf(o.Tracks).After(end) {
			return false
		}
	}
	return true
}

// end journals how the segment ended.
func (m *mending) end(seal *journal.Seal, salvaged, lost int64) {
	line := m.t.line
	seal.Camera, seal.N, seal.Stream, seal.Limit, seal.Salvaged, seal.Cut = m.c.name, line.N, line.Stream, line.Limit, salvaged, lost
	m.t.seal = seal
	m.k.end = later(m.k.end, seal.End)
	m.v.r.lines.post(seal)
}

// gap journals media that was committed and is not there.
func (m *mending) gap(from, to time.Time) {
	if to.After(from) {
		m.c.span(nil, from, to, media.Because(media.DiskError), m.t.line.File)
	}
}

func newest(times []time.Time) time.Time {
	var last time.Time
	for _, t := range times {
		last = later(last, t)
	}
	return last
}

func newestOf(tracks []segment.TrackInfo) time.Time {
	var last time.Time
	for _, t := range tracks {
		last = later(last, t.End)
	}
	return last
}
