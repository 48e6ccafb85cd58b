//go:build !unix

package rtspcam

import "net"

// hold holds nothing here: the address may be taken while the camera is away.
func hold(net.Addr) (release func()) { return func() {} }
