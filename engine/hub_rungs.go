package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/presets"
)

// sharedRungs re-encodes the pictures of a path: one decoder, and behind it one encoder
// for each step that viewers are on. A nil one does nothing.
type sharedRungs struct {
	decoder *recoder

	mu   sync.Mutex
	list []*sharedRung // best first
	gone []*sharedRung // whose encoders are to be closed
	err  error         // of an encoder
}

// sharedRung is a step that viewers are on. But for idle it is the worker's.
type sharedRung struct {
	imprint
	step int
	want presets.Rung
	to   *rtsp.Rendition
	idle time.Time // since when nobody is; zero: somebody is
}

// rungGrace is how long a step is encoded that nobody is on: a viewer may come back to it.
const rungGrace = 3 * time.Second

// newSharedRungs begins to decode, from the group of pictures that is under way.
func newSharedRungs(ctx context.Context, coder media.Coder, track media.Track, config []byte, device string, gop latestGroup) (*sharedRungs, error) {
	d, err := newRecoder(coder, track, config, device, recodeGOP)
	if err != nil {
		return nil, err
	}
	s := &sharedRungs{decoder: d}
	d.show = s.show
	d.windUp(gop)
	d.start(ctx, nil)
	return s, nil
}

func (s *sharedRungs) put(au media.AccessUnit) { s.decoder.put(au) }

// end ends all encoders, and returns when they are closed.
func (s *sharedRungs) end() {
	if s == nil {
		return
	}
	s.decoder.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range append(s.list, s.gone...) {
		r.close()
	}
	s.list, s.gone = nil, nil
}

// close ends the rendition and its encoder; what is still inside is for nobody.
func (r *sharedRung) close() {
	r.to.End()
	if r.encoder != nil {
		r.encoder.Close()
		r.encoder = nil
	}
}

// rung returns the rendition of a step, and begins to encode it where nobody does.
func (s *sharedRungs) rung(step int, want presets.Rung, stream *rtsp.Stream) (*rtsp.Rendition, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, found := slices.BinarySearchFunc(s.list, step, func(r *sharedRung, step int) int { return r.step - step })
	if found {
		s.list[at].idle = time.Time{}
		return s.list[at].to, nil
	}
	to, err := stream.Rendition()
	if err != nil {
		return nil, err
	}
	r := &sharedRung{imprint: s.decoder.imprint, step: step, want: want, to: to}
	r.emit = to.Write
	s.list = slices.Insert(s.list, at, r)
	return to, nil
}

// retire ends the steps that nobody has been on for a while. True: none is left.
func (s *sharedRungs) retire(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.DeleteFunc(s.list, func(r *sharedRung) bool {
		switch {
		case r.to.Viewers() > 0:
			r.idle = time.Time{}
		case r.idle.IsZero():
			r.idle = now
		case now.Sub(r.idle) >= rungGrace:
			s.gone = append(s.gone, r)
			return true
		}
		return false
	})
	return len(s.list) == 0
}

// steps are those that are encoded, best first.
func (s *sharedRungs) steps() (list []int) {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.list {
		list = append(list, r.step)
	}
	return list
}

// failed is why a step cannot be encoded; nil: all can.
func (s *sharedRungs) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// show encodes a picture for each step that is due, best first. The worker calls it. When
// more wait than there is time for, the picture is left out of all.
func (s *sharedRungs) show(p media.Picture, behind int) {
	s.mu.Lock()
	list, gone := slices.Clone(s.list), s.gone
	s.gone = nil
	s.mu.Unlock()
	for _, r := range gone {
		r.close()
	}
	if behind > recodeBehind {
		return
	}
	// Who changes steps at this picture is not sent it on the old one, so all are asked
	// before any is encoded.
	keys := make([]bool, len(list))
	for i, r := range list {
		if keys[i] = r.to.Key(p.PTS()); keys[i] && r.early(p) {
			r.due = p.PTS()
		}
	}
	for i, r := range list {
		if !keys[i] && r.early(p) {
			continue
		}
		if err := r.draw(p, r.want, keys[i], false); err != nil && r.failed >= recodeFailed {
			s.mu.Lock()
			s.err = err
			s.mu.Unlock()
		}
	}
}
