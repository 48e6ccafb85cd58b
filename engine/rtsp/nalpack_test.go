package rtsp

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"rtsprec/engine/media"
)

// collect depacketises packets given as payloads; seq and marker are filled in.
type feeder struct {
	d    depacketiser
	seq  uint16
	out  []unit
	data [][]byte
}

func newFeeder(make func(*stream, emit) depacketiser, st *stream) *feeder {
	f := &feeder{}
	if st == nil {
		st = &stream{fmtp: sdpFormat{fmtp: map[string]string{}}}
	}
	f.d = make(st, func(u *unit) {
		c := *u
		c.data = bytes.Clone(u.data)
		f.out = append(f.out, c)
		f.data = append(f.data, c.data)
	})
	return f
}

func (f *feeder) push(rtp uint32, marker bool, payload ...byte) {
	f.d.push(&packet{rtp: rtp, marker: marker, payload: payload, seq: f.seq, fresh: f.seq == 0, arrival: t0})
	f.seq++
}

// lose pretends that n packets are missing before the next payload.
func (f *feeder) lose(n int, rtp uint32, marker bool, payload ...byte) {
	f.seq += uint16(n)
	f.d.push(&packet{rtp: rtp, marker: marker, payload: payload, seq: f.seq, lost: n, arrival: t0})
	f.seq++
}

func nalUnit(nals ...string) []byte {
	var b []byte
	for _, n := range nals {
		b = media.AppendNAL(b, []byte(n))
	}
	return b
}

func wantUnits(t *testing.T, f *feeder, want ...[]byte) {
	t.Helper()
	f.d.flush()
	if len(f.out) != len(want) {
		t.Fatalf("%d units %q, want %d", len(f.out), f.data, len(want))
	}
	for i := range want {
		if !bytes.Equal(f.data[i], want[i]) {
			t.Errorf("unit %d: %q, want %q", i, f.data[i], want[i])
		}
	}
}

const (
	sps   = "\x67\x42\x00\x1e"
	pps   = "\x68\xce\x3c\x80\x01"
	idr   = "\x65\x88first"
	more  = "\x65\x11second slice"
	slice = "\x41\x9anext"
	sei   = "\x06\x05sei"
)

func TestH264UnitsEndWhereTheyEnd(t *testing.T) {
	u := func(s string) []byte { return []byte(s) }
	for name, markers := range map[string]func(last bool) bool{
		"marker": func(last bool) bool { return last }, "never": func(bool) bool { return false }, "always": func(bool) bool { return true },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFeeder(newH264, nil)
			for i := range uint32(6) {
				f.push(i*3600, markers(false), u(sps)...)
				f.push(i*3600, markers(false), u(pps)...)
				f.push(i*3600, markers(false), u(idr)...)
				f.push(i*3600, markers(true), u(more)...)
			}
			want := nalUnit(sps, pps, idr, more)
			wantUnits(t, f, want, want, want, want, want, want)
			for i, u := range f.out {
				if u.damaged || u.rtp != uint32(i)*3600 {
					t.Errorf("unit %d: %+v", i, u)
				}
			}
		})
	}
}

func TestH264ParameterSetsWithATimeOfTheirOwnGoWithTheNextPicture(t *testing.T) {
	f := newFeeder(newH264, nil)
	f.push(1, true, []byte(sps)...)
	f.push(2, true, []byte(pps)...)
	f.push(3, true, []byte(idr)...)
	f.push(4, true, []byte(slice)...)
	wantUnits(t, f, nalUnit(sps, pps, idr), nalUnit(slice))
	if f.out[0].rtp != 3 {
		t.Error("the time is the picture's")
	}
}

func TestH264FrozenTimeIsDividedByMarkers(t *testing.T) {
	f := newFeeder(newH264, nil)
	for range 5 {
		f.push(7, false, []byte(idr)...)
		f.push(7, true, []byte(more)...)
	}
	u := nalUnit(idr, more)
	wantUnits(t, f, u, u, u, u, u)
}

func TestH264TakesWhatCamerasSend(t *testing.T) {
	fua := func(flags byte, nal string, from, to int) []byte {
		return append([]byte{0x7c, flags | nal[0]&0x1f}, nal[from:to]...)
	}
	for name, tc := range map[string]struct {
		packets [][]byte
		want    []byte
	}{
		"FU-A":                {[][]byte{fua(0x80, idr, 1, 3), fua(0, idr, 3, 5), fua(0x40, idr, 5, len(idr))}, nalUnit(idr)},
		"FU-A start and end":  {[][]byte{fua(0xc0, idr, 1, len(idr))}, nalUnit(idr)},
		"FU-A without an end": {[][]byte{fua(0x80, idr, 1, 3), fua(0, idr, 3, len(idr)), []byte(more)}, nalUnit(idr, more)},
		"STAP-A with padding": {[][]byte{{0x78, 0, 4, 0x67, 0x42, 0, 0x1e, 0, 3, 0x65, 0x88, 1, 0, 0, 0}}, nalUnit("\x67\x42\x00\x1e", "\x65\x88\x01")},
		"STAP-A empty unit":   {[][]byte{{0x78, 0, 0, 0, 3, 0x65, 0x88, 1}}, nalUnit("\x65\x88\x01")},
		"zero length":         {[][]byte{{}, []byte(idr), {}}, nalUnit(idr)},
		"trailing zeros":      {[][]byte{append([]byte(idr), 0, 0, 0)}, nalUnit(idr)},
		"start codes":         {[][]byte{[]byte("\x00\x00\x00\x01" + sps + "\x00\x00\x00\x01" + pps + "\x00\x00\x01" + idr)}, nalUnit(sps, pps, idr)},
		"start codes inside":  {[][]byte{[]byte(sps + "\x00\x00\x00\x01" + pps + "\x00\x00\x01" + idr)}, nalUnit(sps, pps, idr)},
		"start codes in FU-A": {[][]byte{fua(0x80, idr, 1, 4), append([]byte{0x7c, 0x45}, "x\x00\x00\x01"+more...)}, nalUnit(idr[:4]+"x", more)},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFeeder(newH264, nil)
			for i, p := range tc.packets {
				f.push(1, i == len(tc.packets)-1, p...)
			}
			wantUnits(t, f, tc.want)
		})
	}
}

func TestH264MoreThanFiftyNALsAndTwoMegabytes(t *testing.T) {
	f := newFeeder(newH264, nil)
	var want []byte
	for i := range 300 {
		nal := append([]byte{0x65, byte(0x11)}, bytes.Repeat([]byte{byte(i) | 1}, 8000)...)
		if i == 0 {
			nal[1] = 0x88
		}
		want = media.AppendNAL(want, nal)
		f.push(1, i == 299, nal...)
	}
	wantUnits(t, f, want)
}

func TestH264LossMarksTheUnitItHit(t *testing.T) {
	start := func() *feeder {
		f := newFeeder(newH264, nil)
		for i := range uint32(4) { // until the marker is trusted
			f.push(i, true, []byte(slice)...)
		}
		return f
	}
	check := func(name string, f *feeder, want ...unit) {
		t.Helper()
		f.d.flush()
		got := f.out[4:]
		if len(got) != len(want) {
			t.Fatalf("%s: %d units, want %d", name, len(got), len(want))
		}
		for i, w := range want {
			if got[i].rtp != w.rtp || got[i].damaged != w.damaged || got[i].lost != w.lost {
				t.Errorf("%s: unit %d is %+v, want %+v", name, i, got[i], w)
			}
		}
	}
	f := start()
	f.push(10, false, []byte(idr)...)
	f.lose(2, 10, true, []byte(more)...)
	f.push(11, true, []byte(slice)...)
	check("inside", f, unit{rtp: 10, damaged: true, lost: 2}, unit{rtp: 11})

	f = start()
	f.push(10, false, []byte(idr)...)
	f.lose(1, 11, true, []byte(slice)...)
	check("the end", f, unit{rtp: 10, damaged: true}, unit{rtp: 11, lost: 1})

	f = start()
	f.push(10, true, []byte(idr)...)
	f.lose(1, 11, true, []byte(more)...)
	check("the start", f, unit{rtp: 10}, unit{rtp: 11, damaged: true, lost: 1})

	f = start()
	f.push(10, true, []byte(idr)...)
	f.lose(3, 12, true, []byte(slice)...)
	check("whole units", f, unit{rtp: 10}, unit{rtp: 12, lost: 3})

	f = start()
	f.push(10, false, 0x7c, 0x85, 0x88, 1, 2)
	f.lose(1, 10, true, 0x7c, 0x45, 3, 4)
	check("within a NAL unit", f, unit{rtp: 10, damaged: true, lost: 1})
	if want := nalUnit("\x65\x88\x01\x02"); !bytes.Equal(f.data[4], want) {
		t.Errorf("%q, want %q", f.data[4], want)
	}
}

func TestH265TakesWhatCamerasSend(t *testing.T) {
	const (
		vps = "\x40\x01vps"
		sps = "\x42\x01sps"
		idr = "\x26\x01\x80first"
		two = "\x26\x01\x01second"
		nxt = "\x02\x01\x80next"
	)
	f := newFeeder(newH265, nil)
	f.push(1, false, append([]byte{0x60, 1, 0, 5}, vps+"\x00\x05"+sps+"\x00\x00\x00"...)...)
	f.push(1, false, append([]byte{0x62, 1, 0x80 | 19}, idr[2:5]...)...)
	f.push(1, false, append([]byte{0x62, 1, 0x40 | 19}, idr[5:]...)...)
	f.push(1, true, append([]byte{0x62, 1, 0xc0 | 19}, two[2:]...)...)
	f.push(2, true, []byte(nxt+"\x00\x00")...)
	wantUnits(t, f, nalUnit(vps, sps, idr, two), nalUnit(nxt))

	f = newFeeder(newH265, &stream{fmtp: sdpFormat{fmtp: map[string]string{"sprop-max-don-diff": "2"}}})
	f.push(1, false, append([]byte{0x60, 1, 0, 9, 0, 5}, vps+"\x03\x00\x05"+sps...)...)
	f.push(1, true, append([]byte{0x62, 1, 0xc0 | 19, 0, 1}, idr[2:]...)...)
	wantUnits(t, f, nalUnit(vps, sps, idr))
}

// Whatever comes, units are sound chains of NAL units and of bounded size.
func fuzzNALs(f *testing.F, make func(*stream, emit) depacketiser) {
	f.Add([]byte{3, 0x80, 0x67, 1, 2, 5, 0x00, 0x7c, 0x85, 1, 2, 3, 2, 0x41, 0x78, 0})
	f.Add([]byte{9, 0xc0, 0, 0, 1, 0x65, 0x88, 0, 0, 1, 0x41})
	f.Fuzz(func(t *testing.T, b []byte) {
		d := make(&stream{fmtp: sdpFormat{fmtp: map[string]string{}}}, func(u *unit) {
			if len(u.data) == 0 || len(u.data) > maxUnit {
				t.Fatalf("a unit of %d bytes", len(u.data))
			}
			if err := media.ValidNALs(u.data); err != nil {
				t.Fatal(err)
			}
		})
		for seq := uint16(0); len(b) >= 2; seq++ {
			n := min(int(b[0]), len(b)-2)
			p := &packet{seq: seq, marker: b[1]&0x80 != 0, rtp: uint32(b[1] & 7), payload: b[2 : 2+n], arrival: t0, fresh: seq == 0}
			if b[1]&0x40 != 0 {
				p.lost = 1
			}
			d.push(p)
			b = b[2+n:]
		}
		d.flush()
	})
}

func FuzzH264(f *testing.F) { fuzzNALs(f, newH264) }
func FuzzH265(f *testing.F) { fuzzNALs(f, newH265) }

// What a packetiser takes apart comes back as it was, whatever the sizes.
func TestH264RoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	f := newFeeder(newH264, nil)
	var want [][]byte
	for i := range uint32(200) {
		var u []byte
		n := 1 + random.IntN(4)
		for k := range n {
			nal := make([]byte, 2+random.IntN(5000))
			for j := range nal {
				nal[j] = byte(1 + random.IntN(255))
			}
			nal[0], nal[1] = 0x41, 0x11
			if k == 0 {
				nal[1] = 0x9a
			}
			u = media.AppendNAL(u, nal)
			packetise(f, i*3600, nal, k == n-1)
		}
		want = append(want, u)
	}
	wantUnits(t, f, want...)
}

func packetise(f *feeder, rtp uint32, nal []byte, last bool) {
	const mtu = 1400
	if len(nal) <= mtu {
		f.push(rtp, last, nal...)
		return
	}
	for at := 1; at < len(nal); at += mtu {
		end := min(at+mtu, len(nal))
		flags := nal[0] & 0x1f
		if at == 1 {
			flags |= 0x80
		}
		if end == len(nal) {
			flags |= 0x40
		}
		f.push(rtp, last && end == len(nal), append([]byte{nal[0]&0xe0 | fuA, flags}, nal[at:end]...)...)
	}
}

func TestNALLengthsAreFourBytes(t *testing.T) {
	f := newFeeder(newH264, nil)
	f.push(0, true, []byte(idr)...)
	f.d.flush()
	if n := binary.BigEndian.Uint32(f.data[0]); int(n) != len(idr) {
		t.Error(n)
	}
}
