//go:build !linux

package rtsp

import (
	"net"
	"time"
)

func tune(net.Conn, time.Duration, int) {}

// unacked is not known here: what has arrived follows from answers to later requests.
func unacked(net.Conn) (bytes int, ok bool) { return 0, false }

// kernelPath is not known here.
func kernelPath(net.Conn) (kernelWord, bool) { return kernelWord{}, false }
