package segment

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
	"rtsprec/engine/vfs/crashfs"
)

// sps and pps are those of a 320x240 picture.
var (
	sps, _ = hex.DecodeString("67640015acd941419f9f011000000300100000030320f1429960")
	pps, _ = hex.DecodeString("68ebecb22c")
)

// toy is a segment of made-up units: H.264 with every fifth a key and B-frame offsets,
// G.711 that begins later, L16 of pure silence, and G.726 whose bits are stored turned.
func toy(units int) script {
	h := Header{Camera: "toy", Start: start, Tracks: []media.Track{
		{ID: 0, Codec: media.H264, ClockRate: 90000, Config: media.JoinConfig(sps, pps)},
		{ID: 1, Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1},
		{ID: 2, Codec: media.L16, ClockRate: 16000, SampleRate: 16000, Channels: 1, Bits: 16},
		{ID: 3, Codec: media.G726, ClockRate: 8000, SampleRate: 8000, Channels: 1, Bits: 3},
	}}
	r := rand.New(rand.NewPCG(1, 2))
	noise := func(n int) []byte {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(r.Uint32())
		}
		return p
	}
	s := script{header: h}
	for i := range int64(units) {
		data := media.JoinConfig([]byte{9, 0x10}, noise(20+r.IntN(100)))
		s.samples = append(s.samples,
			Sample{Track: 0, DTS: 900 + i*3600, Offset: int32(i%3) * 3600, Duration: 3600, Key: i%5 == 0, Data: data})
		if i > 3 {
			s.samples = append(s.samples, Sample{Track: 1, DTS: i * 320, Duration: 320, Key: true, Data: noise(32)})
		}
		s.samples = append(s.samples,
			Sample{Track: 2, DTS: i * 640, Duration: 640, Key: true, Data: make([]byte, 64)},
			Sample{Track: 3, DTS: i * 320, Duration: 320, Key: true, Data: noise(12)})
	}
	sortByTime(h, s.samples)
	return s
}

// sealed returns a toy file in memory, with where its fragments end.
func sealed(t testing.TB, units int) (s script, data []byte, f *File) {
	t.Helper()
	s = toy(units)
	file := must[vfs.File](t)(crashfs.New().Create("x", 0o600))
	w := must[*Writer](t)(NewWriter(file, s.header))
	s.write(t, w, s.samples)
	sum := must[Summary](t)(w.Seal())
	f = scan(t, file, ScanOptions{})
	if f.State != Sealed || f.SHA256 != sum.SHA256 || f.Size != sum.Size {
		t.Fatalf("%v, %s, want %s", f.State, f.SHA256, sum.SHA256)
	}
	data = make([]byte, f.Size)
	must[int](t)(file.ReadAt(data, 0))
	return s, data, f
}

// inside returns how many fragments of f lie wholly in the first n bytes.
func inside(f *File, n int64) int {
	count := 0
	for _, fr := range f.Fragments {
		if fr.Offset+fr.Size <= n {
			count++
		}
	}
	return count
}

func TestAnyPrefixGivesTheFragmentsWhollyInsideIt(t *testing.T) {
	_, data, whole := sealed(t, 12)
	_, length := whole.InitRange()
	for n := range int64(len(data)) {
		for _, quick := range []bool{false, true} {
			f, err := Scan(bytes.NewReader(data[:n]), n, ScanOptions{Quick: quick})
			if n < BodyOffset+length {
				if !fault.Is(err, fault.Damaged) {
					t.Fatalf("%d bytes: %v", n, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%d bytes: %v", n, err)
			}
			if want := inside(whole, n); len(f.Fragments) != want || f.Sound > n {
				t.Fatalf("%d bytes, quick %v: %d fragments, want %d", n, quick, len(f.Fragments), want)
			}
			if f.Problem == nil || !fault.Is(f.Problem, fault.Damaged) {
				// A quick reading trusts the index, which is whole before the tables are.
				if !quick || n < whole.Sound {
					t.Fatalf("%d bytes, quick %v: nothing wrong", n, quick)
				}
			}
		}
	}
}

func TestQuickFindsWhatReadingEverythingFinds(t *testing.T) {
	_, data, whole := sealed(t, 40)
	for _, open := range []bool{false, true} {
		if open {
			copy(data[headerOffset:], openHeader)
			data = data[:whole.Sound]
		}
		f := must[*File](t)(Scan(bytes.NewReader(data), int64(len(data)), ScanOptions{Quick: true}))
		if f.Problem != nil || f.Sound != whole.Sound || f.State == Sealed == open {
			t.Fatalf("%v, %v", f.State, f.Problem)
		}
		if len(f.Fragments) != len(whole.Fragments) || len(f.Tracks) != len(whole.Tracks) {
			t.Fatal("other fragments or tracks")
		}
		for i := range f.Fragments {
			if f.Fragments[i] != whole.Fragments[i] {
				t.Fatalf("%+v, want %+v", f.Fragments[i], whole.Fragments[i])
			}
		}
		for i := range f.Tracks {
			if f.Tracks[i] != whole.Tracks[i] {
				t.Fatalf("%+v, want %+v", f.Tracks[i], whole.Tracks[i])
			}
		}
		same(t, 4, read(t, whole), read(t, f))
	}
}

func TestEachGivesWhatSamplesGives(t *testing.T) {
	_, data, whole := sealed(t, 20)
	var each []Sample
	must[*File](t)(Scan(bytes.NewReader(data), int64(len(data)), ScanOptions{Each: func(u Unit) {
		u.Data = bytes.Clone(u.Data)
		each = append(each, u.Sample)
	}}))
	all := read(t, whole)
	same(t, 4, all, each)
	for i := range all {
		if all[i].Track != each[i].Track {
			t.Fatal("another order")
		}
	}
}

func TestAnyBitThatTurnsIsNoticedAndWhatCameBeforeIsKept(t *testing.T) {
	_, data, whole := sealed(t, 6)
	for at := int64(0); at < int64(len(data)); at++ {
		data[at] ^= 1 << (at % 8)
		f, err := Scan(bytes.NewReader(data), int64(len(data)), ScanOptions{})
		switch {
		case at < headerOffset+headerSize: // these bytes say nothing that the rest does not
			if err != nil || f.State == Sealed && f.Problem == nil || len(f.Fragments) != len(whole.Fragments) {
				t.Fatalf("byte %d: %v, %v, %d fragments", at, err, f.State, len(f.Fragments))
			}
		case at < whole.Fragments[0].Offset:
			// Everything a reader needs of the first moov is needed; the rest is covered
			// by the checksum of the whole file.
			if err == nil && f.SHA256 == whole.SHA256 {
				t.Fatalf("byte %d: not noticed", at)
			}
		case err != nil:
			t.Fatalf("byte %d: %v", at, err)
		case at < whole.Sound:
			if want := inside(whole, at); f.Problem == nil || len(f.Fragments) != want {
				t.Fatalf("byte %d: %d fragments, want %d; %v", at, len(f.Fragments), want, f.Problem)
			}
		default:
			if len(f.Fragments) != len(whole.Fragments) || f.SHA256 == whole.SHA256 {
				t.Fatalf("byte %d: %d fragments", at, len(f.Fragments))
			}
		}
		data[at] ^= 1 << (at % 8)
	}
}

func TestTablesThatDisagreeWithTheFragmentsAreDamage(t *testing.T) {
	_, data, whole := sealed(t, 20)
	moov := data[whole.Sound:]
	for _, kind := range []string{"stts", "ctts", "stss", "stsz", "stsc", "stco", "elst", "stsd"} {
		at := bytes.Index(moov, []byte(kind)) + 4 + 4 + 7
		moov[at] ^= 4
		f := must[*File](t)(Scan(bytes.NewReader(data), int64(len(data)), ScanOptions{}))
		if !fault.Is(f.Problem, fault.Damaged) || len(f.Fragments) != len(whole.Fragments) {
			t.Errorf("%s: %v", kind, f.Problem)
		}
		moov[at] ^= 4
	}
}

func TestZerosBehindWhatWasSyncedAreCutOff(t *testing.T) {
	_, data, whole := sealed(t, 40)
	copy(data[headerOffset:], openHeader)
	for _, at := range []int64{whole.Fragments[3].Offset, whole.Fragments[3].Offset + 400, whole.Sound - 20, whole.Sound} {
		torn := append(bytes.Clone(data[:whole.Sound]), make([]byte, 4096)...)
		clear(torn[at:])
		f := must[*File](t)(Scan(bytes.NewReader(torn), int64(len(torn)), ScanOptions{}))
		if want := inside(whole, at); len(f.Fragments) != want || !fault.Is(f.Problem, fault.Damaged) {
			t.Errorf("zeros from %d: %d fragments, want %d; %v", at, len(f.Fragments), want, f.Problem)
		}
	}
}

// TestABrokenChainOfLengthsIsNoticedThoughTheChecksumHolds: whoever writes the checksum
// may have been wrong before.
func TestABrokenChainOfLengthsIsNoticedThoughTheChecksumHolds(t *testing.T) {
	_, data, whole := sealed(t, 8)
	fr := whole.Fragments[1] // the first with video
	fragment := data[fr.Offset : fr.Offset+fr.Size]
	at := bytes.Index(fragment, []byte("mdat")) + 4
	for _, value := range []byte{0, 1, 200} {
		fragment[at+3] = value
		rest := builder(fragment[:len(fragment)-checkSize])
		rest.check()
		f := must[*File](t)(Scan(bytes.NewReader(data), int64(len(data)), ScanOptions{}))
		if len(f.Fragments) != 1 || !fault.Is(f.Problem, fault.Damaged) {
			t.Errorf("length %d: %v", value, f.Problem)
		}
	}
}

func TestADamagedFragmentIsPassedOverByReaders(t *testing.T) {
	s, data, whole := sealed(t, 40)
	data[whole.Fragments[2].Offset+400] ^= 1
	f := must[*File](t)(Scan(bytes.NewReader(data), int64(len(data)), ScanOptions{Quick: true}))
	units, damaged := 0, 0
	for _, err := range f.Samples(0, len(f.Fragments)) {
		if err == nil {
			units++
		} else if damaged++; !fault.Is(err, fault.Damaged) {
			t.Error(err)
		}
	}
	if damaged != 1 || units < len(s.samples)/2 || units >= len(s.samples) {
		t.Errorf("%d errors, %d units of %d", damaged, units, len(s.samples))
	}
}

// FuzzScan: whatever the bytes, nothing panics, and what is found lies in the file,
// without a hole, and can be read.
func FuzzScan(f *testing.F) {
	_, data, whole := sealed(f, 6)
	f.Add(data, uint32(0), uint32(0), byte(0))
	f.Add(data[:whole.Sound], uint32(whole.Sound-40), uint32(0), byte(1))
	f.Add(data, uint32(whole.Fragments[0].Offset), uint32(40), byte(0xFF))
	f.Fuzz(func(t *testing.T, data []byte, at, fix uint32, mask byte) {
		data = bytes.Clone(data)
		if int(at) < len(data) {
			data[at] ^= mask
		}
		mend(data, whole, int(fix))
		for _, quick := range []bool{false, true} {
			file, err := Scan(bytes.NewReader(data), int64(len(data)), ScanOptions{Quick: quick, Each: func(Unit) {}})
			if err != nil {
				continue
			}
			end := file.init
			for _, fr := range file.Fragments {
				if fr.Offset != end {
					t.Fatal("a hole between fragments")
				}
				end += fr.Size
			}
			if end != file.Sound || end > int64(len(data)) {
				t.Fatalf("sound up to %d, fragments to %d of %d", file.Sound, end, len(data))
			}
			count := int64(0)
			for _, err := range file.Samples(0, len(file.Fragments)) {
				if err != nil && !quick {
					t.Fatal(err)
				}
				count++
			}
			if !quick {
				total := int64(0)
				for _, info := range file.Tracks {
					total += info.Units
				}
				if total != count {
					t.Fatalf("%d units, %d read", total, count)
				}
			}
		}
	})
}

// mend makes the checksums of some fragments right again, so that what is behind them
// is tried too.
func mend(data []byte, whole *File, which int) {
	for i, fr := range whole.Fragments {
		if which>>i&1 != 0 && fr.Offset+fr.Size <= int64(len(data)) {
			b := builder(data[fr.Offset : fr.Offset+fr.Size-checkSize])
			b.check()
		}
	}
}
