//go:build !unix

package rtsp

import (
	"net"
	"syscall"
)

// rawOf has no socket to give on which writeNow works: all writes are a goroutine's.
func rawOf(net.Conn) syscall.RawConn { return nil }

func writeNow(uintptr, []byte) (int, error) { return 0, nil }
