package record

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// openFile makes a described file ready for media: created, its directory synced, its
// line in the journal durable. After an error it may be called again with the same
// description and goes on where it was.
func (c *camera) openFile(f *file) (*file, error) {
	if o := c.opening; o != nil && !o.like(f) {
		c.abandon(o)
	}
	if c.opening == nil {
		if err := c.create(f); err != nil {
			return nil, err
		}
		c.opening = f
		c.r.lines.post(c.line(f))
	}
	f = c.opening
	if err := c.r.lines.sync(); err != nil {
		return nil, err
	}
	c.opening = nil
	c.files = append(c.files, f)
	c.r.observe(SegmentOpened{Camera: c.name, N: f.n, File: f.name, Start: f.head.Start})
	return f, nil
}

// like reports whether o is the file that was asked for before.
func (f *file) like(o *file) bool {
	return f.run == o.run && f.head.Start.Equal(o.head.Start) && slices.Equal(f.instead, o.instead)
}

// abandon gives up a file that nobody wants any more. The journal knows it, so it is
// ended like any other: a round finds it empty.
func (c *camera) abandon(f *file) {
	c.opening = nil
	f.ended = true
	c.files = append(c.files, f)
}

// create makes the file on the disk. After an error nothing of it is left, if the disk
// allows that; its number is not used again.
func (c *camera) create(f *file) error {
	if err := c.r.present(); err != nil {
		return err
	}
	f.n = c.n + 1
	f.name = c.name + "/" + segment.FileName(f.head.Start, f.n)
	day := path.Dir(f.name)
	if err := c.makeDay(day); err != nil {
		return err
	}
	c.n++
	part := c.r.path(f.name + segment.Part)
	h, err := c.r.FS.Create(part, 0o644)
	if err != nil {
		return vfs.Fault("create "+f.name, err)
	}
	f.handle, f.mount = h, c.r.mounts()
	if f.w, err = segment.NewWriter(h, f.head); err == nil {
		err = c.r.FS.SyncDir(c.r.path(day))
	}
	if err == nil {
		f.begin = f.written()
		f.committed, f.safe = f.begin, f.head.Start
		return nil
	}
	h.Close()
	c.r.FS.Remove(part)
	return vfs.Fault("begin "+f.name, err)
}

// makeDay makes the folders of a segment durable.
func (c *camera) makeDay(day string) error {
	if c.days[day] {
		return nil
	}
	for _, dir := range []string{c.name, day} {
		if err := c.r.FS.Mkdir(c.r.path(dir), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return vfs.Fault("make the folder "+dir, err)
		}
		if err := c.r.FS.SyncDir(c.r.path(path.Dir(dir))); err != nil {
			return vfs.Fault("sync the folder of "+dir, err)
		}
	}
	c.days[day] = true
	return nil
}

func (c *camera) line(f *file) *journal.Segment {
	line := &journal.Segment{Camera: c.name, N: f.n, File: f.name, Run: f.run, Start: utc(f.head.Start), Instead: f.instead, Fill: f.fill, Stream: f.stream, Limit: f.limit, Beside: f.beside}
	for _, t := range f.head.Tracks {
		line.Tracks = append(line.Tracks, journal.Track{Codec: t.Codec, Clock: t.ClockRate, Channels: t.Channels})
	}
	return line
}

// retired is a file that the disk failed, and whose media is written again.
type retired struct {
	*file
	from int64 // its media ends here
	next *file // must be committed before anything is cut off; nil: nothing is written again
}

// relocate writes what a broken file holds and has not committed to a new one. After an
// error it may be called again.
func (c *camera) relocate(f *file) error {
	i := f.restart(false)
	if i == len(f.fragments) && f.begun {
		c.drop(f)
		return nil
	}
	samples, from := f.again(i)
	start, some := c.earliest(f, samples)
	if !some { // nothing was ever put into it
		c.drop(f)
		return nil
	}
	n := &file{
		run: f.run, stream: f.stream, limit: c.limited(), from: f.from, until: f.until, span: f.span, video: f.video, slots: f.slots, keep: f.keep,
		head:    segment.Header{Camera: c.name, Start: start, Tracks: f.head.Tracks},
		instead: []journal.Instead{{N: f.n, From: from}},
	}
	if f.committed == f.begin {
		// Nobody may ever have seen a commit of f: what f stands for, n does.
		n.instead = append(slices.Clone(f.instead), n.instead...)
	}
	n, err := c.openFile(n)
	if err != nil {
		return err
	}
	c.lostBefore(f, i)
	c.cutting = nil // its ticks are those of f
	biases := n.refill(f, samples)
	for _, t := range c.tracks {
		if t.file == f {
			t.file = n
			t.bias += biases[f.slot(t)]
			if t.held != nil {
				t.held.DTS -= biases[f.slot(t)]
			}
		}
		if t.next == f {
			t.next = n
		}
	}
	if c.cur == f {
		c.cur = n
	}
	n.left, n.ended = f.left, f.ended
	if n.ended {
		n.close()
	}
	for _, r := range c.retired {
		if r.next == f && f.committed == f.begin {
			r.next = n
		}
	}
	c.retire(f, from, n)
	return nil
}

// earliest is the media time at which the first unit is decoded of those that are
// written again and those that are still held for f.
func (c *camera) earliest(f *file, samples []segment.Sample) (first time.Time, some bool) {
	for _, t := range c.tracks {
		if t.file == f && t.held != nil {
			samples = append(samples, *t.held)
		}
	}
	for _, s := range samples {
		if at := f.decoded(s); !some || at.Before(first) {
			first, some = at, true
		}
	}
	return first, some
}

// refill pushes samples of old, and returns by how many ticks of each track they moved.
func (f *file) refill(old *file, samples []segment.Sample) []int64 {
	moved := make([]int64, len(f.head.Tracks))
	for i, t := range f.head.Tracks {
		d := f.head.Start.Sub(old.head.Start)
		if moved[i] = media.FromDuration(d, t.ClockRate); media.ToDuration(moved[i], t.ClockRate) > d {
			moved[i]-- // never to before the file's start
		}
	}
	for _, s := range samples {
		s.DTS -= moved[s.Track]
		f.push(s, f.head.Tracks[s.Track].Codec)
	}
	return moved
}

// drop gives up a broken file of which nothing can be written again. The run goes on
// with a new file at its next key frame.
func (c *camera) drop(f *file) {
	c.lostBefore(f, len(f.fragments))
	c.cutting = nil
	for _, t := range c.tracks {
		if t.file == f {
			t.held, t.file = nil, nil
		}
		if t.next == f {
			t.next = nil
		}
	}
	if c.cur == f {
		c.cur = nil
		c.early, c.ahead = append(c.early, c.ahead...), nil
	}
	c.retire(f, f.committed, nil)
}

// lostBefore journals what cannot be written again: units behind the last commit that
// are not kept any more, or whose key frame is not. Fragment i is the first that is.
func (c *camera) lostBefore(f *file, i int) {
	at, to := f.written(), f.safe
	for _, g := range f.fragments[:i] {
		to = f.decoded(g.samples[len(g.samples)-1])
	}
	if i < len(f.fragments) {
		to = f.decoded(f.fragments[i].samples[0])
		if g := f.fragments[i]; g.offset >= 0 {
			at = g.offset
		} else if i > 0 {
			at = f.committed + 1
		}
	}
	if at > f.committed && to.After(f.safe) {
		c.loseSpan(f.safe, to, f.broken)
	}
}

// retire takes a file out of the camera's hands.
func (c *camera) retire(f *file, from int64, next *file) {
	c.files = slices.DeleteFunc(c.files, func(o *file) bool { return o == f })
	f.ended, f.fragments = true, nil
	c.retired = append(c.retired, &retired{file: f, from: from, next: next})
}

// refusals counts units that no file may hold.
type refusals struct {
	count int
	last  error
}

// refuse passes a unit over whose bytes cannot be stored.
func (c *camera) refuse(t *track, au media.AccessUnit, err error) {
	c.refused.count++
	c.refused.last = err
	if t == nil {
		return
	}
	cause := media.Loss
	if fault.Is(err, fault.Unsupported) {
		cause = media.Unsupported
	}
	t.lose(utc(au.Wall), cause, err.Error())
}

// tellMisfits says which units a file's writer refused.
func (c *camera) tellMisfits(f *file) {
	for _, m := range f.misfits {
		c.r.Log.Error("a unit was not stored", "file", f.name, "err", m.err)
		at := f.decoded(m.Sample)
		c.refused.count++
		c.refused.last = m.err
		c.span(nil, at, at.Add(media.ToDuration(int64(m.Duration), f.head.Tracks[m.Track].ClockRate)), media.Because(media.Unsupported), m.err.Error())
	}
	f.misfits = nil
}

// tellRefused says how many units were refused since it was last said.
func (c *camera) tellRefused() {
	if c.refused.count > 0 {
		c.r.observe(UnitsRefused{Camera: c.name, Count: c.refused.count, Last: c.refused.last})
		c.refused = refusals{}
	}
}
