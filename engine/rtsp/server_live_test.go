package rtsp

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// show is a made-up publisher: it hands units to a path one by one, as a test says.
type show struct {
	t     *testing.T
	v     *served
	path  string
	sink  media.Sink
	n     int
	start time.Time
	keys  asked
}

type asked struct {
	mu sync.Mutex
	n  int
}

func (a *asked) RequestKey() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n++
}

func (a *asked) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.n
}

func videoTrack() media.Track { return media.Track{Codec: media.H264, ClockRate: 90000} }

func (v *served) show(t *testing.T, path string, tracks ...media.Track) *show {
	t.Helper()
	s := &show{t: t, v: v, path: path, start: time.Now()}
	s.begin(tracks...)
	return s
}

func (s *show) begin(tracks ...media.Track) {
	s.t.Helper()
	run := media.Run{Start: time.Now(), Tracks: tracks}
	var err error
	if s.sink, err = s.v.house.Publish(context.Background(), s.path, run, Publication{Keys: &s.keys}); err != nil {
		s.t.Fatal(err)
	}
	if err := s.sink.Begin(context.Background(), run); err != nil {
		s.t.Fatal(err)
	}
}

func (s *show) end() {
	s.sink.End(context.Background(), media.Gap{})
	s.sink.Close(context.Background())
}

// unit hands on a picture of so many bytes.
func (s *show) unit(size int, key bool) media.AccessUnit {
	nal := bytes.Repeat([]byte{0x55}, size)
	nal[0], nal[1] = 0x41, 0x88
	if key {
		nal[0] = 0x65
	}
	for i := range 4 { // no zeros: they could be start codes
		nal[2+i] = byte(s.n>>(7*i)) | 0x80
	}
	pts := int64(s.n) * 3000
	au := media.AccessUnit{PTS: pts, DTS: pts, Arrival: time.Now(), Wall: s.start.Add(media.ToDuration(pts, 90000)).Round(0), Key: key, Data: media.AppendNAL(nil, nal)}
	s.n++
	s.sink.Write(context.Background(), au)
	return au
}

// number is which unit of a show the data are.
func number(data []byte) (n int) {
	for i := range 4 {
		n |= int(data[6+i]&0x7f) << (7 * i)
	}
	return n
}

func TestASlowReaderMissesWholeGroupsOfPicturesAndNobodyElseMissesAnything(t *testing.T) {
	t.Parallel()
	v := serve(t, ServerOptions{Queue: 1 << 20, Stuck: time.Minute}, false)
	s := v.show(t, "cam", videoTrack())
	s.unit(1000, true)
	fast := v.read(t, "cam", Options{Transport: TCP})
	slow := call(t, v.addr)
	want(t, slow.ask("SETUP", v.url("cam/trackID=0"), interleaved), 200, "OK")
	want(t, slow.ask("PLAY", v.url("cam")), 200, "OK")
	list := make(chan []media.AccessUnit, 1)
	go func() { list <- units(t, fast, 60*time.Second, enough(2000, 0)) }()
	worst := time.Duration(0)
	for n := 1; n <= 2005; n++ { // 60 MB
		began := time.Now()
		s.unit(30000, n%50 == 0)
		worst = max(worst, time.Since(began))
		time.Sleep(time.Millisecond)
	}
	same(t, v.house.ledger("cam").all(), <-list, 1, time.Hour) // it does not come in real time
	until(t, "somebody says that it is slow", func() bool { return v.saw("too slowly") })
	// Now it reads: everything up to where its queue was full, then from a key frame on.
	st := &stream{track: videoTrack(), pt: 96, make: newH264}
	var got []int
	depack := newH264(st, func(u *unit) { got = append(got, number(u.data)) })
	var next uint16
	jumps := []int{}
	for any := false; len(got) == 0 || got[len(got)-1] < 2000; {
		f, err := slow.frame()
		if err != nil {
			t.Fatal(err, len(got))
		}
		var p packet
		if f.channel != 0 || !p.parse(f.data) {
			continue
		}
		if any && p.seq != next {
			depack.flush()
			jumps = append(jumps, len(got))
			p.lost, p.fresh = int(p.seq-next), true
		}
		next, any = p.seq+1, true
		depack.push(&p)
		if len(got) > 0 && got[len(got)-1] == 2000 {
			break
		}
		if s.n < 2030 { // markers are believed after a while
			s.unit(30000, false)
		}
	}
	if len(jumps) == 0 || len(got) > 1500 {
		t.Fatalf("%d pictures, %d jumps: nothing was dropped", len(got), len(jumps))
	}
	for i := 1; i < len(got); i++ {
		if got[i] != got[i-1]+1 && got[i]%50 != 0 {
			t.Errorf("after %d comes %d, which is no key frame", got[i-1], got[i])
		}
	}
	if i := v.Sessions()[slices.IndexFunc(v.Sessions(), func(i SessionInfo) bool { return i.Dropped > 0 })]; i.Dropped < 300 {
		t.Errorf("%+v", i)
	}
	t.Logf("the longest Write took %v", worst)
}

// A reader that takes nothing at all is sent away.
func TestAReaderThatTakesNothingIsSentAway(t *testing.T) {
	t.Parallel()
	v := serve(t, ServerOptions{Queue: 1 << 20, Stuck: time.Second}, false)
	s := v.show(t, "cam", videoTrack())
	s.unit(1000, true)
	slow := call(t, v.addr)
	want(t, slow.ask("SETUP", v.url("cam/trackID=0"), interleaved), 200, "OK")
	want(t, slow.ask("PLAY", v.url("cam")), 200, "OK")
	until(t, "it is sent away", func() bool {
		s.unit(100000, s.n%10 == 0)
		return len(v.Sessions()) == 0
	})
	if !v.saw("takes nothing") {
		t.Error("nobody says why")
	}
}

func TestAPublisherThatComesBackWithTheSameTracksKeepsItsReaders(t *testing.T) {
	t.Parallel()
	v := serve(t, ServerOptions{}, false)
	s := v.show(t, "cam", videoTrack())
	s.unit(3000, true)
	c := v.read(t, "cam", Options{Transport: TCP})
	for range 20 {
		s.unit(3000, false)
	}
	if _, err := v.house.Publish(t.Context(), "cam", media.Run{}, Publication{}); !fault.Is(err, fault.Busy) {
		t.Error("a second publisher:", err)
	}
	s.end()
	if _, err := Dial(t.Context(), Options{URL: v.url("cam"), Transport: TCP}); !fault.Is(err, fault.NotFound) {
		t.Error("nobody is there, and a new reader gets", err)
	}
	s.begin(videoTrack())
	for n := range 20 {
		s.unit(3000, n == 0)
	}
	list := units(t, c, 20*time.Second, enough(40, 0))
	same(t, v.house.ledger("cam").all(), list, 1, time.Hour) // it does not come in real time
	if st := c.Stats().Tracks[0]; st.SSRCChanges > 0 || st.Lost > 0 {
		t.Errorf("%+v", st)
	}
	s.end()
	s.begin(media.Track{Codec: media.H265, ClockRate: 90000})
	s.unit(3000, true)
	if _, err := drain(t, c, 10*time.Second); err == nil {
		t.Error("the session goes on with other tracks")
	}
	until(t, "why the reader was sent away is said", func() bool { return v.saw("other tracks") })
	s.end()
}

// A reader begins with the key frame that is held, or waits for the next when that is
// cheaper, and asks for one when none is held.
func TestAReaderBeginsWhereItIsCheapest(t *testing.T) {
	t.Parallel()
	clock := &lateClock{}
	s := NewStream(StreamOptions{Path: "cam", Clock: clock, Hold: 1 << 20})
	keys := &asked{}
	s.o.Keys = keys
	ctx := t.Context()
	if err := s.Begin(ctx, media.Run{Tracks: []media.Track{videoTrack()}}); err != nil {
		t.Fatal(err)
	}
	n := 0
	unit := func(size int, key bool) {
		n++
		head := byte(0x41)
		if key {
			head = 0x65
		}
		s.Write(ctx, media.AccessUnit{PTS: int64(n) * 3000, Wall: clock.Wall(), Key: key, Data: media.AppendNAL(nil, append([]byte{head, 0x88}, make([]byte, size)...))})
	}
	waits := func(udp bool) bool {
		out := &outlet{box: newOutbox(&deaf{}, 1<<20, 0, time.Second, clock, new(sync.WaitGroup)), tracks: []outTrack{{set: true}}}
		out.box.corked = true
		if udp {
			out.udp = &udpPorts{}
			out.corked = true
		}
		pl, err := s.open(out, []media.Track{videoTrack()})
		if err != nil {
			t.Fatal(err)
		}
		defer pl.close()
		if _, err := pl.play(nil); err != nil {
			t.Fatal(err)
		}
		return pl.(*livePlayer).waits
	}
	if !waits(false) || keys.count() != 1 {
		t.Error("before the first key frame a reader waits and asks for it")
	}
	if !waits(false) || keys.count() != 1 {
		t.Error("a second one within a second is not asked for")
	}
	unit(1000, true)
	if waits(false) || waits(true) {
		t.Error("a key frame is there, and a reader waits")
	}
	clock.by.Add(int64(2 * time.Second))
	unit(1000, true) // one every 2 s
	clock.by.Add(int64(900 * time.Millisecond))
	if waits(false) {
		t.Error("the next key frame is farther than the last is old, and a reader waits")
	}
	clock.by.Add(int64(800 * time.Millisecond))
	if !waits(false) {
		t.Error("the next key frame is 0.3 s away, and a reader begins 1.7 s behind")
	}
	unit(200000, true)
	if waits(false) || !waits(true) {
		t.Error("a group of pictures that does not fit a socket's buffer is sent at once, or only over UDP")
	}
	for range 10 {
		unit(200000, false)
	}
	if !waits(false) || len(s.held) > 0 {
		t.Error("more is held than may be")
	}
	if s.Readers() != 0 {
		t.Errorf("%d readers are left", s.Readers())
	}
}

// A key frame is asked for all the way up to a publisher of our own server.
func TestAPublisherIsAskedForAKeyFrame(t *testing.T) {
	t.Parallel()
	v := serve(t, ServerOptions{}, false)
	p := call(t, v.addr)
	p.say("ANNOUNCE", v.url("cam"), oneTrack)
	want(t, p.hear(), 200, "OK")
	want(t, p.ask("SETUP", v.url("cam/streamid=0"), interleaved+`;mode="record"`), 200, "OK")
	want(t, p.ask("RECORD", v.url("cam")), 200, "OK")
	packer, err := newPacker(videoTrack(), packOptions{PayloadType: 96, SSRC: 7})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		b, err := packer.pack(media.AccessUnit{Data: media.AppendNAL(nil, append([]byte{0x41, 0x88}, make([]byte, 5000)...))}, uint32(3000*n), nil)
		if err != nil {
			t.Fatal(err)
		}
		p.nc.Write(b.Data)
	}
	until(t, "it is live", func() bool { return len(v.house.ledger("cam").all()) > 0 })
	asked := func() {
		for {
			f, err := p.frame()
			if err != nil {
				t.Fatal(err)
			}
			if f.channel == 1 && bytes.Contains(f.data, []byte{0x81, rtcpPayloadSpec, 0, 2}) && bytes.HasSuffix(f.data, []byte{0, 0, 0, 7}) {
				return
			}
		}
	}
	v.read(t, "cam", Options{Transport: TCP})
	asked()
	// A player that lost something asks, too.
	q := call(t, v.addr)
	want(t, q.ask("SETUP", v.url("cam/trackID=0"), interleaved), 200, "OK")
	want(t, q.ask("PLAY", v.url("cam")), 200, "OK")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		lost := appendFrame(nil, 1, []byte{0x80, rtcpReceiverReport, 0, 1, 0, 0, 0, 1, 0x81, rtcpPayloadSpec, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0})
		for ctx.Err() == nil { // once a second is enough, and the first may be too early
			q.nc.Write(lost)
			time.Sleep(100 * time.Millisecond)
		}
	}()
	for range 2 { // the first may still be for the one who came
		asked()
	}
	cancel()
	<-done
}

func TestAPublisherMaySendFromOtherPortsThanItSaid(t *testing.T) {
	t.Parallel()
	v := serve(t, ServerOptions{}, false)
	said := evenPort(t)
	p := call(t, v.addr)
	p.say("ANNOUNCE", v.url("cam"), oneTrack)
	want(t, p.hear(), 200, "OK")
	want(t, p.ask("SETUP", v.url("cam/streamid=0"), fmt.Sprintf(`Transport: RTP/AVP;unicast;client_port=%d-%d;mode="record"`, said, said+1)), 200, "OK")
	want(t, p.ask("RECORD", v.url("cam")), 200, "OK")
	port, _ := v.udp.ports()
	nc, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	packer, err := newPacker(videoTrack(), packOptions{PayloadType: 96, SSRC: 7})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	until(t, "it is live", func() bool {
		b, err := packer.pack(media.AccessUnit{Data: media.AppendNAL(nil, []byte{0x41, 0x88, 1, 2, 3})}, uint32(3000*n), nil)
		if err != nil {
			t.Fatal(err)
		}
		n++
		nc.Write(b.packet(0))
		return len(v.house.ledger("cam").all()) > 3
	})
	want(t, p.ask("TEARDOWN", v.url("cam")), 200, "OK")
	until(t, "nothing is left of it", func() bool {
		v.udp.mu.RLock()
		defer v.udp.mu.RUnlock()
		return len(v.udp.lost) == 0 && len(v.udp.peers) == 0
	})
}

func TestARequestForAKeyFrameIsFoundInReports(t *testing.T) {
	report := []byte{0x80, rtcpReceiverReport, 0, 1, 0, 0, 0, 1}
	for _, c := range []struct {
		b    []byte
		asks bool
	}{
		{report, false},
		{[]byte{0x81, rtcpPayloadSpec, 0, 2, 0, 0, 0, 1, 0, 0, 0, 7}, true},
		{append(report, 0x84, rtcpPayloadSpec, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 0, 0, 0), true},
		{append(report, 0x82, rtcpPayloadSpec, 0, 2, 0, 0, 0, 1, 0, 0, 0, 7), false}, // slices
		{append(report, 0x81, rtcpPayloadSpec, 0, 9, 0, 0, 0, 1), false},             // cut off
		{nil, false},
	} {
		if got := asksForKey(c.b); got != c.asks {
			t.Errorf("%x: %v", c.b, got)
		}
	}
}

func TestMulticastReadersShareOneGroup(t *testing.T) {
	t.Parallel()
	host := groupAddress(t)
	v := serve(t, ServerOptions{Multicast: &MulticastOptions{
		Groups: netip.MustParsePrefix("239.255.43.0/24"), Port: 30000 + int(evenPort(t))%20000&^1, Interface: interfaceNamed(t, host)}}, false)
	s := v.show(t, "cam", videoTrack())
	s.unit(3000, true)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 1; ctx.Err() == nil; n++ {
			s.unit(3000, n%10 == 0)
			time.Sleep(5 * time.Millisecond)
		}
	}()
	defer func() { cancel(); <-done }()
	a, b := call(t, v.addr), call(t, v.addr)
	for i, p := range []*phone{a, b} {
		res := p.ask("SETUP", v.url("cam/trackID=0"), "Transport: RTP/AVP;multicast")
		want(t, res, 200, "OK")
		if tr := parseTransport(res.header.Get("Transport")); !tr.multicast || tr.destination != "239.255.43.1" || tr.ports[0] == 0 {
			t.Errorf("%+v", tr)
		}
		want(t, p.ask("PLAY", v.url("cam")), 200, "OK")
		stream := v.house.streams["cam"]
		stream.mu.Lock()
		if len(stream.playing) != 1 || stream.groupUsers != i+1 {
			t.Errorf("%d play, %d over multicast", len(stream.playing), stream.groupUsers)
		}
		stream.mu.Unlock()
	}
	want(t, a.ask("TEARDOWN", v.url("cam")), 200, "OK")
	want(t, b.ask("TEARDOWN", v.url("cam")), 200, "OK")
	stream := v.house.streams["cam"]
	stream.mu.Lock()
	defer stream.mu.Unlock()
	if len(stream.playing) != 0 {
		t.Error("the group is still sent to")
	}
}
