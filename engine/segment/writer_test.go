package segment

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
	"rtsprec/engine/vfs/crashfs"
)

func TestCommitsCoverTheFileWithoutAHoleAndTheirChecksumsAreThoseOfTheBytes(t *testing.T) {
	s := toy(40)
	f := must[vfs.File](t)(crashfs.New().Create("x", 0o600))
	w := must[*Writer](t)(NewWriter(f, s.header))
	at, units := BodyOffset, int64(0)
	check := func() {
		t.Helper()
		c := w.TakeCommit()
		if size := must[int64](t)(f.Size()); c.From != at || c.Size != size {
			t.Fatalf("[%d, %d), want [%d, %d)", c.From, c.Size, at, size)
		}
		p := make([]byte, c.Size-c.From)
		must[int](t)(f.ReadAt(p, c.From))
		if crc32.Checksum(p, castagnoli) != c.CRC {
			t.Fatal("wrong checksum")
		}
		at, units = c.Size, c.Units[0]
	}
	check()
	check() // nothing new is an empty range
	for i, u := range s.samples {
		if cut(s.header, w, u) {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			if i%3 == 0 {
				check()
			}
		}
		if err := w.Add(u); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	check()
	if units != 40 {
		t.Errorf("%d pictures", units)
	}
	sum := must[Summary](t)(w.Seal())
	body := make([]byte, sum.Size-BodyOffset)
	must[int](t)(f.ReadAt(body, BodyOffset))
	if sha := sha256.Sum256(body); hex.EncodeToString(sha[:]) != sum.SHA256 {
		t.Error("wrong SHA-256")
	}
}

func TestSummaryIsAboutPresentation(t *testing.T) {
	s := toy(40)
	f := must[vfs.File](t)(crashfs.New().Create("x", 0o600))
	w := must[*Writer](t)(NewWriter(f, s.header))
	if p := w.Progress(); p.Units[0] != 0 || !p.Ends[0].IsZero() {
		t.Errorf("%+v of nothing", p)
	}
	s.write(t, w, s.samples)
	sum := must[Summary](t)(w.Seal())
	// Pictures are 40 ms apart from 10 ms on; the one that ends last is the 39th, which
	// is shown two pictures later than it is decoded.
	if want := start.Add(10 * time.Millisecond); !sum.Start.Equal(want) || !sum.Starts[0].Equal(want) {
		t.Errorf("starts %v, want %v", sum.Start, want)
	}
	if want := start.Add(1650 * time.Millisecond); !sum.End.Equal(want) {
		t.Errorf("ends %v, want %v", sum.End, want)
	}
	if want := start.Add(160 * time.Millisecond); !sum.Starts[1].Equal(want) {
		t.Errorf("sound starts %v, want %v", sum.Starts[1], want)
	}
}

func TestATrackThatNeverCameIsLeftOutOfTheSealedFile(t *testing.T) {
	h264, aac := clipNamed(t, "h264"), clipNamed(t, "aac")
	s := mix([]int64{0, 0}, h264, aac)
	s.samples = byTrack(2, s.samples)[1]
	path, f, w := s.create(t, "x.mp4")
	sum := must[Summary](t)(w.Seal())
	if sum.Units[0] != 0 || !sum.Starts[0].IsZero() || !sum.Start.Equal(start) || sum.End.Before(start.Add(3*time.Second)) {
		t.Errorf("%+v", sum)
	}
	if p := ffprobe(t, path); len(p.Streams) != 1 || p.Streams[0].Codec != "aac" {
		t.Errorf("%+v", p.Streams)
	}
	file := scan(t, f, ScanOptions{})
	if len(file.Header.Tracks) != 2 || file.Tracks[0].Units != 0 {
		t.Errorf("%+v", file.Tracks)
	}
}

func TestAFileWithoutUnitsCanBeSealedAndRead(t *testing.T) {
	s := toy(0)
	f := must[vfs.File](t)(crashfs.New().Create("x", 0o600))
	w := must[*Writer](t)(NewWriter(f, s.header))
	sum := must[Summary](t)(w.Seal())
	if file := scan(t, f, ScanOptions{}); file.State != Sealed || file.SHA256 != sum.SHA256 || len(file.Fragments) != 0 {
		t.Errorf("%+v", file)
	}
}

func TestWhatCannotBeStoredIsRefusedByName(t *testing.T) {
	sound := media.Track{Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1}
	change := func(do func(*media.Track)) media.Track {
		t := sound
		do(&t)
		return t
	}
	for want, track := range map[string]media.Track{
		"store H.264: no decoder configuration yet":                      {Codec: media.H264, ClockRate: 90000},
		"store H.264: no sequence or no picture parameter set":           {Codec: media.H264, ClockRate: 90000, Config: media.JoinConfig(sps)},
		"store H.265: no video, no sequence or no picture parameter set": {Codec: media.H265, ClockRate: 90000, Config: media.JoinConfig(sps)},
		"store AAC: no decoder configuration yet":                        change(func(t *media.Track) { t.Codec = media.AAC }),
		"store G.711 µ-law: no clock rate":                               change(func(t *media.Track) { t.ClockRate = 0 }),
		"store G.711 µ-law: number of channels unknown":                  change(func(t *media.Track) { t.Channels = 0 }),
		"store G.711 µ-law: sample rate unknown":                         change(func(t *media.Track) { t.SampleRate = 0 }),
		"store G.726: bits a sample unknown":                             change(func(t *media.Track) { t.Codec = media.G726 }),
		"store Opus: more than two channels":                             change(func(t *media.Track) { t.Codec, t.Channels = media.Opus, 6 }),
		"store vp8: no box for it":                                       {Codec: "vp8", ClockRate: 90000, SampleRate: 1, Channels: 1},
	} {
		f := &sink{}
		_, err := NewWriter(f, Header{Tracks: []media.Track{sound, track}})
		if !fault.Is(err, fault.Unsupported) || err.Error() != want || f.writes > 0 {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestAUnitThatBreaksARuleIsRefusedAndNothingChanges(t *testing.T) {
	s := toy(4)
	f := must[vfs.File](t)(crashfs.New().Create("x", 0o600))
	w := must[*Writer](t)(NewWriter(f, s.header))
	s.write(t, w, s.samples)
	good := media.JoinConfig([]byte{0x65, 1, 2, 3})
	for name, u := range map[string]Sample{
		"track":     {Track: 4, DTS: 1 << 30, Data: good},
		"negative":  {Track: -1, DTS: 1 << 30, Data: good},
		"back":      {DTS: 3, Data: good},
		"before":    {DTS: -3, Data: good},
		"far":       {DTS: 1 << 50, Data: good},
		"jump":      {DTS: 1 << 33, Data: good},
		"offset":    {DTS: 1 << 30, Offset: 1 << 30, Data: good},
		"early":     {DTS: 1 << 30, Offset: -1<<30 - 1, Data: good},
		"sound":     {Track: 1, DTS: 1 << 30, Offset: 1, Data: good},
		"empty":     {DTS: 1 << 30},
		"chain":     {DTS: 1 << 30, Data: good[:6]},
		"empty NAL": {DTS: 1 << 30, Data: make([]byte, 4)},
		"large":     {Track: 2, DTS: 1 << 30, Data: make([]byte, MaxFragment)},
	} {
		if err := w.Add(u); !fault.Is(err, fault.Bug) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if units, span, size := w.Pending(); units != 0 || span != 0 || size != 0 {
		t.Errorf("%d units are pending", units)
	}
	must[Summary](t)(w.Seal())
	same(t, 4, s.samples, read(t, scan(t, f, ScanOptions{})))
}

func TestAHoleInATracksTimeStaysWhereItIs(t *testing.T) {
	s := toy(0)
	f := must[vfs.File](t)(crashfs.New().Create("x", 0o600))
	w := must[*Writer](t)(NewWriter(f, s.header))
	data := []byte{1, 2, 3}
	for i, dts := range []int64{0, 160, 4000, 4160, 4160, 4200, 90000} {
		if err := w.Add(Sample{Track: 1, DTS: dts, Duration: 160, Key: true, Data: data}); err != nil {
			t.Fatal(err)
		}
		if i == 3 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if units, span, size := w.Pending(); units != 3 || size != 9 || span != media.ToDuration(86000, 8000) {
		t.Errorf("%d units of %d bytes, %v", units, size, span)
	}
	must[Summary](t)(w.Seal())
	var times, durations []int64
	for _, u := range read(t, scan(t, f, ScanOptions{})) {
		times, durations = append(times, u.DTS), append(durations, int64(u.Duration))
	}
	if got, want := times, []int64{0, 160, 4000, 4160, 4160, 4200, 90000}; !equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := durations, []int64{160, 3840, 160, 160, 40, 85800, 160}; !equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func equal(a, b []int64) bool {
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// TestFragmentsAreWhatOtherReadersExpect reads the open file with a library that is not
// ours, its init segment cut out as a browser would get it.
func TestFragmentsAreWhatOtherReadersExpect(t *testing.T) {
	_, data, whole := sealed(t, 20)
	offset, length := whole.InitRange()
	stream := append(bytes.Clone(data[offset:offset+length]), data[whole.Fragments[0].Offset:whole.Sound]...)
	parsed := must[*mp4.File](t)(mp4.DecodeFile(bytes.NewReader(stream)))
	if !parsed.IsFragmented() || len(parsed.Init.Moov.Traks) != 4 || parsed.Moov.Mvex == nil {
		t.Fatal("not an init segment")
	}
	var times []*mp4.PrftBox
	fragments := 0
	for _, box := range parsed.Children {
		switch box := box.(type) {
		case *mp4.PrftBox:
			times = append(times, box)
		case *mp4.MoofBox:
			prft := times[fragments]
			if fragments++; len(times) != fragments || box.Mfhd.SequenceNumber != uint32(fragments) {
				t.Fatalf("%d times for %d fragments", len(times), fragments)
			}
			track := int(prft.ReferenceTrackID) - 1
			if got, want := ntp(uint64(prft.NTPTimestamp)), whole.Header.at(track, int64(prft.MediaTime)); got.Sub(want).Abs() > time.Nanosecond {
				t.Errorf("fragment %d: captured %v, want %v", fragments, got, want)
			}
			for _, traf := range box.Trafs {
				if traf.Tfhd.TrackID == prft.ReferenceTrackID && traf.Tfdt.BaseMediaDecodeTime() != prft.MediaTime {
					t.Errorf("fragment %d: media time %d", fragments, prft.MediaTime)
				}
			}
		}
	}
	if fragments != len(whole.Fragments) {
		t.Fatalf("%d fragments, want %d", fragments, len(whole.Fragments))
	}
}

func ntp(t uint64) time.Time {
	return time.Unix(int64(t>>32)-epoch1900, int64((t&0xFFFFFFFF)*uint64(time.Second)>>32))
}

func TestNamesGoBothWays(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 33999999, time.FixedZone("", 3600))
	name := FileName(at, 1)
	if name != "2026-11-22/090000.033Z-000001.mp4" {
		t.Fatal(name)
	}
	for _, s := range []string{name, name + Part, "a/b/" + name, FileName(at, 12345678)} {
		if got, n, ok := ParseName(s); !ok || !got.Equal(at.Truncate(time.Millisecond)) || n != 1 && n != 12345678 {
			t.Errorf("%s: %v %d %v", s, got, n, ok)
		}
	}
	for _, s := range []string{"", "x", "090000.033Z-000001.mp4", "2026-11-22/090000.033Z-1.mp4", "2026-11-22/090000.033Z-000001.ts",
		"2026-13-22/090000.033Z-000001.mp4", "2026-11-22/090000.033Z-000001.mp4.part.part", "2026-11-22/090000.033Z-+00001.mp4",
		strings.Replace(name, ".033", ".03", 1), strings.Replace(name, "Z", "", 1)} {
		if _, _, ok := ParseName(s); ok {
			t.Errorf("%q is taken for a segment", s)
		}
	}
}

func FuzzReorderTwiceGivesBackWhatWasThere(f *testing.F) {
	f.Add([]byte("\x12\x34\x56\x78\x9a\xbc\xde\xf0\x11"), 3)
	f.Fuzz(func(t *testing.T, unit []byte, bits int) {
		bits = 2 + (bits&0x7FFFFFFF)%4
		was := bytes.Clone(unit)
		for _, first := range []bool{true, false} {
			reorder(unit, bits, first)
			reorder(unit, bits, !first)
			if !bytes.Equal(unit, was) {
				t.Fatalf("%d bits: %x, want %x", bits, unit, was)
			}
		}
	})
}

func TestPresentationBeforeDecodingSurvives(t *testing.T) {
	s := toy(12)
	for i := range s.samples {
		if s.samples[i].Track == 0 {
			s.samples[i].Offset -= 1800
		}
	}
	_, f, w := s.create(t, "x.mp4")
	sum := must[Summary](t)(w.Seal())
	if want := start.Add(-10 * time.Millisecond); !sum.Start.Equal(want) {
		t.Errorf("starts %v, want %v", sum.Start, want)
	}
	same(t, 4, s.samples, read(t, scan(t, f, ScanOptions{})))
	stbl := must[*mp4.File](t)(mp4.ReadMP4File(f.Name())).Moov.Trak.Mdia.Minf.Stbl
	if stbl.Ctts.Version != 1 || stbl.Ctts.GetCompositionTimeOffset(1) != -1800 {
		t.Errorf("ctts version %d begins with %d", stbl.Ctts.Version, stbl.Ctts.GetCompositionTimeOffset(1))
	}
}

func TestOffsetsBeyondFourGigabytesAreWrittenInFull(t *testing.T) {
	f := &sink{}
	c := newCamera(2000)
	w := must[*Writer](t)(NewWriter(f, c.header))
	c.fragment(t, w)
	w.body.size += 5 << 30
	c.fragment(t, w)
	var out builder
	out.moov(layout{header: c.header, origin: start, tables: w.body.tables})
	box := must[mp4.Box](t)(mp4.DecodeBox(0, bytes.NewReader(out)))
	for i, trak := range box.(*mp4.MoovBox).Traks {
		co64 := trak.Mdia.Minf.Stbl.Co64
		if co64 == nil || len(co64.ChunkOffset) != 2 || co64.ChunkOffset[1] <= 5<<30 || co64.ChunkOffset[0] > 1<<20 {
			t.Errorf("track %d: %+v", i, co64)
		}
	}
}

func TestASealedFileThatWasDamagedCanBeSealedAgainUpToTheDamage(t *testing.T) {
	s, data, whole := sealed(t, 20)
	file := must[vfs.File](t)(crashfs.New().Create("x", 0o600))
	data[whole.Fragments[4].Offset+50] ^= 1
	must[int](t)(file.Write(data))
	f := must[*File](t)(Scan(file, int64(len(data)), ScanOptions{}))
	if f.State != Sealed || f.Problem == nil {
		t.Fatalf("%v, %v", f.State, f.Problem)
	}
	w := must[*Writer](t)(Resume(file, f))
	sum := must[Summary](t)(w.Seal())
	again := scan(t, file, ScanOptions{})
	if len(again.Fragments) != 4 || again.State != Sealed {
		t.Fatalf("%v, %d fragments", again.State, len(again.Fragments))
	}
	if got := again.Summary(); got.SHA256 != sum.SHA256 || got.Size != sum.Size || !got.Start.Equal(sum.Start) || !got.End.Equal(sum.End) {
		t.Errorf("%+v, want %+v", got, sum)
	}
	prefix(t, s, again, 4)
}
