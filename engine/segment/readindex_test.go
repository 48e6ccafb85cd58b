package segment

import (
	"bytes"
	"io"
	"testing"

	"rtsprec/engine/vfs"
)

// counted counts what is read.
type counted struct {
	io.ReaderAt
	n int64
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}

// index reads the index of a file and checks that it tells every unit of it.
func index(t *testing.T, f vfs.File, want []Sample) (*Index, int64) {
	t.Helper()
	size := must[int64](t)(f.Size())
	r := &counted{ReaderAt: f}
	x := must[*Index](t)(ReadIndex(r, size))
	list := byTrack(len(x.Header.Tracks), want)
	for track := range list {
		i := 0
		for p := range x.Places(track) {
			data := make([]byte, p.Size)
			if _, err := f.ReadAt(data, p.At); err != nil {
				t.Fatal(err)
			}
			if i == len(list[track]) {
				t.Fatalf("track %d: more than %d units", track, i)
			}
			s := list[track][i]
			if reordered(x.Header.Tracks[track]) {
				reorder(data, x.Header.Tracks[track].Bits, false)
			}
			if p.DTS != s.DTS || p.Offset != s.Offset || p.Key != s.Key || p.Duration != s.Duration || !bytes.Equal(data, s.Data) {
				t.Fatalf("track %d, unit %d: %+v", track, i, p)
			}
			i++
		}
		if i != len(list[track]) {
			t.Fatalf("track %d: %d of %d units", track, i, len(list[track]))
		}
		runs := 0
		for count := range x.Runs(track) {
			runs += count
		}
		if runs != i {
			t.Errorf("track %d: runs of %d units", track, runs)
		}
	}
	return x, r.n
}

func TestTheIndexTellsEveryUnitOfOpenAndSealedFilesWithoutReadingMedia(t *testing.T) {
	for _, c := range clips(t) {
		t.Run(c.name, func(t *testing.T) {
			s := mix([]int64{1234, 0}, c, clipNamed(t, "aac"))
			_, f, w := s.create(t, "x.mp4")
			open, _ := index(t, f, s.samples)
			if open.State != Open {
				t.Errorf("open file is %v", open.State)
			}
			must[Summary](t)(w.Seal())
			sealed, n := index(t, f, s.samples)
			if sealed.State != Sealed || sealed.Sound != open.Sound || len(sealed.Fragments) != len(open.Fragments) {
				t.Errorf("sealed: %v, %d bytes of %d fragments", sealed.State, sealed.Sound, len(sealed.Fragments))
			}
			if most := sealed.Size - sealed.Sound + sealed.init + 16<<10; n > most {
				t.Errorf("%d bytes were read, %d would do", n, most)
			}
		})
	}
}

func TestTablesThatDoNotFitTheIndexAreNotBelieved(t *testing.T) {
	s := mix([]int64{0, 0}, clipNamed(t, "h264"), clipNamed(t, "aac"))
	_, f, w := s.create(t, "x.mp4")
	must[Summary](t)(w.Seal())
	size := must[int64](t)(f.Size())
	data := make([]byte, size)
	must[int](t)(f.ReadAt(data, 0))
	whole := must[*Index](t)(ReadIndex(bytes.NewReader(data), size))
	for _, kind := range []string{"stsz", "stco", "stsc", "trak", "moov"} {
		broken := bytes.Clone(data)
		at := int(whole.Sound) + bytes.Index(broken[whole.Sound:], []byte(kind))
		broken[at+15] ^= 0x55
		broken[at] ^= 0x20
		x := must[*Index](t)(ReadIndex(bytes.NewReader(broken), size))
		for i := range x.Tracks {
			if x.Tracks[i] != whole.Tracks[i] {
				t.Errorf("%s broken: track %d has %+v, want %+v", kind, i, x.Tracks[i], whole.Tracks[i])
			}
			n := int64(0)
			for range x.Places(i) {
				n++
			}
			if n != whole.Tracks[i].Units {
				t.Errorf("%s broken: track %d has %d units", kind, i, n)
			}
		}
	}
}

// FuzzReadIndex breaks files: every unit that is told must lie among the fragments, in
// order, and times must not fall.
func FuzzReadIndex(f *testing.F) {
	_, data, whole := sealed(f, 6)
	f.Add(data, uint32(0), byte(0))
	f.Add(data[:whole.Sound], uint32(whole.Sound-40), byte(1))
	for _, kind := range []string{"stsz", "stts", "ctts", "stss", "stsc", "stco", "free"} {
		f.Add(data, uint32(int(whole.Sound)+max(bytes.Index(data[whole.Sound:], []byte(kind)), 0)+11), byte(0x81))
	}
	f.Fuzz(func(t *testing.T, data []byte, at uint32, mask byte) {
		data = bytes.Clone(data)
		if int(at) < len(data) {
			data[at] ^= mask
		}
		x, err := ReadIndex(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for track := range x.Tracks {
			n, end, dts := int64(0), x.init, int64(0)
			for p := range x.Places(track) {
				if p.At < end || p.At+int64(p.Size) > x.Sound || p.DTS < dts || p.DTS > maxTicks {
					t.Fatalf("unit %d of track %d: %+v in %d..%d", n, track, p, end, x.Sound)
				}
				n, end, dts = n+1, p.At+int64(p.Size), p.DTS
			}
			if n != x.Tracks[track].Units {
				t.Fatalf("%d of %d units", n, x.Tracks[track].Units)
			}
		}
	})
}
