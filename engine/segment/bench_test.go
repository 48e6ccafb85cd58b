package segment

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"rtsprec/engine/media"
)

// sink is a file that forgets what is written to it and counts how.
type sink struct {
	writes int
	size   int64
}

func (s *sink) WriteAt(p []byte, off int64) (int, error) {
	s.writes++
	s.size = max(s.size, off+int64(len(p)))
	return len(p), nil
}
func (s *sink) Write(p []byte) (int, error)       { return s.WriteAt(p, s.size) }
func (s *sink) ReadAt([]byte, int64) (int, error) { return 0, io.EOF }
func (s *sink) Close() error                      { return nil }
func (s *sink) Name() string                      { return "sink" }
func (s *sink) Size() (int64, error)              { return s.size, nil }
func (s *sink) Truncate(size int64) error         { s.size = size; return nil }
func (s *sink) Sync() error                       { return nil }

// camera makes the units of a 4 Mbit/s camera with G.711, one fragment of 250 ms at a
// time: 25 pictures and 50 packets of sound a second.
type camera struct {
	header  Header
	picture []byte
	sound   []byte
	ticks   int64 // in 20 ms
}

func newCamera(pictureSize int) *camera {
	c := &camera{header: Header{Camera: "bench", Start: start, Tracks: []media.Track{
		{ID: 0, Codec: media.H264, ClockRate: 90000, Config: media.JoinConfig(sps, pps)},
		{ID: 1, Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1},
	}}}
	c.picture = make([]byte, pictureSize)
	r := rand.NewChaCha8([32]byte{})
	r.Read(c.picture)
	binary.BigEndian.PutUint32(c.picture, uint32(pictureSize-4))
	c.sound = make([]byte, 160)
	return c
}

func (c *camera) fragment(t testing.TB, w *Writer) {
	for range 12 {
		if c.ticks%2 == 0 {
			s := Sample{Track: 0, DTS: c.ticks * 1800, Duration: 3600, Key: c.ticks%100 == 0, Data: c.picture}
			if err := w.Add(s); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Add(Sample{Track: 1, DTS: c.ticks * 160, Duration: 160, Key: true, Data: c.sound}); err != nil {
			t.Fatal(err)
		}
		c.ticks++
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

func TestAFragmentIsOneWriteAndCostsNoGarbage(t *testing.T) {
	f := &sink{}
	c := newCamera(20000)
	w := must[*Writer](t)(NewWriter(f, c.header))
	c.fragment(t, w)
	before := f.writes
	const rounds = 400
	allocs := testing.AllocsPerRun(rounds, func() { c.fragment(t, w) })
	if f.writes-before != rounds+1 { // AllocsPerRun warms up once
		t.Errorf("%d writes for %d fragments", f.writes-before, rounds+1)
	}
	// The tables grow: a block for every 1024 units, and now and then a list of chunks.
	if allocs > 1 {
		t.Errorf("%v allocations a fragment", allocs)
	}
	if size := reflect.TypeFor[entry]().Size(); size > 16 {
		t.Errorf("%d bytes a unit", size)
	}
}

func BenchmarkFragment(b *testing.B) {
	c := newCamera(20000)
	w := must[*Writer](b)(NewWriter(&sink{}, c.header))
	c.fragment(b, w)
	b.SetBytes(w.body.fragments[0].Size)
	b.ReportAllocs()
	for b.Loop() {
		c.fragment(b, w)
	}
}

// file is ten seconds of the camera, sealed.
func file(b *testing.B) []byte {
	m := &memory{}
	c := newCamera(200000)
	w := must[*Writer](b)(NewWriter(m, c.header))
	for range 40 {
		c.fragment(b, w)
	}
	must[Summary](b)(w.Seal())
	return m.data
}

type memory struct {
	sink
	data []byte
}

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	if end := int(off) + len(p); end > len(m.data) {
		m.data = append(m.data, make([]byte, end-len(m.data))...)
	}
	return copy(m.data[off:], p), nil
}

func BenchmarkScan(b *testing.B) {
	data := file(b)
	for _, quick := range []bool{false, true} {
		name := "everything"
		if quick {
			name = "quick"
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				f := must[*File](b)(Scan(bytes.NewReader(data), int64(len(data)), ScanOptions{Quick: quick}))
				if f.Problem != nil || f.State != Sealed {
					b.Fatal(f.Problem)
				}
			}
		})
	}
}

func BenchmarkSamples(b *testing.B) {
	data := file(b)
	f := must[*File](b)(Scan(bytes.NewReader(data), int64(len(data)), ScanOptions{Quick: true}))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range f.Samples(0, len(f.Fragments)) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkSeal seals ten minutes of a camera with sound.
func BenchmarkSeal(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		c := newCamera(100)
		w := must[*Writer](b)(NewWriter(&sink{}, c.header))
		for range int(10 * time.Minute / (240 * time.Millisecond)) {
			c.fragment(b, w)
		}
		b.StartTimer()
		must[Summary](b)(w.Seal())
	}
}
