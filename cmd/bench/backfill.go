package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/vfs"
)

const (
	cutFor   = 10 * time.Second
	cutAfter = 5 * time.Second
	lasting  = 25 * time.Second
)

// backfill records a camera over a link that is cut for ten seconds, with an rtsprec serve
// on the camera's side of it, and holds the recording against that one's.
func (b *bench) backfill() error {
	return withCamera(func(cam *rtspcam.Camera) error {
		near, far := filepath.Join(b.dir, "near"), filepath.Join(b.dir, "far")
		addr, err := freeAddress()
		if err != nil {
			return err
		}
		server, err := start(nil, nil, filepath.Join(b.bin, "rtsprec"), "serve", "-q", "-i", "cam="+cam.URL("a"), "--transport", "tcp",
			"--record", near, "--rtsp", addr, "--http", "")
		if err != nil {
			return err
		}
		err = answers(addr)
		if err == nil {
			time.Sleep(3 * time.Second) // it is to have begun before
			err = recordThrough(b, cam, addr, far)
			time.Sleep(time.Second) // and to end behind it
		}
		server.cmd.Process.Signal(syscall.SIGINT)
		if _, e := server.wait(0, 3); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
		return b.compare(far, near)
	})
}

// recordThrough records over a link that is cut in the middle.
func recordThrough(b *bench, cam *rtspcam.Camera, server, dir string) error {
	l := &cable{}
	defer l.close()
	camera, err := l.to(cam.Addr().String())
	if err != nil {
		return err
	}
	source, err := l.to(server)
	if err != nil {
		return err
	}
	url := strings.Replace(cam.URL("a"), cam.Addr().String(), camera, 1)
	p, err := start(nil, nil, filepath.Join(b.bin, "rtsprec"), "record", "-q", "--transport", "tcp", "-o", dir, "-i", "cam="+url,
		"-t", lasting.String(), "--backfill", "rtsp://"+source+"/cam")
	if err != nil {
		return err
	}
	time.Sleep(cutAfter)
	l.cut(true)
	time.Sleep(cutFor)
	l.cut(false)
	_, err = p.wait(0, 3)
	return err
}

// compare tells how much of the window is covered, and whether each unit is the one that
// was recorded without a disturbance.
func (b *bench) compare(far, near string) error {
	rec, err := archive.Load(vfs.OS(), far)
	if err != nil {
		return err
	}
	share := rec.Coverage(rec.Camera("cam")).Share()
	b.add("coverage after a cut of 10 s, backfilled", 100*share, "%", "100.00", share == 1, fmt.Sprintf("%d gaps", len(rec.Camera("cam").Gaps)))
	part, err := replayed(far)
	if err != nil {
		return err
	}
	whole, err := replayed(near)
	if err != nil {
		return err
	}
	units, wrong, note := 0, 0, "by SHA-256 of each"
	for i := range part {
		n, where := strangers(part[i], whole[i])
		units += len(part[i])
		if wrong += n; n > 0 {
			note += fmt.Sprintf("; track %d: %s", i, where)
		}
	}
	b.add("units missing, doubled or changed", float64(wrong), "", "0", wrong == 0 && units > 0, fmt.Sprintf("%d units, %s", units, note))
	return nil
}

// strangers counts the units of part that do not follow the one before them as they do in
// whole, and says where the first is.
func strangers(part, whole []unit) (n int, where string) {
	at := map[unit]int{}
	for i, u := range whole {
		at[u] = i + 1
	}
	for i := range part {
		switch {
		case at[part[i]] > 0 && (i == 0 || at[part[i]] == at[part[i-1]]+1):
		case n == 0:
			where = fmt.Sprintf("unit %d of %d is number %d of %d", i, len(part), at[part[i]], len(whole))
			n++
		default:
			n++
		}
	}
	return n, where
}

// unit is what is compared of one.
type unit [sha256.Size]byte

// replayed lists the SHA-256 of each unit of a recording, by track, as it is played.
func replayed(dir string) ([][]unit, error) {
	s, err := archive.NewLibrary(vfs.OS(), media.SystemClock{}, dir).Replay(context.Background(), "cam", archive.PlayOptions{})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	tracks := make([][]unit, len(s.Run().Tracks))
	for {
		au, err := s.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return tracks, nil
		}
		if err != nil {
			return nil, err
		}
		tracks[au.Track] = append(tracks[au.Track], sha256.Sum256(au.Data))
	}
}

// cable forwards connections until it is cut.
type cable struct {
	mu        sync.Mutex
	off       bool
	up        map[net.Conn]bool
	listeners []net.Listener
	work      sync.WaitGroup
}

// to returns the address under which another is reached through the link.
func (l *cable) to(address string) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	l.listeners = append(l.listeners, listener)
	l.work.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			l.work.Go(func() { l.carry(in, address) })
		}
	})
	return listener.Addr().String(), nil
}

func (l *cable) carry(in net.Conn, address string) {
	defer in.Close()
	out, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer out.Close()
	if !l.add(in, out) {
		return
	}
	defer l.remove(in, out)
	var work sync.WaitGroup
	for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
		work.Go(func() {
			io.Copy(pair[0], pair[1])
			in.Close()
			out.Close()
		})
	}
	work.Wait()
}

func (l *cable) add(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.up == nil {
		l.up = map[net.Conn]bool{}
	}
	for _, c := range conns {
		l.up[c] = !l.off
	}
	return !l.off
}

func (l *cable) remove(conns ...net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range conns {
		delete(l.up, c)
	}
}

func (l *cable) cut(off bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.off = off
	for c := range l.up {
		if off {
			c.Close()
		}
	}
}

func (l *cable) close() {
	for _, listener := range l.listeners {
		listener.Close()
	}
	l.cut(true)
	l.work.Wait()
}
