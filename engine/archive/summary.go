package archive

import (
	"slices"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// Summary is what a recording holds, in short. Its JSON form may only grow.
type Summary struct {
	Dir     string          `json:"dir"`
	State   State           `json:"state"`
	Window  Window          `json:"window"`
	Cameras []CameraSummary `json:"cameras"`
	Bytes   int64           `json:"bytes"`           // of media
	Error   string          `json:"error,omitempty"` // why no more is known
}

// CameraSummary is one camera of a [Summary].
type CameraSummary struct {
	Name     string   `json:"name"`
	Segments int      `json:"segments"`
	Bytes    int64    `json:"bytes"`
	Coverage Coverage `json:"coverage"`
}

// smallJournal is how many bytes of journal are read whole for a summary. What is larger
// is summed up from the index.
const smallJournal = 256 << 10

// Summarize tells what a recording holds from its journal's index and newest lines: the
// time it takes hardly grows with the recording's age. For recordings of more than some
// days Coverage is a sum that leaves the lead-in and unexplained time out. Errors are
// those of [Load].
func Summarize(fsys vfs.FS, dir string) (*Summary, error) {
	var log *journal.Log
	var index *journal.Index
	tail, err := load(fsys, dir, func(dir string) (_ *journal.Log, err error) {
		log, index, err = journal.Tail(fsys, dir)
		return log, err
	})
	if err != nil {
		return nil, err
	}
	var size int64
	for _, f := range log.Files {
		size += f.Size
	}
	// A repair writes a file of its own behind the one that says how the window ended.
	unsure := tail.State == Interrupted && tail.empty()
	if size <= smallJournal || unsure {
		rec, err := Load(fsys, dir)
		if err != nil {
			return nil, err
		}
		return rec.Summary(), nil
	}
	return sumUp(tail, log, index), nil
}

// Summary sums the catalogue up.
func (r *Recording) Summary() *Summary {
	s := &Summary{Dir: r.Dir, State: r.State, Window: r.Window, Cameras: []CameraSummary{}}
	for _, c := range r.Cameras {
		cs := CameraSummary{Name: c.Name, Segments: len(c.Segments), Coverage: r.Coverage(c)}
		for _, seg := range slices.Concat(c.Segments, c.Beside) {
			cs.Bytes += seg.Size
		}
		s.Cameras = append(s.Cameras, cs)
		s.Bytes += cs.Bytes
	}
	if r.PlanError != nil {
		s.Error = r.PlanError.Error()
	}
	return s
}

func (r *Recording) empty() bool {
	for _, c := range r.Cameras {
		if len(c.Segments)+len(c.Gaps) > 0 {
			return false
		}
	}
	return true
}

// sumUp adds what the index says of closed files to what the newest lines say.
func sumUp(tail *Recording, log *journal.Log, index *journal.Index) *Summary {
	s := &Summary{Dir: tail.Dir, State: tail.State, Window: tail.Window}
	fresh := func(seq uint64) bool { // the line is in no file of the index
		for _, f := range log.Files {
			if !f.Indexed && f.From <= seq && seq <= f.To {
				return true
			}
		}
		return false
	}
	known := tail.Plan.Opened
	for _, x := range index.Files {
		for _, c := range x.Cameras {
			if known.IsZero() && !c.First.IsZero() {
				s.Window.From = earlier(s.Window.From, c.First)
			}
			if !s.Window.Closed {
				s.Window.To = later(s.Window.To, c.Last)
			}
			if tail.Camera(c.Camera) == nil && journal.ValidCameraName(c.Camera) == nil {
				tail.Cameras = append(tail.Cameras, &Camera{Name: c.Camera})
			}
		}
	}
	if length := time.Duration(tail.Plan.Length); tail.Plan.Until.IsZero() && length > 0 {
		s.Window.Planned = s.Window.From.Add(length)
	}
	for _, c := range tail.Cameras {
		cs := CameraSummary{Name: c.Name}
		cs.Coverage.Window = Seconds(s.Window.span().length())
		for _, x := range index.Files {
			for _, ic := range x.Cameras {
				if ic.Camera == c.Name {
					cs.add(ic.Segments, ic.Bytes, time.Duration(ic.Media), ic.Gaps, time.Duration(ic.Missing-ic.Filled))
					for _, r := range ic.Pruned {
						cs.prune(int(r.To-r.From+1), 0, 0)
					}
					cs.prune(0, ic.PrunedBytes, time.Duration(ic.PrunedMedia))
					cs.Coverage.Sub += Seconds(ic.Sub)
					cs.Coverage.Limited += Seconds(ic.Limited)
				}
			}
		}
		for _, seg := range c.Beside {
			if !seg.Sealed || fresh(seg.line) {
				cs.Bytes += seg.Size
			}
		}
		for _, seg := range c.Segments {
			if !seg.Sealed || fresh(seg.line) {
				cs.add(1, seg.Size, seg.End.Sub(seg.Start), 0, 0)
				if seg.Stream == media.SubStream {
					cs.Coverage.Sub += Seconds(seg.End.Sub(seg.Start))
				} else {
					for _, x := range journal.Limits(seg.Start, seg.End, seg.Limit, c.told) {
						cs.Coverage.Limited += Seconds(x.To.Sub(x.From))
					}
				}
			}
		}
		for _, g := range c.Gaps {
			if g.Open || fresh(g.line) {
				cs.add(0, 0, 0, 1, g.To.Sub(g.From))
			}
		}
		cs.takeBack(c.Name, log.Lines, fresh)
		cs.Coverage.Gaps = max(0, cs.Coverage.Gaps)
		cs.Coverage.Media = min(cs.Coverage.Media, cs.Coverage.Window)
		cs.Coverage.Sub = min(cs.Coverage.Sub, cs.Coverage.Media)
		cs.Coverage.Limited = min(cs.Coverage.Limited, cs.Coverage.Media)
		s.Cameras = append(s.Cameras, cs)
		s.Bytes += cs.Bytes
	}
	return s
}

// takeBack takes off what the newest lines say is gone, and gaps that the index counts and
// they fill.
func (c *CameraSummary) takeBack(camera string, lines []journal.Line, fresh func(seq uint64) bool) {
	told := map[uint64]bool{}
	for _, line := range lines {
		if !fresh(line.Seq) {
			continue
		}
		switch e := line.Entry.(type) {
		case *journal.Gap:
			told[e.ID] = true
		case *journal.Prune:
			if e.Camera == camera {
				c.prune(1, e.Size, e.End.Sub(e.Start))
			}
		case *journal.Backfill:
			if e.Camera == camera && !told[e.Gap] && e.To.After(e.From) {
				c.Coverage.Gaps -= Seconds(e.To.Sub(e.From))
			}
		}
	}
}

// prune takes back what is gone.
func (c *CameraSummary) prune(segments int, bytes int64, media time.Duration) {
	c.Segments = max(0, c.Segments-segments)
	c.Bytes = max(0, c.Bytes-bytes)
	c.Coverage.Media = max(0, c.Coverage.Media-Seconds(media))
	c.Coverage.Pruned += Seconds(media)
}

func (c *CameraSummary) add(segments int, bytes int64, media time.Duration, gaps int, missing time.Duration) {
	c.Segments += segments
	c.Bytes += bytes
	c.Coverage.Media += Seconds(media)
	c.Coverage.GapCount += gaps
	c.Coverage.Gaps += Seconds(missing)
}
