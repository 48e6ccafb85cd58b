package rtspcam_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
)

// watch plays and looks at n packets.
func watch(t *testing.T, stream, misbehave string, n int) []packet {
	t.Helper()
	c := dial(t, start(t, stream, misbehave).URL("live"))
	c.play()
	var list []packet
	c.rtp(func(p packet) bool {
		list = append(list, p)
		return len(list) < n
	})
	return list
}

func TestLossIsAsMuchAsAskedForAndBookedAndTheSameEachTime(t *testing.T) {
	t.Parallel()
	var runs [2]string
	for i := range runs {
		cam := start(t, "heavy", "loss=10%")
		c := dial(t, cam.URL("live"))
		c.play()
		var first, last uint16
		var holes strings.Builder
		got := 0
		c.rtp(func(p packet) bool {
			if got == 0 {
				first = p.seq
			}
			for gap := p.seq - last; got > 0 && gap > 1; gap-- {
				holes.WriteByte('x')
			}
			holes.WriteByte('.')
			last = p.seq
			got++
			return got < 700
		})
		lost := int(last-first) + 1 - got
		if lost < 40 || lost > 120 {
			t.Errorf("%d of %d lost", lost, got+lost)
		}
		waitFor(t, "partial units", func() bool { return units(cam.Lost("live", 0)) > 20 })
		runs[i] = holes.String()
	}
	if i := strings.Index(runs[1], runs[0][100:300]); i < 0 && !strings.Contains(runs[0], runs[1][100:300]) {
		t.Error("the same seed lost other packets")
	}
}

func TestReorderDisplacesByThatMuchAndLosesNothing(t *testing.T) {
	t.Parallel()
	list := watch(t, "heavy", "reorder=10,seqwrap=50", 600)
	seen := map[uint16]bool{}
	late, most := 0, 0
	top := list[0].seq
	for _, p := range list {
		if d := int16(top - p.seq); d > 0 {
			late++
			most = max(most, int(d))
		} else {
			top = p.seq
		}
		seen[p.seq] = true
	}
	if late < 10 || most < 9 || most > 20 {
		t.Errorf("%d late by at most %d", late, most)
	}
	for s := list[0].seq + 30; s != top-30; s++ {
		if !seen[s] {
			t.Errorf("packet %d never came", s)
		}
	}
}

func TestDuplicateSendsTwice(t *testing.T) {
	t.Parallel()
	n := 0
	list := watch(t, "heavy", "duplicate=20%", 300)
	for i, p := range list[1:] {
		if p.seq == list[i].seq {
			n++
		}
	}
	if n < 20 {
		t.Errorf("%d of %d were sent twice", n, len(list))
	}
}

func TestClockFaultsOfRTP(t *testing.T) {
	t.Parallel()
	for misbehave, ok := range map[string]func(list []packet) bool{
		"tswrap=400ms": func(l []packet) bool { return l[0].time > 1<<31 && l[len(l)-1].time < 1<<30 },
		"seqwrap=20":   func(l []packet) bool { return l[0].seq > 1<<15 && l[len(l)-1].seq < 1<<15 },
		"frozen":       func(l []packet) bool { return l[0].time == l[len(l)-1].time },
		"jump@500ms=2h": func(l []packet) bool {
			return l[len(l)-1].time-l[0].time > 7200*90000
		},
		"jump@500ms=-2h": func(l []packet) bool {
			d := l[0].time - l[len(l)-1].time
			return d > 7100*90000 && d < 7200*90000
		},
		"ssrc@500ms":         func(l []packet) bool { return l[0].ssrc != l[len(l)-1].ssrc },
		"seqjump@500ms=3000": func(l []packet) bool { return l[len(l)-1].seq-l[0].seq > 3000 },
		"marker=never":       func(l []packet) bool { return count(l, true) == 0 },
		"marker=always":      func(l []packet) bool { return count(l, false) == 0 },
		"fps=12.5":           func(l []packet) bool { return distinct(l, 7200) },
		"":                   func(l []packet) bool { return distinct(l, 3600) },
	} {
		t.Run(misbehave, func(t *testing.T) {
			t.Parallel()
			if !ok(watch(t, "h264", misbehave, 40)) {
				t.Error("nothing of the kind was seen")
			}
		})
	}
}

func count(list []packet, marker bool) (n int) {
	for _, p := range list {
		if p.marker == marker {
			n++
		}
	}
	return n
}

// distinct reports whether RTP time moves by step alone.
func distinct(list []packet, step uint32) bool {
	for i, p := range list[1:] {
		if d := p.time - list[i].time; d != 0 && d != step {
			return false
		}
	}
	return true
}

func TestPacketisationFaults(t *testing.T) {
	t.Parallel()
	for misbehave, seen := range map[string]func(p packet) bool{
		"zeronal":       func(p packet) bool { return len(p.payload) == 0 },
		"startcodes":    func(p packet) bool { return bytes.Contains(p.payload, []byte{0, 0, 0, 1}) },
		"fuse":          func(p packet) bool { return p.payload[0]&0x1f == 28 && p.payload[1]&0xc0 == 0xc0 },
		"stap":          func(p packet) bool { return p.payload[0]&0x1f == 24 && p.payload[len(p.payload)-1] == 4 },
		"flap":          func(p packet) bool { return p.payload[0]&0x1f == 7 && p.payload[len(p.payload)-1] == 0 },
		"parameters@1s": func(p packet) bool { return p.payload[0]&0x1f == 7 && p.payload[3] != 12 },
	} {
		t.Run(misbehave, func(t *testing.T) {
			t.Parallel()
			c := dial(t, start(t, "h264", misbehave).URL("live"))
			c.play()
			c.rtp(func(p packet) bool { return !seen(p) })
		})
	}
}

func TestNoParameterSetsInBand(t *testing.T) {
	t.Parallel()
	keys := 0
	for _, p := range watch(t, "h264", "noparams", 80) {
		if p.payload[0]&0x1f == 7 || p.payload[0]&0x1f == 8 {
			t.Error("a parameter set")
		}
		if p.payload[0]&0x1f == 28 && p.payload[1] == 0x85 {
			keys++
		}
	}
	if keys == 0 {
		t.Error("no key frame")
	}
	for _, p := range watch(t, "mpeg4", "noparams", 200) {
		if bytes.Contains(p.payload, []byte{0, 0, 1, 0x20}) {
			t.Error("a video object layer")
		}
	}
}

func TestIntraRefreshWithoutIDR(t *testing.T) {
	t.Parallel()
	cam := start(t, "h264refresh", "nokey")
	c := dial(t, cam.URL("live"))
	c.play()
	n, recovery := 0, 0
	c.rtp(func(p packet) bool {
		if p.payload[0]&0x1f == 5 || p.payload[0]&0x1f == 28 && p.payload[1]&0x1f == 5 {
			t.Error("an IDR")
		}
		if p.payload[0]&0x1f == 6 && p.payload[1] == 6 {
			recovery++
		}
		n++
		return n < 150 && recovery == 0
	})
	if recovery == 0 {
		t.Error("no recovery point")
	}
}

func TestABigUnitIsAsBigAsAskedFor(t *testing.T) {
	t.Parallel()
	c := dial(t, start(t, "h265", "bigunit=2M").URL("live"))
	c.play()
	bytes, at := 0, uint32(0)
	c.rtp(func(p packet) bool {
		if p.time != at {
			bytes, at = 0, p.time
		}
		bytes += len(p.payload)
		return bytes < 2<<20
	})
}

func TestNoKeyFramesForAWhile(t *testing.T) {
	t.Parallel()
	cam := start(t, "h264", "")
	if err := cam.Misbehave("live", "nokey:1500ms"); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	c := dial(t, cam.URL("live"))
	c.play()
	others := 0
	c.rtp(func(p packet) bool {
		if p.payload[0]&0x1f == 7 {
			if time.Since(begun) < 1400*time.Millisecond || others < 20 {
				t.Errorf("a key frame after %v and %d packets", time.Since(begun), others)
			}
			return false
		}
		others++
		return true
	})
}

func TestDropCutsRefusesAndReturnsAtTheSameAddress(t *testing.T) {
	t.Parallel()
	cam := start(t, "h264", "")
	c := dial(t, cam.URL("live"))
	c.play()
	c.rtp(func(packet) bool { return false })
	cam.Drop(700 * time.Millisecond)
	for {
		if _, err := c.frame(); err != nil {
			if !errors.Is(err, io.EOF) {
				t.Errorf("the connection ended with %v, not with FIN", err)
			}
			break
		}
	}
	if _, err := net.Dial("tcp", cam.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("while it is gone: %v", err)
	}
	waitFor(t, "the camera to come back", func() bool {
		conn, err := net.Dial("tcp", cam.Addr().String())
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	again := dial(t, cam.URL("live"))
	again.play()
	again.rtp(func(packet) bool { return false })
}

func TestRestartChangesIdentityAndCountersGoOn(t *testing.T) {
	t.Parallel()
	cam := start(t, "h264", "")
	look := func() (ssrc uint32, counter uint64) {
		c := dial(t, cam.URL("live"))
		c.play()
		c.rtp(func(p packet) bool {
			m, ok := p.mark()
			ssrc, counter = p.ssrc, m.Counter
			return !ok
		})
		return ssrc, counter
	}
	ssrc, counter := look()
	cam.Restart()
	waitFor(t, "another identity", func() bool {
		again, later := look()
		if later <= counter {
			t.Fatalf("unit %d after unit %d", later, counter)
		}
		return again != ssrc
	})
}

func TestResetAndSilence(t *testing.T) {
	t.Parallel()
	cam := start(t, "h264", "")
	c := dial(t, cam.URL("live"))
	c.play()
	cam.Misbehave("", "rst")
	for {
		if _, err := c.frame(); err != nil {
			if !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("ended with %v", err)
			}
			break
		}
	}
	c = dial(t, cam.URL("live"))
	c.play()
	c.rtp(func(packet) bool { return false })
	cam.Misbehave("", "halfopen")
	waitFor(t, "the reader to be forgotten", func() bool { return cam.Readers("live") == 0 })
	c.conn.SetDeadline(time.Now().Add(300 * time.Millisecond))
	io.WriteString(c.conn, "OPTIONS * RTSP/1.0\r\nCSeq: 99\r\n\r\n")
	for {
		if _, err := c.in.ReadByte(); err != nil {
			if ne, ok := errors.AsType[net.Error](err); !ok || !ne.Timeout() {
				t.Errorf("a half-open connection ended with %v", err)
			}
			break
		}
	}
	other := dial(t, cam.URL("live")) // new ones work
	other.play()
	other.rtp(func(packet) bool { return false })
}

func TestWhatWasStalledWasNotSent(t *testing.T) {
	t.Parallel()
	cam := start(t, "h264", "")
	c := dial(t, cam.URL("live"))
	c.play()
	var before packet
	var last rtspcam.Mark
	stalled := false
	c.rtp(func(p packet) bool {
		m, ok := p.mark()
		if stalled && ok && m.Counter > last.Counter+5 {
			if p.seq != before.seq+1 {
				t.Errorf("packet %d follows %d", p.seq, before.seq)
			}
			return false
		}
		if ok {
			last = m
			if !stalled {
				stalled = true
				cam.Stall(500 * time.Millisecond)
			}
		}
		before = p
		return true
	})
	waitFor(t, "two ranges", func() bool { return len(cam.Sent("live")) == 2 })
	if s := cam.Sent("live"); s[0].Last.Counter != last.Counter || s[1].First.Counter <= last.Counter+5 {
		t.Errorf("%v, the last before the stall was %d", s, last.Counter)
	}
}

func TestAnnexBMarksAreIntact(t *testing.T) {
	t.Parallel()
	c := dial(t, start(t, "h264", "").URL("live"))
	c.play()
	var unit []byte
	n, begun := 0, false
	c.rtp(func(p packet) bool {
		if p.payload[0]&0x1f == 28 {
			if p.payload[1]&0x80 != 0 {
				unit = append(unit, 0, 0, 0, 1, p.payload[0]&0xe0|p.payload[1]&0x1f)
			}
			unit = append(unit, p.payload[2:]...)
		} else {
			unit = append(append(unit, 0, 0, 0, 1), p.payload...)
		}
		if p.marker {
			if begun && !rtspcam.Intact(media.H264, unit) {
				t.Error("a unit is not intact")
			}
			unit[len(unit)-1] ^= 1
			if rtspcam.Intact(media.H264, unit) {
				t.Error("a flipped bit went unseen")
			}
			unit, begun = nil, true
			n++
		}
		return n < 40
	})
}

func TestTheAddressIsKeptWhileTheCameraIsAway(t *testing.T) {
	t.Parallel()
	cam := start(t, "pcma", "drop:500ms")
	waitFor(t, "the camera to be gone", func() bool {
		conn, err := net.Dial("tcp", cam.Addr().String())
		if err == nil {
			conn.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	plain := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 0) })
	}}
	if l, err := plain.Listen(t.Context(), "tcp", cam.Addr().String()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("somebody else gets the address: %v", err)
		if err == nil {
			l.Close()
		}
	}
	waitFor(t, "the camera to come back", func() bool {
		conn, err := net.Dial("tcp", cam.Addr().String())
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}
