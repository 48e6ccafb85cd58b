package vfs

import (
	"errors"
	"io/fs"
	"syscall"

	"rtsprec/engine/fault"
)

// Fault says what was being done when the disk reported err, and sorts it into a kind:
// DiskFull (no space, no quota), NotFound, Denied, Busy (the name is taken, somebody
// holds a lock), and DiskFailed for everything else. An error that has a kind already
// keeps it. A nil err gives nil.
func Fault(op string, err error) error {
	if err == nil {
		return nil
	}
	if _, classified := errors.AsType[*fault.Error](err); classified {
		return fault.Because(op, err)
	}
	return fault.Wrap(kindOf(err), op, err)
}

func kindOf(err error) fault.Kind {
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	switch {
	case is(syscall.ENOSPC, syscall.EDQUOT):
		return fault.DiskFull
	case is(fs.ErrNotExist):
		return fault.NotFound
	case is(fs.ErrPermission):
		return fault.Denied
	case is(fs.ErrExist, syscall.EWOULDBLOCK, syscall.EBUSY):
		return fault.Busy
	}
	return fault.DiskFailed
}
