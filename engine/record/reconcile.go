package record

import (
	"maps"
	"path"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// found is a file under a camera's folder, by its final name.
type found struct {
	name string // relative to the recording, without ".part"
	n    uint64
	at   time.Time
	part bool
	size int64
}

// files brings a camera's folder and its journal lines into agreement.
func (v *recovery) files(c *camera) error {
	files, strangers, err := v.list(c)
	if err != nil {
		return err
	}
	k := v.camera(c.name)
	c.n = k.highest
	for _, f := range files {
		c.n = max(c.n, f.n)
	}
	if files, err = v.removeGone(k, files); err != nil {
		return err
	}
	files, more := v.sort(k, files)
	for _, name := range append(strangers, more...) {
		if err := v.setAside(name); err != nil {
			return err
		}
		v.did("%s is not in the journal: moved to quarantine", name)
	}
	if err := v.settleOpen(c, k, files); err != nil {
		return err
	}
	return v.takeIn(c, k, files)
}

// removeGone removes what the journal says was pruned, and returns the rest.
func (v *recovery) removeGone(k *known, files []found) (left []found, err error) {
	for _, f := range files {
		if f.part || !k.isGone(f.n) {
			left = append(left, f)
			continue
		}
		if err := v.r.FS.Remove(v.r.path(f.name)); err != nil {
			return nil, vfs.Fault("remove "+f.name, err)
		}
		v.did("%s was to be removed by retention: removed", f.name)
	}
	return left, nil
}

// list walks a camera's folder: segments by number, and everything else.
func (v *recovery) list(c *camera) (files []found, strangers []string, err error) {
	days, err := v.r.FS.ReadDir(v.r.path(c.name))
	if fault.Is(vfs.Fault("", err), fault.NotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, vfs.Fault("list "+c.name, err)
	}
	for _, day := range days {
		dir := c.name + "/" + day.Name()
		if _, e := time.Parse(time.DateOnly, day.Name()); e != nil || !day.IsDir() {
			strangers = append(strangers, dir)
			continue
		}
		entries, err := v.r.FS.ReadDir(v.r.path(dir))
		if err != nil {
			return nil, nil, vfs.Fault("list "+dir, err)
		}
		for _, e := range entries {
			name := dir + "/" + e.Name()
			at, n, ok := segment.ParseName(name)
			if !ok || e.IsDir() {
				strangers = append(strangers, name)
				continue
			}
			f := found{n: n, at: at, part: path.Ext(name) == segment.Part}
			f.name = name
			if f.part {
				f.name = name[:len(name)-len(segment.Part)]
			}
			if info, err := e.Info(); err == nil {
				f.size = info.Size()
			}
			files = append(files, f)
		}
	}
	return files, strangers, nil
}

// sort tells the files that the journal knows from strangers. Where lines are missing
// those that it does not know are adopted: they stay in the list.
func (v *recovery) sort(k *known, files []found) (ours []found, strangers []string) {
	for _, f := range files {
		t := k.segments[f.n]
		stored := f.name
		if f.part {
			stored += segment.Part
		}
		switch {
		case t != nil && t.line != nil && t.line.File == f.name && (t.seal == nil || !f.part || t.seal.Size == 0):
			ours = append(ours, f)
		case v.adopt && (t == nil || t.line == nil && t.seal == nil):
			ours = append(ours, f)
		case t == nil && f.n <= k.highest && !f.part:
			// Sealed long ago: its lines are in files that were not read.
		case t != nil && t.line == nil && t.seal != nil && !f.part:
			// Sealed in a file that was read, begun in one that was not.
		default:
			strangers = append(strangers, stored)
		}
	}
	return ours, strangers
}

// settleOpen seals every segment that the journal knows as open, newest first: what a
// segment was written for again is cut off only once that segment is safe.
func (v *recovery) settleOpen(c *camera, k *known, files []found) error {
	byName := map[string]found{}
	for _, f := range files {
		byName[f.name] = f
	}
	cuts := map[uint64]int64{}
	numbers := slices.Sorted(maps.Keys(k.segments))
	slices.Reverse(numbers)
	for _, n := range numbers {
		t := k.segments[n]
		if t.line == nil || k.isGone(n) {
			continue
		}
		f, there := byName[t.line.File]
		if t.seal != nil {
			if err := v.checkSealed(t, f, there); err != nil {
				return err
			}
		}
		cut, isCut := cuts[n]
		if !isCut {
			cut = -1
		}
		kept := t.seal != nil && t.seal.Size > 0
		if t.seal == nil {
			m := &mending{v: v, c: c, k: k, t: t, cut: cut}
			var err error
			if kept, err = m.run(there); err != nil {
				return err
			}
		}
		if kept {
			for _, i := range t.line.Instead {
				if at, twice := cuts[i.N]; !twice || i.From < at {
					cuts[i.N] = i.From
				}
			}
		}
	}
	return nil
}

// checkSealed looks whether a sealed file is there, and removes one that was discarded.
func (v *recovery) checkSealed(t *told, f found, there bool) error {
	switch {
	case t.seal.Size == 0 && there && f.part:
		return v.r.removePart(f.name)
	case t.seal.Size > 0 && !there:
		v.did("%s is lost: the journal knows it, the disk does not have it", t.line.File)
	case t.seal.Size > 0 && f.size != t.seal.Size:
		v.did("%s is damaged: %d bytes, not %d", t.line.File, f.size, t.seal.Size)
	}
	return nil
}

// takeIn adopts media that the journal does not know.
func (v *recovery) takeIn(c *camera, k *known, files []found) error {
	adopted := false
	for _, f := range files {
		if t := k.segments[f.n]; t != nil && t.line != nil {
			continue
		}
		if err := v.adoptFile(c, k, f); err != nil {
			return err
		}
		adopted = true
	}
	if adopted {
		v.explainNothing(c, k)
	}
	return nil
}

// explainNothing journals the time between the camera's media as gaps for which nobody
// knows the reason any more.
func (v *recovery) explainNothing(c *camera, k *known) {
	var list []*journal.Seal
	for _, t := range k.segments {
		if t.seal != nil && t.seal.Size > 0 {
			list = append(list, t.seal)
		}
	}
	slices.SortFunc(list, func(a, b *journal.Seal) int { return a.Start.Compare(b.Start) })
	at := v.r.plan.Opened
	for _, s := range list {
		if !at.IsZero() && s.Start.Sub(at) > time.Second && !k.explains(at, s.Start) {
			c.span(nil, at, s.Start, media.Because(media.ProcessDown), "the journal that knew the reason is lost")
		}
		at = later(at, s.End)
	}
}

// adoptFile makes lines for one file, or sets it aside.
func (v *recovery) adoptFile(c *camera, k *known, f found) error {
	h, err := v.r.FS.Open(v.stored(f))
	if err != nil {
		return vfs.Fault("open "+f.name, err)
	}
	s, err := scan(h, -1)
	h.Close()
	if err != nil && !fault.Is(err, fault.Damaged) {
		return err
	}
	if err != nil || s.Header.Camera != c.name || !f.part && (s.State != segment.Sealed || s.Problem != nil) {
		v.did("%s cannot be taken in: moved to quarantine", f.name)
		name := f.name
		if f.part {
			name += segment.Part
		}
		return v.setAside(name)
	}
	line := &journal.Segment{Camera: c.name, N: f.n, File: f.name, Start: utc(s.Header.Start)}
	for _, t := range s.Header.Tracks {
		line.Tracks = append(line.Tracks, journal.Track{Codec: t.Codec, Clock: t.ClockRate, Channels: t.Channels})
	}
	v.r.lines.post(line)
	k.of(f.n).line = line
	m := &mending{v: v, c: c, k: k, t: k.of(f.n), cut: -1}
	_, err = m.run(true)
	v.did("%s is taken into the journal again", f.name)
	return err
}

func (v *recovery) stored(f found) string {
	if f.part {
		return v.r.path(f.name + segment.Part)
	}
	return v.r.path(f.name)
}
