package vfs

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// datasync is fdatasync(2): the bytes and the size, not the time stamps, which saves a
// write of the inode.
func datasync(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if conn.Control(func(fd uintptr) {
		for {
			failed = unix.Fdatasync(int(fd))
			if failed != unix.EINTR {
				return
			}
		}
	}) != nil {
		failed = fs.ErrClosed // Control fails for no other reason
	}
	if failed != nil {
		return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: failed}
	}
	return nil
}
