package record

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// Recovery is what [Open] found and did, for people.
type Recovery struct {
	Plan     journal.Plan
	Closed   bool      // its window was ended in order
	ClosedAt time.Time // where it ended
	Repairs  []string  // one line each; empty when everything was in order
}

// Open locks the recording in o.Dir, repairs what a crash left, and makes it ready to go
// on: every segment is sealed, broken tails and strangers are in quarantine, and the
// time since the last media is a gap. It is the same whether or not an earlier Open was
// interrupted. What a closed recording lacks is repaired too, but its window stays.
//
// Errors: fault.NotFound where there is no recording, fault.Busy where somebody
// records, fault.Damaged for a plan that cannot be read, and what the disk reports:
// then nothing is lost and Open may be tried again.
func Open(o Options) (*Recording, Recovery, error) {
	const op = "open the recording"
	plan, err := journal.LoadPlan(o.FS, o.Dir)
	if err != nil {
		return nil, Recovery{}, fault.Because(op, err)
	}
	lock, err := o.FS.Lock(filepath.Join(o.Dir, lockName))
	if err != nil {
		return nil, Recovery{}, vfs.Fault(op, err)
	}
	v := &recovery{r: newRecording(o, plan, lock), out: Recovery{Plan: plan}}
	if err := v.run(); err != nil {
		if v.r.lines != nil {
			v.r.lines.close(false)
		}
		lock.Close()
		return nil, Recovery{}, fault.Because(op, err)
	}
	return v.r, v.out, nil
}

// recovery is one Open at work.
type recovery struct {
	r       *Recording
	out     Recovery
	log     *journal.Log
	adopt   bool // lines are missing: media that the journal does not know is taken in
	cameras map[string]*known
	asOf    uint64 // line that said how the window stands
}

// known is what the journal says of a camera.
type known struct {
	segments map[uint64]*told
	highest  uint64
	end      time.Time // of its media
	gaps     map[uint64]*journal.Gap
	gone     []journal.Range // segments that were pruned
	led      bool            // there is a lead-in
}

// isGone reports whether retention removed that segment.
func (k *known) isGone(n uint64) bool {
	return slices.ContainsFunc(k.gone, func(r journal.Range) bool { return r.Has(n) })
}

// told is what the journal says of a segment.
type told struct {
	line      *journal.Segment
	commits   []journal.Committed
	seal      *journal.Seal
	committed int64
	ends      []time.Time
	filled    bool // a gap counts on it
}

// did notes something for people.
func (v *recovery) did(format string, args ...any) {
	v.out.Repairs = append(v.out.Repairs, fmt.Sprintf(format, args...))
}

func (v *recovery) run() error {
	r := v.r
	dir := filepath.Join(r.Dir, journalName)
	log, index, err := journal.Tail(r.FS, dir)
	if err == nil && log.End == journal.Corrupt {
		log, err = journal.Read(r.FS, dir)
	}
	if err != nil {
		return err
	}
	v.log = log
	v.former(index)
	v.read(index)
	v.judge()
	if err := r.openJournal(log.NextSeq); err != nil {
		return err
	}
	r.lines.post(&journal.Open{Version: r.Version, Why: "resume", Wall: r.Clock.Wall().UTC(), Before: string(log.End)})
	for _, c := range r.all() {
		if err := v.files(c); err != nil {
			return err
		}
	}
	for _, c := range r.all() {
		v.holes(c)
		v.gaps(c)
	}
	if v.adopt {
		r.lines.post(&journal.PlanChanged{Plan: r.plan.Public()})
	}
	return r.lines.sync()
}

// judge says what became of the journal.
func (v *recovery) judge() {
	switch v.log.End {
	case journal.Torn:
		v.did("the journal's last line was torn by a crash")
	case journal.Corrupt:
		v.adopt = true
		v.did("the journal is damaged; its good lines are used, the broken file is in quarantine")
	}
	for i, p := range v.log.Problems {
		if v.log.End == journal.Corrupt && i < 10 {
			v.did("journal %s at byte %d: %s", p.File, p.Offset, p.Why)
		}
	}
	if len(v.log.Lines) == 0 {
		v.adopt = true
		v.did("the journal is lost; it is made anew from the media")
	}
}

// camera returns what is known of a camera of the plan, or nil.
func (v *recovery) camera(name string) *known {
	if v.cameras == nil {
		v.cameras = map[string]*known{}
		for _, c := range v.r.all() {
			v.cameras[c.name] = &known{segments: map[uint64]*told{}, gaps: map[uint64]*journal.Gap{}}
		}
	}
	return v.cameras[name]
}

// former adds the cameras that were in the plan once: what they left open is settled too.
func (v *recovery) former(index *journal.Index) {
	add := func(name string) {
		if v.r.named(name) == nil && journal.ValidCameraName(name) == nil {
			c := newCamera(v.r, name)
			c.removed, c.stopped = true, true
			close(c.wake)
			v.r.cameras = append(v.r.cameras, c)
		}
	}
	for _, f := range index.Files {
		for _, c := range f.Cameras {
			add(c.Camera)
		}
	}
	for _, l := range v.log.Lines {
		if e, ok := l.Entry.(*journal.Segment); ok {
			add(e.Camera)
		}
	}
}

// read takes in the lines.
func (v *recovery) read(index *journal.Index) {
	for _, f := range index.Files {
		v.r.runs, v.r.gaps = max(v.r.runs, f.Run), max(v.r.gaps, f.Gap)
		v.r.guards.last = max(v.r.guards.last, f.Protect)
		if f.Closed != nil || f.GoesOn {
			v.ending(f.To, f.Closed)
		}
		for _, c := range f.Cameras {
			if k := v.camera(c.Camera); k != nil {
				k.highest, k.end = max(k.highest, c.Highest), later(k.end, c.Last)
				k.gone = append(k.gone, c.Pruned...)
			}
		}
	}
	for _, l := range v.log.Lines {
		switch e := l.Entry.(type) {
		case *journal.Segment:
			if k := v.camera(e.Camera); k != nil {
				k.highest = max(k.highest, e.N)
				k.of(e.N).line = e
			}
		case *journal.Commit:
			for _, c := range e.Files {
				v.commit(c)
			}
		case *journal.Seal:
			if k := v.camera(e.Camera); k != nil {
				k.of(e.N).seal = e
				k.end = later(k.end, e.End)
			}
		case *journal.Backfill:
			if k := v.camera(e.Camera); k != nil {
				k.of(e.N).filled = true
			}
		case *journal.Beside:
			if k := v.camera(e.Camera); k != nil {
				k.of(e.N).filled = true
			}
		case *journal.Gap:
			v.r.gaps = max(v.r.gaps, e.ID)
			if k := v.camera(e.Camera); k != nil {
				g := *e
				k.gaps[e.ID] = &g
			}
			if e.To.IsZero() {
				v.ending(l.Seq, nil) // Close leaves no gap open
			}
		case *journal.Prune:
			if k := v.camera(e.Camera); k != nil && !k.isGone(e.N) {
				k.gone = append(k.gone, journal.Range{From: e.N, To: e.N})
			}
		case *journal.Protect:
			v.r.guards.take(e)
		case *journal.Lead:
			if k := v.camera(e.Camera); k != nil {
				k.led = true
			}
		case *journal.PlanChanged:
			v.opened(e.Plan.Opened)
		case *journal.Run:
			v.r.runs = max(v.r.runs, e.Run)
			if e.Origin != "replay" { // what is filled afterwards opens no window
				v.ending(l.Seq, nil)
			}
		case *journal.Close:
			v.ending(l.Seq, &journal.Close{Why: e.Why, At: e.At})
		}
	}
}

// ending takes in that a line ended the window, or went on with it (nil). The index tells it
// of files whose lines are not read, so what is older may come later.
func (v *recovery) ending(seq uint64, ended *journal.Close) {
	if seq < v.asOf {
		return
	}
	v.asOf, v.out.Closed, v.r.ended = seq, ended != nil, ended
	if ended != nil {
		v.out.ClosedAt = ended.At
	}
}

func (v *recovery) commit(c journal.Committed) {
	k := v.camera(c.Camera)
	if k == nil {
		return
	}
	t := k.of(c.N)
	t.commits = append(t.commits, c)
	t.committed, t.ends = max(t.committed, c.Size), c.Ends
}

// opened takes the start of the window from the journal where recording.json lacks it.
func (v *recovery) opened(at time.Time) {
	if v.r.plan.Opened.IsZero() && !at.IsZero() {
		v.r.plan.Opened, v.r.unsaved = at, true
	}
}

func (k *known) of(n uint64) *told {
	t := k.segments[n]
	if t == nil {
		t = &told{}
		k.segments[n] = t
	}
	return t
}

// gaps makes the time since the camera's last media a gap that the next unit will end.
func (v *recovery) gaps(c *camera) {
	k := v.camera(c.name)
	c.end = k.end
	if v.r.plan.Opened.IsZero() && !k.end.IsZero() {
		// The window had opened, and nothing says when.
		v.opened(v.firstMedia())
	}
	if v.out.Closed || v.r.plan.Opened.IsZero() {
		return
	}
	if c.removed {
		v.gapOfFormer(c, k)
		return
	}
	if c.end.IsZero() && !k.led {
		c.begins(c.since)
	}
	for _, id := range slices.Sorted(maps.Keys(k.gaps)) {
		g := k.gaps[id]
		switch {
		case !g.To.IsZero():
		case g.Track != nil:
			c.closeGap(g, c.end)
		case c.gap != nil:
			c.closeGap(g, g.From)
		default:
			c.gap = g
		}
	}
	down := media.Because(media.ProcessDown)
	switch {
	case c.gap == nil && c.end.IsZero():
		c.gap = c.openGap(nil, c.opened(), down|media.Because(media.NotStarted), "")
	case c.gap == nil:
		c.gap = c.openGap(nil, c.end, down, "")
	case c.gap.From.Before(c.end):
		// The gap had ended, and the crash took the line that says so.
		c.closeGap(c.gap, v.resumed(k, c.gap.From))
		c.gap = c.openGap(nil, c.end, down, "")
	case c.gap.From.Sub(c.end) > unitsApart && !c.end.IsZero():
		// What was to be written before the gap was lost with the process.
		c.gap.From = c.end
		c.gap.Causes |= down
		c.tellGap(*c.gap)
	case !c.gap.Causes.Has(media.Suspended):
		c.addCause(c.gap, media.ProcessDown)
	}
}

// gapOfFormer is the time since a camera was removed from the plan.
func (v *recovery) gapOfFormer(c *camera, k *known) {
	for _, g := range k.gaps {
		if g.To.IsZero() && g.Track == nil && (c.gap == nil || g.From.Before(c.gap.From)) {
			c.gap = g
		}
	}
	if c.gap == nil && !c.end.IsZero() {
		c.gap = c.openGap(nil, c.end, media.Because(media.Stopped), "")
	}
}

// holes journals what was lost between two segments of a run: of what was not committed
// the later may survive a power cut and the earlier not. Within a run one segment ends
// where the next begins.
func (v *recovery) holes(c *camera) {
	var list []*told
	for _, t := range v.camera(c.name).segments {
		if t.line != nil && t.seal != nil && t.seal.Size > 0 && t.line.Run > 0 {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b *told) int { return a.seal.Start.Compare(b.seal.Start) })
	for i := 1; i < len(list); i++ {
		a, b := list[i-1], list[i]
		from, to := a.seal.End, b.seal.Start
		if a.line.Run == b.line.Run && to.Sub(from) > holeFrom && !v.camera(c.name).explains(from, to) {
			c.span(nil, from, to, media.Because(media.ProcessDown), "not yet committed when the power failed")
			v.did("%s: %v between two segments were not committed, and are lost", c.name, to.Sub(from).Round(time.Millisecond))
		}
	}
}

// explains reports whether the journal has a gap over that time.
func (k *known) explains(from, to time.Time) bool {
	for _, g := range k.gaps {
		if !g.From.After(from.Add(holeFrom)) && (g.To.IsZero() || !g.To.Before(to.Add(-holeFrom))) {
			return true
		}
	}
	return false
}

// unitsApart is more than the ends of a camera's tracks are apart.
const unitsApart = 100 * time.Millisecond

// holeFrom is more than two segments of a run are apart because of rounding.
const holeFrom = 5 * time.Millisecond

// resumed is when the first media after from begins, as far as the journal tells.
func (v *recovery) resumed(k *known, from time.Time) time.Time {
	var first time.Time
	for _, t := range k.segments {
		if t.line != nil && !t.line.Start.Before(from) && (first.IsZero() || t.line.Start.Before(first)) {
			first = t.line.Start
		}
	}
	return first
}

// firstMedia is when the first known segment begins.
func (v *recovery) firstMedia() time.Time {
	var first time.Time
	for _, k := range v.cameras {
		if at := v.resumed(k, time.Time{}); !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}
