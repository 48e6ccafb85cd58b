package segment

import (
	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
)

// Resume returns a Writer that stands behind the last sound fragment of f, which Scan
// has just read (not with Quick), so that it can be sealed or go on. It cuts off what
// stands behind s.Sound: keep a copy before when s.Problem is set. A first box or header
// that is neither of its two values is mended.
//
// A sealed file with nothing wrong is refused with a fault.Bug: it never changes again.
func Resume(f vfs.File, s *File) (*Writer, error) {
	if s.body == nil || s.State == Sealed && s.Problem == nil {
		return nil, fault.New(fault.Bug, "resume a segment that is sealed or was not read")
	}
	w := newWriter(f, s.body)
	if s.Size > s.Sound {
		if err := f.Truncate(s.Sound); err != nil {
			return nil, vfs.Fault("cut off a segment's broken end", err)
		}
	}
	if _, err := f.WriteAt([]byte(fileType+openHeader), 0); err != nil {
		return nil, vfs.Fault("mend a segment's header", err)
	}
	return w, nil
}
