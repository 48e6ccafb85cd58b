package engine

import (
	"fmt"
	"strings"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
)

// summarise reads the recording back: the summary tells what a reader will find, not
// what we meant to write.
func (j job) summarise(d Deps, feeds []*feed) (*Summary, error) {
	rec, err := archive.Load(d.FS, j.dir)
	if err != nil {
		return nil, err
	}
	return newSummary(rec, feeds, j.repairs), nil
}

func newSummary(rec *archive.Recording, feeds []*feed, repairs []string) *Summary {
	s := &Summary{Dir: rec.Dir, From: rec.Window.From, To: rec.Window.To, Repairs: repairs}
	for _, c := range rec.Cameras {
		coverage := rec.Coverage(c)
		cs := CameraSummary{
			Name: c.Name, Coverage: coverage.Share(), Gaps: c.Gaps, Damage: c.Damage, Quality: c.Quality(),
			Lead: time.Duration(coverage.LeadIn).Seconds(), Answered: len(c.Segments) > 0,
		}
		for _, seg := range c.Segments {
			cs.Files = append(cs.Files, seg.File)
			cs.Bytes += seg.Size
		}
		for _, f := range feeds {
			if f.camera.Name == c.Name {
				var reason string
				if cs.Answered, _, reason = f.answered(); !cs.Answered {
					cs.Trouble = reason
				}
			}
		}
		s.Cameras = append(s.Cameras, cs)
	}
	return s
}

// verdict turns a summary into the error that its command returns.
func (s *Summary) verdict(feeds []*feed) error {
	for _, f := range feeds {
		answered, kind, reason := f.answered()
		if answered {
			continue
		}
		if kind != fault.Denied {
			kind = fault.Unreachable
		}
		return fault.New(kind, "%s never answered: %s", f.camera.Name, reason)
	}
	var gaps, damage int
	for _, c := range s.Cameras {
		gaps += len(c.Gaps)
		damage += len(c.Damage)
	}
	var missing []string
	if gaps > 0 {
		missing = append(missing, plural(gaps, "gap"))
	}
	if damage > 0 {
		missing = append(missing, plural(damage, "damaged span"))
	}
	if missing == nil {
		return nil
	}
	return fault.New(fault.Incomplete, "%s is complete but for %s", s.Dir, strings.Join(missing, " and "))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
