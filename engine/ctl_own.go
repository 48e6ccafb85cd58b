package engine

import "syscall"

// ownSocket makes a socket's file one of its owner alone, before it has a name.
func ownSocket(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), 0o600) }); e != nil {
		return e
	}
	return err
}
