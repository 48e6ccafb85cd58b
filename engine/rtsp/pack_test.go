package rtsp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/sdpunmarshaler"
	"github.com/pion/rtp"

	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/timeline"
)

// everyCoding is one track of each coding, and of each way of sound that differs.
const everyCoding = "h264+h265b+mpeg4b+mjpeg+heavy+aac+aac16+opus+pcma+pcmu16+l16+g722+g726+g726aal2"

// sample is what a camera with every coding sends in two seconds.
func sample(t *testing.T) (media.Run, []media.AccessUnit) {
	t.Helper()
	c := dialCamera(t, camera(t, everyCoding, rtspcam.Options{}), Options{Transport: TCP})
	run := c.Run()
	list := units(t, c, 30*time.Second, func(list []media.AccessUnit) bool {
		for _, tr := range run.Tracks {
			if count(list, tr.ID) < 20 {
				return false
			}
		}
		return true
	})
	return run, slices.DeleteFunc(list, func(au media.AccessUnit) bool { return au.Damaged })
}

// unpack is our receiver for one track.
func unpack(st *stream) (push func(b *burst), units func() []media.AccessUnit) {
	var got []media.AccessUnit
	session := timeline.New(t0, timeline.Options{Trust: time.Second})
	r := newReceiver(st, session, time.Second, func(au media.AccessUnit) { got = append(got, au) })
	push = func(b *burst) {
		for i := range b.Starts {
			r.packet(b.packet(i), t0)
		}
	}
	return push, func() []media.AccessUnit { r.flush(); return got }
}

// samples reports whether units of a coding may be divided.
func samples(c media.Codec) bool {
	switch c {
	case media.PCMA, media.PCMU, media.L16, media.G722, media.G726:
		return true
	}
	return false
}

func TestWhatIsPackedIsReceivedByteForByte(t *testing.T) {
	run, list := sample(t)
	text := writeSDP(run.Tracks, sdpOptions{Capture: true})
	streams, skipped := streamsOf(parseSDP(text))
	if len(streams) != len(run.Tracks) || len(skipped) > 0 {
		t.Fatalf("%d tracks, %d described, skipped %v:\n%s", len(run.Tracks), len(streams), skipped, text)
	}
	theirs := gortsplibTracks(t, text)
	for i, tr := range run.Tracks {
		t.Run(fmt.Sprint(i, " ", tr.Codec), func(t *testing.T) {
			st := streams[i]
			if got := st.track; got.Codec != tr.Codec || got.ClockRate != tr.ClockRate || got.SampleRate != tr.SampleRate ||
				got.Channels != tr.Channels || got.Bits != tr.Bits || got.AAL2 != tr.AAL2 || !media.SameConfig(tr.Codec, got.Config, tr.Config) {
				t.Errorf("described as %+v, is %+v", got, tr)
			}
			p, err := newPacker(tr, packOptions{PayloadType: payloadType(tr), SSRC: 7, Seq: 65530, Base: 1 << 31})
			if err != nil {
				t.Fatal(err)
			}
			push, received := unpack(st)
			var want, they [][]byte
			for n, au := range list {
				if au.Track != tr.ID {
					continue
				}
				b, err := p.pack(au, uint32(au.PTS), []byte("twelve bytes"))
				if err != nil {
					t.Fatal(err)
				}
				if b.Key != au.Key || b.RTP != 1<<31+uint32(au.PTS) || b.Track != i || b.Data[1] != byte(2*i) {
					t.Errorf("unit %d: %+v", n, b)
				}
				push(&b)
				want = append(want, au.Data)
				they = append(they, theirs[i](t, &b)...)
			}
			got := received()
			if len(got) != len(want) {
				t.Fatalf("%d units received of %d", len(got), len(want))
			}
			for n, au := range got {
				if !bytes.Equal(au.Data, want[n]) || au.Damaged || au.Lost > 0 {
					t.Fatalf("unit %d differs: %d bytes, %d sent", n, len(au.Data), len(want[n]))
				}
			}
			if tr.Codec == media.MJPEG {
				return // its headers are made anew there: TestMJPEGIsTheSamePictureElsewhere
			}
			if !slices.EqualFunc(they, want, bytes.Equal) {
				t.Errorf("gortsplib has %d units of %d, or others", len(they), len(want))
			}
		})
	}
}

// gortsplibTracks reads a description with another implementation and gives its
// depacketiser of each track, whose units are brought into our form.
func gortsplibTracks(t *testing.T, text []byte) []func(*testing.T, *burst) [][]byte {
	t.Helper()
	raw, err := sdpunmarshaler.Unmarshal(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var desc description.Session
	if err := desc.Unmarshal2(raw); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var list []func(*testing.T, *burst) [][]byte
	for _, m := range desc.Medias {
		list = append(list, gortsplibTrack(t, m.Formats[0]))
	}
	return list
}

func gortsplibTrack(t *testing.T, f format.Format) func(*testing.T, *burst) [][]byte {
	t.Helper()
	var decode func(*rtp.Packet) ([][]byte, error)
	one := func(d interface {
		Decode(*rtp.Packet) ([]byte, error)
	}) {
		decode = func(p *rtp.Packet) ([][]byte, error) {
			b, err := d.Decode(p)
			return [][]byte{b}, err
		}
	}
	nals := func(d interface {
		Decode(*rtp.Packet) ([][]byte, error)
	}) {
		decode = func(p *rtp.Packet) ([][]byte, error) {
			list, err := d.Decode(p)
			var unit []byte
			for _, nal := range list {
				unit = media.AppendNAL(unit, nal)
			}
			return [][]byte{unit}, err
		}
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	switch f := f.(type) {
	case *format.H264:
		d, err := f.CreateDecoder()
		must(err)
		nals(d)
	case *format.H265:
		d, err := f.CreateDecoder()
		must(err)
		nals(d)
	case *format.MPEG4Video:
		d, err := f.CreateDecoder()
		must(err)
		one(d)
	case *format.MJPEG:
		d, err := f.CreateDecoder()
		must(err)
		one(d)
	case *format.MPEG4Audio:
		d, err := f.CreateDecoder()
		must(err)
		decode = d.Decode
	case *format.Opus:
		d, err := f.CreateDecoder()
		must(err)
		one(d)
	case *format.G711:
		d, err := f.CreateDecoder()
		must(err)
		one(d)
	case *format.LPCM:
		d, err := f.CreateDecoder()
		must(err)
		one(d)
	case *format.G722:
		d, err := f.CreateDecoder()
		must(err)
		one(d)
	case *format.G726:
		decode = func(p *rtp.Packet) ([][]byte, error) { return [][]byte{p.Payload}, nil }
	default:
		t.Fatalf("gortsplib takes it for %T", f)
	}
	return func(t *testing.T, b *burst) (out [][]byte) {
		t.Helper()
		for i := range b.Starts {
			var p rtp.Packet
			if err := p.Unmarshal(b.packet(i)); err != nil {
				t.Fatal(err)
			}
			if last := i == len(b.Starts)-1; isVideo(f) && p.Marker != last {
				t.Errorf("packet %d of %d: marker %v", i, len(b.Starts), p.Marker)
			}
			list, err := decode(&p)
			if err == nil {
				for _, u := range list {
					out = append(out, bytes.Clone(u))
				}
			}
		}
		return out
	}
}

func isVideo(f format.Format) bool {
	switch f.(type) {
	case *format.H264, *format.H265, *format.MPEG4Video, *format.MJPEG:
		return true
	}
	return false
}

// A unit of any size and shape comes through any MTU.
func FuzzPackedUnitsComeBack(f *testing.F) {
	for i := range media.Codecs {
		f.Add(uint8(i), uint64(i), uint16(1440), uint16(3000))
		f.Add(uint8(i), uint64(i+100), uint16(200), uint16(2))
	}
	f.Fuzz(func(t *testing.T, codec uint8, seed uint64, mtu, size uint16) {
		tr := media.Track{Codec: media.Codecs[int(codec)%len(media.Codecs)], ClockRate: 90000, Channels: 1}
		if !tr.Codec.Video() {
			tr.ClockRate, tr.SampleRate = 48000, 48000
		}
		switch tr.Codec {
		case media.MJPEG:
			return // FuzzJPEG
		case media.AAC:
			tr.Config = []byte{0x11, 0x88}
		case media.L16:
			tr.Bits, tr.Channels = 16, 2
		case media.G726:
			tr.Bits = 2 + int(seed%4)
		}
		streams, _ := streamsOf(parseSDP(writeSDP([]media.Track{tr}, sdpOptions{})))
		if len(streams) != 1 {
			t.Fatal("not described")
		}
		p, err := newPacker(tr, packOptions{PayloadType: payloadType(tr), MTU: int(mtu)})
		if err != nil {
			t.Fatal(err)
		}
		push, received := unpack(streams[0])
		rnd := rand.New(rand.NewPCG(seed, uint64(size)))
		var want [][]byte
		for n := range 4 {
			unit := randomUnit(rnd, tr, int(size)%20000+1)
			b, err := p.pack(media.AccessUnit{Data: unit}, uint32(n*3600), nil)
			if err != nil {
				t.Fatal(err)
			}
			limit := p.o.MTU
			if tr.Codec == media.AAC || tr.Codec == media.Opus {
				limit = 1 << 16
			}
			for i := range b.Starts {
				if len(b.packet(i)) > limit {
					t.Fatalf("a packet of %d bytes where %d fit", len(b.packet(i)), limit)
				}
			}
			push(&b)
			want = append(want, unit)
		}
		var got [][]byte
		for _, au := range received() {
			got = append(got, au.Data)
		}
		if samples(tr.Codec) {
			got, want = [][]byte{bytes.Join(got, nil)}, [][]byte{bytes.Join(want, nil)}
		}
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%s: %d units of %d came back, or others", tr.Codec, len(got), len(want))
		}
	})
}

// randomUnit makes a unit as a receiver would have stored it: no start codes inside NAL
// units, no zeros behind them.
func randomUnit(rnd *rand.Rand, tr media.Track, size int) []byte {
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(1 + rnd.UintN(255))
		}
		return b
	}
	switch tr.Codec {
	case media.H264, media.H265:
		var unit []byte
		for range 1 + rnd.UintN(4) {
			nal := random(max(3, int(rnd.UintN(uint(size)))))
			nal[0], nal[1] = 0x06, 1 // SEI
			if tr.Codec == media.H265 {
				nal[0] = 39 << 1
			}
			unit = media.AppendNAL(unit, nal)
		}
		last := random(size + 3)
		last[0], last[1] = 0x65, 0x88
		if tr.Codec == media.H265 {
			last[0], last[1], last[2] = 19<<1, 1, 0x80
		}
		return media.AppendNAL(unit, last)
	case media.MPEG4:
		unit := append([]byte{0, 0, 1, 0xb6}, random(size)...)
		for i := 4; i < len(unit); i++ { // zeros, as padding has them, but no start codes
			if rnd.UintN(3) == 0 {
				unit[i] = 0
			}
			if unit[i] == 1 {
				unit[i] = 2
			}
		}
		return append(unit, 0x7f)
	case media.AAC:
		unit := random(min(size, maxAAC))
		unit[0] &= 0x7f
		return unit
	}
	step := 4 * max(tr.Bits, 1)
	return random((size + step - 1) / step * step)
}

func BenchmarkPack(b *testing.B) {
	unit := randomUnit(rand.New(rand.NewPCG(1, 2)), media.Track{Codec: media.H264}, 16000)
	p, err := newPacker(media.Track{Codec: media.H264, ClockRate: 90000}, packOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(unit)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.pack(media.AccessUnit{Data: unit}, 0, nil); err != nil {
			b.Fatal(err)
		}
	}
}
