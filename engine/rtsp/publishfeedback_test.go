package rtsp

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/rate"
)

// A peer that takes nothing shows as bytes that wait and a write that does not end.
func TestAPublisherSeesThatItsPathIsStuck(t *testing.T) {
	l := listen(t)
	defer l.Close()
	stuck := make(chan net.Conn, 1)
	go mute(l, stuck)
	run := media.Run{Tracks: []media.Track{{Codec: media.L16, ClockRate: 48000, SampleRate: 48000, Channels: 2, Bits: 16}}}
	p, err := Publish(t.Context(), PublishOptions{URL: "rtsp://" + l.Addr().String() + "/x", Timeout: time.Minute, Measure: true, Clock: media.SystemClock{}}, run)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	defer (<-stuck).Close()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for n := range int64(1000) {
			if p.Write(t.Context(), media.AccessUnit{PTS: n * 1000, Wall: time.Now(), Data: make([]byte, 64<<10)}) != nil {
				return
			}
		}
	}()
	var f rate.Feedback
	until(t, "the path is seen to be stuck", func() bool {
		f = p.Feedback(0)
		return f.Stalled > 300*time.Millisecond && f.Sent > 0 && (f.Delivered == 0 || f.Backlog > 0)
	})
	if f.Delivered > f.Sent || f.RTT < 0 {
		t.Errorf("%+v", f)
	}
	p.Close()
	<-gone
}

// Over UDP round trips are measured, and receiver reports count, unless they are on what
// somebody else sends.
func TestAPublisherMeasuresItsPathOverUDP(t *testing.T) {
	run, list := sample(t)
	k := &taker{}
	p, err := Publish(t.Context(), PublishOptions{URL: startTaker(t, k, nil), Transport: UDP, Measure: true, Clock: media.SystemClock{}}, run)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Write(t.Context(), list[0]); err != nil {
		t.Fatal(err)
	}
	var f rate.Feedback
	until(t, "a round trip", func() bool { f = p.Feedback(0); return f.RTT > 0 })
	if f.Sent == 0 || f.Delivered != 0 {
		t.Errorf("%+v", f)
	}
	ssrc := p.lines[list[0].Track].packer.o.SSRC
	p.control(lossReport(ssrc+1, 255))
	if f = p.Feedback(0); f.Reported && f.Loss > 0 {
		t.Errorf("a report on another source counts: %+v", f)
	}
	p.control(lossReport(ssrc, 64))
	if f = p.Feedback(0); !f.Reported || f.Loss != 0.25 {
		t.Errorf("%+v", f)
	}
	p.path.mu.Lock()
	p.path.trips.time(-time.Hour) // a clock that was set back
	p.path.mu.Unlock()
	c := rate.New(rate.Options{})
	if d := c.Update(time.Now(), p.Feedback(0)); d.Queueing != 0 {
		t.Errorf("a round trip below 0: %+v", d)
	}
}

// lossReport is a receiver report of one block.
func lossReport(ssrc uint32, fraction byte) []byte {
	b := make([]byte, 32)
	b[0], b[1], b[3] = 0x81, rtcpReceiverReport, 7
	binary.BigEndian.PutUint32(b[8:], ssrc)
	b[12] = fraction
	return b
}

// Over TCP nothing is lost: a peer that says so is not believed.
func TestAPublisherDoesNotBelieveLossOverTCP(t *testing.T) {
	run, list := sample(t)
	p, err := Publish(t.Context(), PublishOptions{URL: startTaker(t, &taker{}, nil), Measure: true, Clock: media.SystemClock{}}, run)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Write(t.Context(), list[0]); err != nil {
		t.Fatal(err)
	}
	p.control(lossReport(p.lines[list[0].Track].packer.o.SSRC, 255))
	if f := p.Feedback(0); f.Loss != 0 || f.Reported {
		t.Errorf("%+v", f)
	}
}

// At a pace, a unit of many packets takes as long as they take at that rate.
func TestLargeUnitsArePacedOverUDP(t *testing.T) {
	run := media.Run{Tracks: []media.Track{{Codec: media.L16, ClockRate: 48000, SampleRate: 48000, Channels: 2, Bits: 16}}}
	p, err := Publish(t.Context(), PublishOptions{URL: startTaker(t, &taker{}, nil), Transport: UDP, Clock: media.SystemClock{}}, run)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if f := p.Feedback(5000); f.Backlog != 5000 {
		t.Errorf("%d bytes wait where nothing is paced", f.Backlog)
	}
	p.SetPace(4_000_000)
	if f := p.Feedback(5000); f.Backlog != 0 {
		t.Errorf("%d bytes wait for the pace and count as the path's", f.Backlog)
	}
	began := time.Now()
	if err := p.Write(t.Context(), media.AccessUnit{Wall: began, Data: make([]byte, 100_000)}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 150*time.Millisecond {
		t.Errorf("800 kbit at 4 Mbit/s went out in %v", took)
	}
}

// What waits before a connection counts where the kernel has not sent what it has.
func TestWhatIsPassingDoesNotWait(t *testing.T) {
	for _, c := range []struct{ held, unsent, unacked, backlog int64 }{{3500, 0, 0, 0}, {3500, 0, 9000, 0}, {3500, 16_000, 30_000, 19_500}, {0, 200, 200, 200}} {
		f := rate.Feedback{Sent: 100_000, Backlog: c.held}
		withKernel(&f, kernelWord{unsent: c.unsent, unacked: c.unacked, drain: 5_000_000})
		if f.Backlog != c.backlog || f.Delivered != 100_000-c.unacked || f.Drain != 5_000_000 {
			t.Errorf("%+v: %+v", c, f)
		}
	}
}
