package archive

import (
	"context"
	"slices"
	"sync"

	"rtsprec/engine/fault"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// sliceCache keeps the indexes of the segments that slices were cut from last.
type sliceCache struct {
	mu   sync.Mutex
	kept []sliceEntry // the one used last is last
}

type sliceEntry struct {
	dir, name string
	index     *segment.Index
}

// keepSlices bounds it: an index takes some hundred kilobytes.
const keepSlices = 16

func (c *sliceCache) get(dir, name string) *segment.Index {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, e := range c.kept {
		if e.dir == dir && e.name == name {
			c.kept = append(slices.Delete(c.kept, i, i+1), e)
			return e.index
		}
	}
	return nil
}

func (c *sliceCache) put(dir, name string, x *segment.Index) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = append(c.kept, sliceEntry{dir, name, x})
	if len(c.kept) > keepSlices {
		c.kept = slices.Delete(c.kept, 0, 1)
	}
}

// Open returns the bytes behind Piece.URI. fault.NotFound for anything else.
func (l *Library) Open(uri string) (Body, error) {
	none := fault.New(fault.NotFound, "there is no such media")
	r, ok := parseResource(uri)
	if !ok {
		return nil, none
	}
	rec, err := l.Recording(r.recording)
	if err != nil {
		return nil, none
	}
	camera := rec.Camera(r.camera)
	if camera == nil {
		return nil, none
	}
	i := slices.IndexFunc(camera.Segments, func(s *Segment) bool { return s.N == r.n })
	if i < 0 {
		return nil, none
	}
	if r.turn != (turn{}) {
		return l.turnBody(rec, camera, camera.Segments[i], r)
	}
	return l.body(rec, camera.Segments[i], r)
}

func (l *Library) body(rec *Recording, s *Segment, r resource) (Body, error) {
	f, err := hold(l.fs, rec.Dir, s)
	if err != nil {
		return nil, err
	}
	body, err := l.bodyOf(f, rec, s, r)
	if err != nil {
		f.Close()
		return nil, err
	}
	return body, nil
}

func (l *Library) bodyOf(f vfs.File, rec *Recording, s *Segment, r resource) (Body, error) {
	size, err := f.Size()
	if err != nil {
		return nil, vfs.Fault("read a segment", err)
	}
	if r.kind == wholeFile {
		return newBody(f, nil, f, size, nil), nil
	}
	x := l.slicing.get(rec.Dir, s.Name())
	if x == nil || r.kind == sliceMedia && r.last >= len(x.Fragments) {
		if x, err = segment.ReadIndex(f, s.credible(rec, size)); err != nil {
			return nil, err
		}
		l.slicing.put(rec.Dir, s.Name(), x)
	}
	if len(x.Fragments) == 0 {
		return nil, fault.New(fault.NotFound, "nothing is in it yet")
	}
	c, err := l.slicer(context.Background(), newStretch(s.File, f, x), r.sound)
	if err != nil {
		return nil, err
	}
	if r.kind == sliceInit {
		return newBody(f, segment.InitBytes(c.header), f, 0, c.beside), nil
	}
	return c.body(f, r)
}

// body is a slice, which takes over the files.
func (c *slicer) body(f vfs.File, r resource) (Body, error) {
	head, rest, err := c.slice(r.first, r.last)
	if err != nil {
		if c.beside != nil {
			c.beside.Close()
		}
		return nil, err
	}
	return newBody(f, head, rest, rest.size, c.beside), nil
}

// turnBody is a slice of a segment with a gap in its middle, or of what fills one.
func (l *Library) turnBody(rec *Recording, camera *Camera, s *Segment, r resource) (Body, error) {
	none := fault.New(fault.NotFound, "there is no such media")
	if r.kind != sliceMedia {
		return nil, none
	}
	c, f, err := l.slicerOf(context.Background(), rec, camera, s, r.turn, r.sound)
	if c == nil || err == errOther {
		return nil, none
	}
	if err != nil {
		return nil, err
	}
	body, err := c.body(f, r)
	if err != nil {
		f.Close()
		return nil, err
	}
	return body, nil
}
