package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// copyRange copies as much as the kernel will, to dstOff or where dst stands. What it does not
// do (a pipe, two file systems it cannot join) is no error.
func copyRange(dst *os.File, dstOff *int64, src *os.File, off, n int64) (written int64, err error) {
	for written < n {
		k, err := unix.CopyFileRange(int(src.Fd()), &off, int(dst.Fd()), dstOff, int(min(n-written, 1<<30)), 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT), errors.Is(err, unix.EIO), errors.Is(err, unix.EFBIG):
			return written, os.NewSyscallError("copy_file_range", err)
		case err != nil || k <= 0:
			return written, nil
		}
		written += int64(k)
	}
	return written, nil
}
