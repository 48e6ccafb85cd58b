package rtsp

import (
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// Rendition is the pictures of a stream in another size or at another bit rate, for those
// viewers that were turned to it. It ends with the run.
type Rendition struct {
	s    *Stream
	line *streamLine // of the source's pictures
	pack *packer

	// Under the stream's lock.
	over  bool
	want  bool // somebody lacks a key frame
	keyed time.Time
}

// keysApart is the least time between key frames that viewers ask for.
const keysApart = 500 * time.Millisecond

// Rendition makes one for the run that is on. fault.NotFound: none is, or it has no
// pictures.
func (s *Stream) Rendition() (*Rendition, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.on || s.lead < 0 {
		return nil, fault.New(fault.NotFound, "%s has no pictures now", s.o.Path)
	}
	l := s.shown[s.lead]
	p, err := newPacker(l.track, packOptions{PayloadType: l.packer.o.PayloadType, SSRC: l.packer.o.SSRC})
	if err != nil {
		return nil, err
	}
	r := &Rendition{s: s, line: l, pack: p}
	s.renditions = append(s.renditions, r)
	return r, nil
}

// Key says whether the picture of that PTS, which is about to be encoded, is to be a key
// frame: because a viewer waits for one, or has missed something. At most two a second
// are. The viewers that wait are sent what they were up to that picture.
func (r *Rendition) Key(pts media.Ticks) bool {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	now := r.s.o.Clock.Now()
	if r.over || now.Sub(r.keyed) < keysApart {
		return false
	}
	due := r.want
	for _, p := range r.s.playing {
		if v := &p.view; v.turning && v.to == r && pts > v.last {
			v.cut = min(v.cut, pts)
			due = true
		}
	}
	if due {
		r.want, r.keyed = false, now
	}
	return due
}

// Write hands a unit of the rendition to its viewers. PTS and Wall are those of the
// source's picture; key frames hold their parameter sets. It waits for nobody.
func (r *Rendition) Write(au media.AccessUnit) {
	s := r.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.over {
		return
	}
	b, err := r.pack.pack(au, r.line.offset+uint32(au.PTS), nil)
	if err != nil {
		return
	}
	t, now := &shot{burst: b}, s.o.Clock.Now()
	for _, p := range s.playing {
		v := &p.view
		switch {
		case v.lane == nil:
			continue
		case v.turning && v.to == r && au.Key && au.PTS > v.last:
			if v.leave {
				v.lane.withdraw()
			}
			v.on, v.turning, v.mute, p.waits = r, false, false, false
		case v.on != r || v.turning && au.PTS >= v.cut:
			continue
		}
		v.last = max(v.last, au.PTS)
		if !v.lane.put(t, now) {
			r.want = true
		}
	}
}

// Viewers is how many are sent the rendition or are going to be.
func (r *Rendition) Viewers() (n int) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for _, p := range r.s.playing {
		if v := &p.view; v.on == r || v.turning && v.to == r {
			n++
		}
	}
	return n
}

// End ends the rendition. Who is still sent it is turned to the source, unless it has been
// turned to something else already.
func (r *Rendition) End() {
	s := r.s
	s.mu.Lock()
	defer s.mu.Unlock()
	r.over = true
	for i, other := range s.renditions {
		if other == r {
			s.renditions = append(s.renditions[:i], s.renditions[i+1:]...)
			break
		}
	}
	for _, p := range s.playing {
		if v := &p.view; v.on == r && !v.turning || v.turning && v.to == r {
			v.to, v.turning, v.cut = nil, true, noCut
		}
	}
}
