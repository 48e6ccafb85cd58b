package commands

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// keyboard is the terminal that the process was started on.
type keyboard struct {
	mu     sync.Mutex
	before *unix.Termios // as it was found; nil: it is
}

// watch reads the keyboard key by key. Ctrl-C and the like stay signals. A process in the
// background reads nothing: it would be stopped for that.
func (k *keyboard) watch() (keys <-chan byte, release func(), ok bool) {
	in := int(os.Stdin.Fd())
	before, err := unix.IoctlGetTermios(in, getTermios)
	if err != nil || !foreground(in) {
		return nil, nil, false
	}
	quick := *before
	quick.Lflag &^= unix.ICANON | unix.ECHO
	quick.Cc[unix.VMIN], quick.Cc[unix.VTIME] = 1, 0
	if unix.IoctlSetTermios(in, setTermios, &quick) != nil {
		return nil, nil, false
	}
	k.mu.Lock()
	k.before = before
	k.mu.Unlock()
	typed, over, done := make(chan byte), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer close(typed)
		for {
			key, err := readKey(in, over)
			if err != nil {
				return
			}
			select {
			case typed <- key:
			case <-over:
				return
			}
		}
	}()
	return typed, func() {
		close(over)
		<-done
		k.restore()
	}, true
}

// readKey waits for a key until over is closed.
func readKey(in int, over <-chan struct{}) (byte, error) {
	var key [1]byte
	for {
		select {
		case <-over:
			return 0, os.ErrClosed
		default:
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(in), Events: unix.POLLIN}}, 100)
		if n <= 0 && (err == nil || errors.Is(err, unix.EINTR)) || err == nil && !foreground(in) {
			continue
		}
		if n, err = unix.Read(in, key[:]); err != nil || n == 0 {
			return 0, os.ErrClosed
		}
		return key[0], nil
	}
}

// restore leaves the terminal as it was found. It may be called more than once.
func (k *keyboard) restore() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.before != nil {
		_ = unix.IoctlSetTermios(int(os.Stdin.Fd()), setTermios, k.before) // the terminal may be gone
		k.before = nil
	}
}

// foreground reports whether what is typed is meant for this process.
func foreground(in int) bool {
	group, err := unix.IoctlGetInt(in, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
