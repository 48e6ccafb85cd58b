package archive

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// prefer puts the main stream that is kept beside a camera's sub-stream into its place. It
// begins with the key frame before that, and there what was recorded before it ends; it ends with
// a key frame of what was recorded, which nothing else can go on with.
func (s *strip) prefer(fsys vfs.FS, h Holding, from, to time.Time) {
	var row []*stretch // that follow each other
	for _, seg := range h.Camera.Beside {
		if seg.Source == "" || !seg.Sealed || !seg.touches(from, to) {
			continue
		}
		one, err := openStretch(fsys, h.Recording, seg)
		if err != nil {
			s.notes = append(s.notes, fmt.Sprintf("%s is left out, the sub-stream stands in its place: %v", seg.Name(), err))
			continue
		}
		s.files = append(s.files, one.file)
		if one.picture < 0 {
			continue
		}
		one.camera = h.Camera
		if n := len(row); n > 0 {
			switch last := row[n-1]; {
			case one.decodes().Sub(last.reach()) > silence:
				s.replace(row, from, to)
				row = nil
			case last.reach().After(one.decodes()): // what was left of a span was got later
				row[n-1] = last.before(one.decodes())
			}
		}
		row = append(row, one)
	}
	s.replace(row, from, to)
	s.sort()
}

// decodes is when the first unit of the track that decides is decoded.
func (s *stretch) decodes() time.Time {
	t := s.deciding()
	for u := range s.Places(t) {
		return s.at(t, u.DTS)
	}
	return s.start()
}

// reach is where the track that decides ends.
func (s *stretch) reach() time.Time { return s.Tracks[s.deciding()].End }

func (s *stretch) before(at time.Time) *stretch {
	return s.part(func(_ int, u time.Time) bool { return u.Before(at) })
}

// replace puts a row of stretches into the place of what was recorded at their time.
func (s *strip) replace(row []*stretch, from, to time.Time) {
	if len(row) == 0 {
		return
	}
	camera, begin := row[0].camera, row[0].decodes()
	end := s.resumes(camera, begin, row[len(row)-1].reach())
	if !begin.Before(end) {
		return
	}
	for i := range row {
		row[i] = row[i].before(end)
	}
	var list []*stretch
	for _, one := range s.stretches {
		if one.camera != camera || !one.overlaps(begin, end) {
			list = append(list, one)
			continue
		}
		row = append(row, one.before(begin), one.part(func(_ int, u time.Time) bool { return !u.Before(end) }))
	}
	for _, one := range row {
		if one.picture >= 0 && one.reach().After(from) && (to.IsZero() || one.start().Before(to)) {
			list = append(list, one)
		}
	}
	s.stretches = list
	if !to.IsZero() {
		end = earlier(end, to)
	}
	s.notes = append(s.notes, fmt.Sprintf("from %s to %s it is the main stream, got afterwards and kept beside the sub-stream",
		clock(later(begin, from)), clock(end)))
}

// overlaps reports whether any track has media of that time.
func (s *stretch) overlaps(from, to time.Time) bool {
	return slices.ContainsFunc(s.Tracks, func(t segment.TrackInfo) bool { return t.Units > 0 && t.Start.Before(to) && t.End.After(from) })
}

// resumes is where what is recorded can be gone on with at end, or begin where it cannot
// before that.
func (s *strip) resumes(camera *Camera, begin, end time.Time) time.Time {
	for _, one := range s.stretches {
		if one.camera != camera || !one.decodes().Before(end) || !one.reach().After(end) {
			continue
		}
		t, key := one.deciding(), begin
		for u := range one.Places(t) {
			if at := one.at(t, u.DTS); u.Key && !at.After(end) {
				key = at
			}
		}
		return key
	}
	return end
}

// sort puts the stretches in the order of capture.
func (s *strip) sort() {
	slices.SortStableFunc(s.stretches, func(a, b *stretch) int { return cmp.Or(a.begins().Compare(b.begins()), cmp.Compare(a.name, b.name)) })
}
