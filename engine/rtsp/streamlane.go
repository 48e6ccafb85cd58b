package rtsp

import (
	"context"
	"encoding/binary"
	"sync"
	"time"
)

// lane is the way of the pictures to a viewer that is sent something else than the
// source's at times: they wait here, where they can be left out, and get their numbers
// when they leave, so that numbering runs on whatever is left out or comes from elsewhere.
// Sound does not wait here, and so goes before pictures that do.
type lane struct {
	out     *outlet
	track   int
	s       *Stream
	reports *readerReports

	mu      sync.Mutex
	waiting []waitingShot
	bytes   int64 // of waiting, and of what is in hand
	broken  bool  // up to the next key frame
	pace    int   // bit/s of large pictures over UDP; 0: at once
	fill    int   // bit/s up to which there is padding; 0: none
	wake    chan struct{}

	// The goroutine's own.
	ssrc            uint32
	seq             uint16 // of the next packet
	packets, octets uint32
	told            time.Time // when the last sender report went out
	credit          float64   // bytes of padding that are due

	stop context.CancelFunc
	done chan struct{}
}

type waitingShot struct {
	*shot
	since time.Time
}

const (
	lanePatience = time.Second // a picture that has waited for longer is left out, up to a key frame
	laneMost     = 4 << 20     // bytes that wait
	laneSlice    = 8 << 10     // bytes that go before sound at most
	laneReports  = 200 * time.Millisecond
	paceStep     = 4 * time.Millisecond
	padEvery     = 20 * time.Millisecond
	padPacket    = 1200
)

// start begins to send; end ends it and waits for that.
func (l *lane) start() {
	ctx, cancel := context.WithCancel(context.Background())
	l.stop, l.done, l.wake = cancel, make(chan struct{}), make(chan struct{}, 1)
	l.out.box.work.Go(func() {
		defer close(l.done)
		l.run(ctx)
	})
}

func (l *lane) end() {
	l.stop()
	<-l.done
}

// put gives the next picture. False: it was left out, and the next that will not be is a
// key frame.
func (l *lane) put(t *shot, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) > 0 && (now.Sub(l.waiting[0].since) > lanePatience || l.bytes > laneMost) {
		l.drop()
		l.broken = true
	}
	if l.broken && !t.Key {
		return false
	}
	l.broken = false
	l.waiting = append(l.waiting, waitingShot{t, now})
	l.bytes += int64(len(t.Data))
	l.signal()
	return true
}

// withdraw leaves out what waits; what follows must be a key frame.
func (l *lane) withdraw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop()
	l.broken = true
}

func (l *lane) drop() {
	for _, w := range l.waiting {
		l.bytes -= int64(len(w.Data))
	}
	clear(l.waiting)
	l.waiting = l.waiting[:0]
}

// aim says how fast large pictures leave over UDP, and up to which rate the path is filled
// with padding, bit/s.
func (l *lane) aim(pace, fill int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pace, l.fill = pace, fill
	l.signal()
}

func (l *lane) held() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes
}

func (l *lane) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run sends until ctx ends or the reader is gone.
func (l *lane) run(ctx context.Context) {
	pad := time.NewTicker(padEvery)
	defer pad.Stop()
	pad.Stop()
	padding := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.out.box.done:
			return
		case <-l.wake:
		case <-pad.C:
		}
		for {
			t, pace, ok := l.take()
			if !ok {
				break
			}
			err := l.send(ctx, t, pace)
			l.mu.Lock()
			l.bytes -= int64(len(t.Data))
			l.mu.Unlock()
			if err != nil {
				return
			}
		}
		l.mu.Lock()
		fill := l.fill
		l.mu.Unlock()
		switch {
		case fill > 0 && !padding:
			pad.Reset(padEvery)
			l.credit = 0
		case fill == 0 && padding:
			pad.Stop()
		case fill > 0:
			l.fillUp(ctx, fill)
		}
		padding = fill > 0
	}
}

func (l *lane) take() (t *shot, pace int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		return nil, 0, false
	}
	t = l.waiting[0].shot
	l.waiting[0] = waitingShot{}
	l.waiting = l.waiting[1:]
	return t, l.pace, true
}

// send numbers a picture's packets and sends them, with a sender report in front where one
// is due.
func (l *lane) send(ctx context.Context, t *shot, pace int) error {
	var report []byte
	if now := l.s.o.Clock.Now(); now.Sub(l.told) >= laneReports {
		report = senderReport(l.ssrc, ntpOf(t.Wall), t.RTP, l.packets, l.octets)
		l.told = now
		l.reports.sent(t.Wall, now)
	}
	way := &l.out.tracks[l.track]
	b := burst{Track: t.Track, Data: make([]byte, 0, len(t.Data)), Starts: make([]int32, 0, len(t.Starts))}
	for i := range t.Starts {
		b.Starts = append(b.Starts, int32(len(b.Data)))
		b.Data = appendFrame(b.Data, way.channel, t.packet(i))
		binary.BigEndian.PutUint16(b.Data[int(b.Starts[i])+frameHead+2:], l.seq)
		l.seq++
	}
	l.packets += uint32(len(t.Starts))
	l.octets += uint32(t.Octets)
	l.credit -= float64(len(b.Data))
	if l.out.udp != nil {
		return l.datagrams(ctx, &b, way.to, report, pace)
	}
	if report != nil {
		l.out.box.keep(appendFrame(nil, way.channel+1, report))
	}
	for i := 0; i < len(b.Starts); {
		part := b.from(i, laneSlice)
		if err := l.out.box.send(ctx, part.Data, 2*laneSlice); err != nil {
			return err
		}
		i += len(part.Starts)
	}
	return nil
}

// from is the packets from the i-th on, of so many bytes, or one. It shares Data.
func (b *burst) from(i, bytes int) burst {
	n := i + 1
	for n < len(b.Starts) && int(b.Starts[n]-b.Starts[i]) < bytes {
		n++
	}
	at, end := b.Starts[i], int32(len(b.Data))
	if n < len(b.Starts) {
		end = b.Starts[n]
	}
	part := burst{Track: b.Track, Data: b.Data[at:end:end]}
	for _, start := range b.Starts[i:n] {
		part.Starts = append(part.Starts, start-at)
	}
	return part
}

// datagrams sends a picture over UDP at the pace.
func (l *lane) datagrams(ctx context.Context, b *burst, to udpPeer, report []byte, pace int) error {
	if report != nil {
		l.out.udp.report(report, to)
	}
	slice := len(b.Data)
	if pace > 0 {
		slice = int(float64(pace) / 8 * paceStep.Seconds())
	}
	for i := 0; i < len(b.Starts); {
		part := b.from(i, slice)
		l.out.octets.Add(uint64(len(part.Data)))
		l.out.udp.send(&part, to)
		if i += len(part.Starts); i == len(b.Starts) {
			break
		}
		wait := time.NewTimer(time.Duration(float64(len(part.Data)) * 8 / float64(pace) * float64(time.Second)))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		}
	}
	return l.out.box.gone()
}

// fillUp sends as much padding as the pictures leave room for: how much a path takes can
// only be seen by sending as much. It travels as application-defined RTCP packets of a name
// that nobody knows, which receivers ignore (RFC 3550 6.7), and so reaches no decoder and
// no recording.
func (l *lane) fillUp(ctx context.Context, fill int) {
	second := float64(fill) / 8
	l.credit = min(max(l.credit+second*padEvery.Seconds(), -second), 2*second*padEvery.Seconds())
	way := &l.out.tracks[l.track]
	for l.credit > padPacket/4 {
		packet := padding(l.ssrc, min(int(l.credit), padPacket))
		l.credit -= float64(len(packet))
		if l.out.udp != nil {
			l.out.octets.Add(uint64(len(packet)))
			l.out.udp.report(packet, way.to)
			continue
		}
		if l.out.box.send(ctx, appendFrame(nil, way.channel+1, packet), 2*laneSlice) != nil {
			return
		}
	}
}

// padding is a compound packet of about that many bytes that says nothing: an empty
// receiver report, as RFC 3550 6.1 wants one in front, and zeros.
func padding(ssrc uint32, size int) []byte {
	const head = 8 + 12
	words := max(size-head, 0) / 4
	b := append(make([]byte, 0, head+4*words), 0x80, rtcpReceiverReport, 0, 1)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = append(b, 0x80, rtcpApp)
	b = binary.BigEndian.AppendUint16(b, uint16(2+words))
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = append(b, "FILL"...)
	return append(b, make([]byte, 4*words)...)
}
