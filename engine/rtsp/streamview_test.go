package rtsp

import (
	"encoding/binary"
	"slices"
	"sync"
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/rate"
)

// viewed is a stream that is adapted, with one viewer over UDP that plays.
func viewed(t *testing.T, clock media.Clock) (*Stream, *livePlayer) {
	t.Helper()
	s := NewStream(StreamOptions{Path: "x", Clock: clock, Adapt: true})
	if err := s.Begin(t.Context(), media.Run{Tracks: []media.Track{videoTrack()}}); err != nil {
		t.Fatal(err)
	}
	out := &outlet{box: newOutbox(&deaf{}, 1<<20, 0, time.Second, clock, new(sync.WaitGroup)), tracks: []outTrack{{set: true}}, udp: &udpPorts{}, corked: true}
	p, err := s.open(out, []media.Track{videoTrack()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	if _, err := p.play(nil); err != nil {
		t.Fatal(err)
	}
	return s, p.(*livePlayer)
}

// receiverSays is a receiver report of one block.
func receiverSays(ssrc uint32, fraction byte, lost, highest, lastSR uint32, kept time.Duration) []byte {
	b := []byte{0x81, rtcpReceiverReport, 0, 7, 0, 0, 0, 9}
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = binary.BigEndian.AppendUint32(b, uint32(fraction)<<24|lost)
	b = binary.BigEndian.AppendUint32(b, highest)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, lastSR)
	return binary.BigEndian.AppendUint32(b, uint32(kept.Seconds()*65536))
}

func TestWhatAViewerReportsIsBelieved(t *testing.T) {
	clock := media.SystemClock{}
	s, p := viewed(t, clock)
	now, wall := clock.Now(), clock.Wall()
	p.view.reports.sent(wall, now)
	told := uint32(ntpOf(wall) >> 16)
	report := func(fraction byte, lost, highest, sr uint32, after, kept time.Duration) rate.Feedback {
		if lies := p.reported(receiverSays(s.ssrc(0), fraction, lost, highest, sr, kept), now.Add(after)); lies != nil {
			t.Errorf("called a lie: %v", lies)
		}
		var f rate.Feedback
		p.view.reports.feedback(&f, now.Add(after))
		return f
	}
	if f := report(0, 0, 1000, told, 300*time.Millisecond, 250*time.Millisecond); f.RTT < 49*time.Millisecond || f.RTT > 51*time.Millisecond || f.Reported {
		t.Errorf("the first: %+v", f)
	}
	if f := report(64, 25, 1100, told, 500*time.Millisecond, 450*time.Millisecond); f.RTT != 0 || !f.Reported || f.Loss != 0.25 {
		t.Errorf("a quarter lost, no newer round trip: %+v", f)
	}
	// A report was lost on the way: the fraction is of half the time that the counts are of.
	if f := report(128, 75, 1300, 0, 900*time.Millisecond, 0); f.Loss != 0.25 {
		t.Errorf("behind a lost report: %+v", f)
	}
	f := report(64, 325, 2300, 0, 6*time.Second, 0)
	for n := range reportsWorth {
		if !f.Reported || f.Loss != 0.25 {
			t.Errorf("a report of seconds, told the %d. time: %+v", n+1, f)
		}
		f = rate.Feedback{}
		p.view.reports.feedback(&f, now)
	}
	if f.Reported {
		t.Error("told for ever")
	}
}

func TestReportsThatLieAreNotBelievedAndNamedOnce(t *testing.T) {
	clock := media.SystemClock{}
	s, p := viewed(t, clock)
	now, wall := clock.Now(), clock.Wall()
	p.view.reports.sent(wall, now)
	told := uint32(ntpOf(wall) >> 16)
	ssrc := s.ssrc(0)
	for name, lie := range map[string]func(n uint32) []byte{
		"all is lost, for ever, and counted as received": func(n uint32) []byte { return receiverSays(ssrc, 255, 0, 100*n, 0, 0) },
		"kept for longer than it has been away":          func(n uint32) []byte { return receiverSays(ssrc, 0, 0, 100*n, told, time.Minute) },
		"an answer to what was never sent":               func(n uint32) []byte { return receiverSays(ssrc, 0, 0, 100*n, told+n, time.Millisecond) },
		"another source":                                 func(n uint32) []byte { return receiverSays(ssrc+1, 255, 100*n, 100*n, told, 0) },
		"the counts fall":                                func(n uint32) []byte { return receiverSays(ssrc, 255, 1<<23-n, -n, 0, 0) },
		"cut short":                                      func(uint32) []byte { return receiverSays(ssrc, 255, 0, 0, told, 0)[:20] },
	} {
		p.view.reports = readerReports{}
		p.view.reports.sent(wall, now)
		named := 0
		for n := range uint32(50) {
			named += len(p.reported(lie(n+1), now.Add(time.Duration(n+1)*200*time.Millisecond)))
			var f rate.Feedback
			if p.view.reports.feedback(&f, now); f.Loss != 0 || f.RTT != 0 {
				t.Fatalf("%s: believed: %+v", name, f)
			}
		}
		if want := 1; named != want && name != "the counts fall" && name != "cut short" {
			t.Errorf("%s: named %d times", name, named)
		}
	}
}

func TestAQueueSeenOnceIsNotTakenToStandUntilTheNextReport(t *testing.T) {
	var r readerReports
	now, wall := time.Unix(100, 0), time.Unix(2000, 0)
	for n, took := range []time.Duration{10 * time.Millisecond, 300 * time.Millisecond} {
		at, captured := now.Add(time.Duration(n)*5*time.Second), wall.Add(time.Duration(n)*5*time.Second)
		r.sent(captured, at)
		if lie := r.trip(uint32(ntpOf(captured)>>16), 0, at.Add(took)); lie != 0 {
			t.Fatal("a lie:", lie)
		}
	}
	var got []time.Duration
	for _, after := range []time.Duration{400, 900, 1400, 3000} {
		var f rate.Feedback
		r.feedback(&f, now.Add(5*time.Second+after*time.Millisecond))
		got = append(got, f.RTT)
	}
	if !slices.Equal(got, []time.Duration{300 * time.Millisecond, 0, 10 * time.Millisecond, 0}) {
		t.Errorf("told: %v", got)
	}
}

func TestPaddingIsACompoundPacketThatSaysNothing(t *testing.T) {
	for _, size := range []int{0, 25, padPacket} {
		b := padding(7, size)
		if len(b) > max(size, 20) {
			t.Errorf("%d bytes where %d were asked for", len(b), size)
		}
		if _, ok := lostOf(b); ok || asksForKey(b) || causesOf(b[8:]) != 0 {
			t.Error("it says something")
		}
		for len(b) > 0 {
			n := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
			if b[0]>>6 != 2 || n > len(b) {
				t.Fatalf("a packet of %d in %d bytes", n, len(b))
			}
			b = b[n:]
		}
	}
}

// What waits for a viewer is bounded, and what does not fit is left out up to a key frame.
func TestWhatWaitsInALaneIsBounded(t *testing.T) {
	clock := media.SystemClock{}
	_, p := viewed(t, clock)
	l := &lane{out: p.out, s: p.s, reports: &p.view.reports, wake: make(chan struct{}, 1)} // nobody takes
	now := clock.Now()
	unit := func(key bool) *shot { return &shot{burst: burst{Data: make([]byte, 100_000), Key: key}} }
	n := 0
	for l.put(unit(n == 0), now) {
		if n++; n > 1000 {
			t.Fatal("without bound")
		}
	}
	if l.held() != 0 || l.put(unit(false), now) || !l.put(unit(true), now) || l.held() != 100_000 {
		t.Error("behind what was left out there is a key frame")
	}
	if l.put(unit(false), now.Add(lanePatience+time.Millisecond)) {
		t.Error("what waits is too old")
	}
}
