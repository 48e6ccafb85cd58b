package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
)

// What is published: 30 pictures a second, 4 Mbit/s, a key frame ten times as large as
// the rest every two seconds. The last 8 bytes of each are when it was handed to the
// publisher's socket, so that a reader knows how long it took.
const (
	pictureRate = 30
	keyEvery    = 60
	keyRatio    = 10
	pictureSize = 4_000_000 / 8 * keyEvery / pictureRate / (keyEvery - 1 + keyRatio)
)

// serve compares the delay and the cost of serving with those of a bare relay: the
// same publisher, the same readers, both servers in turn.
func (b *bench) serve() error {
	var one, many [2]trial // ours, bare
	for round := range 5 {
		for _, which := range []int{round % 2, 1 - round%2} {
			for readers, sum := range map[int]*trial{1: &one[which], 50: &many[which]} {
				t, err := b.trial(which == 0, readers, b.time/8)
				if err != nil {
					return err
				}
				sum.add(t)
			}
		}
	}
	for i, name := range []string{"rtsprec", "bare relay"} {
		b.info("serve 1 reader, p50, "+name, one[i].ms(0.5), "ms", "")
		b.info("serve 1 reader, p99, "+name, one[i].ms(0.99), "ms", "")
		b.info("serve 50 readers, p50, "+name, many[i].ms(0.5), "ms", "")
		b.info("serve 50 readers, p99, "+name, many[i].ms(0.99), "ms", "")
		b.info("serve, CPU a reader, "+name, 100*cpuPerReader(one[i], many[i]), "% of core", "")
	}
	ratio := func(what string, ours, theirs, most float64) {
		b.add(what, ours/theirs, "ratio", fmt.Sprintf("<= %.2f", most), ours/theirs <= most, "")
	}
	ratio("serve 1 reader, p50 against bare relay", one[0].ms(0.5), one[1].ms(0.5), 1.05)
	ratio("serve 1 reader, p99 against bare relay", one[0].ms(0.99), one[1].ms(0.99), 1.2)
	ratio("serve 50 readers, p99 against bare relay", many[0].ms(0.99), many[1].ms(0.99), 0.8)
	ratio("serve, CPU a reader against bare relay", cpuPerReader(one[0], many[0]), cpuPerReader(one[1], many[1]), 0.7)
	b.add("serve 50 readers, packets lost", float64(many[0].lost), "packets", "0", many[0].lost == 0, "")
	return nil
}

// cpuPerReader is in cores.
func cpuPerReader(one, many trial) float64 {
	return (many.cpu.Seconds()/many.time.Seconds() - one.cpu.Seconds()/one.time.Seconds()) / 49
}

// trial is what readers saw of a server, in one round or several.
type trial struct {
	delays [][]time.Duration // by round
	lost   int
	cpu    time.Duration
	time   time.Duration
}

func (t *trial) add(u trial) {
	t.delays = append(t.delays, u.delays...)
	t.lost += u.lost
	t.cpu += u.cpu
	t.time += u.time
}

// ms is a quantile of the delays of a round, and of the rounds the median one: what else
// the machine does for a moment counts in one round only.
func (t *trial) ms(q float64) float64 {
	var rounds []time.Duration
	for _, list := range t.delays {
		slices.Sort(list)
		rounds = append(rounds, list[int(q*float64(len(list)-1))])
	}
	slices.Sort(rounds)
	return float64(rounds[len(rounds)/2]) / 1e6
}

// trial runs a server with a publisher and readers.
func (b *bench) trial(ours bool, readers int, d time.Duration) (trial, error) {
	addr, err := freeAddress()
	if err != nil {
		return trial{}, err
	}
	name, args := filepath.Join(b.bin, "rtsprec"), []string{"serve", "-q", "--rtsp", addr, "--http", "", "--udp", "0"}
	if !ours {
		if name, err = os.Executable(); err != nil {
			return trial{}, err
		}
		args = []string{"bare", addr}
	}
	p, err := start(nil, nil, name, args...)
	if err != nil {
		return trial{}, err
	}
	if err = answers(addr); err != nil {
		p.cmd.Process.Kill()
		p.wait(-1)
		return trial{}, err
	}
	t, err := watch("rtsp://"+addr+"/live", addr, readers, d)
	p.cmd.Process.Signal(syscall.SIGINT)
	u, e := p.wait()
	t.cpu, t.time = u.CPU, d
	return t, errors.Join(err, e)
}

// answers waits until somebody listens.
func answers(addr string) error {
	for range 200 {
		nc, err := net.Dial("tcp", addr)
		if err == nil {
			return nc.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.New("the server does not start")
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// watch publishes for d and reads it.
func watch(url, addr string, readers int, d time.Duration) (trial, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d+time.Minute)
	defer cancel()
	run := media.Run{Tracks: []media.Track{{Codec: media.H264, ClockRate: 90000}}}
	p, err := rtsp.Publish(ctx, rtsp.PublishOptions{URL: url, Transport: rtsp.TCP}, run)
	if err != nil {
		return trial{}, err
	}
	defer p.Close()
	began := time.Now()
	publish := func(from, to int) error {
		for n := from; n < to; n++ {
			time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / pictureRate)))
			if err := p.Write(ctx, picture(n, time.Now())); err != nil {
				return err
			}
		}
		return nil
	}
	const warm = 2 // pictures before anybody can read
	if err := publish(0, warm); err != nil {
		return trial{}, err
	}
	list := make([]*reader, readers)
	var all sync.WaitGroup
	defer all.Wait()
	for i := range list {
		if list[i], err = newReader(url, addr); err != nil {
			return trial{}, err
		}
		defer list[i].nc.Close()
		all.Go(list[i].run)
	}
	first := int(time.Since(began)*pictureRate/time.Second) + 1
	if err := publish(first, first+int(d*pictureRate/time.Second)); err != nil {
		return trial{}, err
	}
	time.Sleep(200 * time.Millisecond)
	var t trial
	for _, r := range list {
		r.nc.Close()
	}
	all.Wait()
	var delays []time.Duration
	for _, r := range list {
		delays = append(delays, r.delays...)
		t.lost += r.lost
	}
	if len(delays) < readers*int(d.Seconds()*pictureRate)/2 {
		return t, fmt.Errorf("only %d pictures came", len(delays))
	}
	t.delays = [][]time.Duration{delays}
	return t, nil
}

// picture is the n-th unit, of bytes that are no start code.
func picture(n int, now time.Time) media.AccessUnit {
	size, head := pictureSize, byte(0x41)
	if n%keyEvery == 0 {
		size, head = size*keyRatio, 0x65
	}
	nal := bytes.Repeat([]byte{0x55}, size)
	nal[0], nal[1] = head, 0x88 // first_mb_in_slice 0
	binary.BigEndian.PutUint64(nal[size-8:], uint64(now.UnixNano()))
	pts := int64(n) * 90000 / pictureRate
	return media.AccessUnit{PTS: pts, DTS: pts, Arrival: now, Wall: now, Key: head == 0x65, Data: media.AppendNAL(nil, nal)}
}

// reader plays over TCP and looks at nothing but numbers, ends of pictures, and the time
// in them, so that 50 of them cost little.
type reader struct {
	nc     net.Conn
	in     *bufio.Reader
	delays []time.Duration
	lost   int
}

func newReader(url, addr string) (*reader, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	r := &reader{nc: nc, in: bufio.NewReaderSize(nc, 256<<10)}
	session := ""
	for i, step := range []struct{ method, url, header string }{
		{"DESCRIBE", url, "Accept: application/sdp\r\n"},
		{"SETUP", url + "/trackID=0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"},
		{"PLAY", url, "Range: npt=0.000-\r\n"},
	} {
		fmt.Fprintf(nc, "%s %s RTSP/1.0\r\nCSeq: %d\r\n%s%s\r\n", step.method, step.url, i+1, session, step.header)
		header, err := r.answer()
		if err != nil {
			nc.Close()
			return nil, fmt.Errorf("%s: %w", step.method, err)
		}
		if id, _, _ := strings.Cut(header.Get("Session"), ";"); id != "" {
			session = "Session: " + id + "\r\n"
		}
	}
	return r, nil
}

func (r *reader) answer() (textproto.MIMEHeader, error) {
	text := textproto.NewReader(r.in)
	line, err := text.ReadLine()
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(line, "RTSP/1.0 200") {
		return nil, errors.New(line)
	}
	header, err := text.ReadMIMEHeader()
	if err != nil {
		return nil, err
	}
	n, _ := strconv.Atoi(header.Get("Content-Length"))
	_, err = r.in.Discard(n)
	return header, err
}

// run reads until the connection is closed. What was sent before it began does not count.
func (r *reader) run() {
	var head [4]byte
	packet := make([]byte, 1<<16)
	var next uint16
	began := time.Now()
	for any := false; ; {
		if _, err := io.ReadFull(r.in, head[:]); err != nil {
			return
		}
		p := packet[:binary.BigEndian.Uint16(head[2:])]
		if _, err := io.ReadFull(r.in, p); err != nil {
			return
		}
		if head[1] != 0 || len(p) < 20 {
			continue
		}
		seq := binary.BigEndian.Uint16(p[2:])
		if any && seq != next {
			r.lost += int(seq - next)
		}
		next, any = seq+1, true
		if p[1]&0x80 == 0 {
			continue
		}
		sent := time.Unix(0, int64(binary.BigEndian.Uint64(p[len(p)-8:])))
		if sent.After(began) {
			r.delays = append(r.delays, time.Since(sent))
		}
	}
}
