package archive

import (
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"

	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
	"rtsprec/testdata/peers"
)

// film is a track as ffmpeg encoded it, taken apart by a library that is not ours.
type film struct {
	track   media.Track
	samples []segment.Sample
}

// tool runs a program of somebody else; anything it says on standard error is a failure.
func tool(t testing.TB, name string, args ...string) string {
	t.Helper()
	peers.Need(t, name)
	cmd := exec.Command(name, args...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil || problems.Len() > 0 {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, problems.String())
	}
	return out.String()
}

func ffmpeg(t testing.TB, args ...string) string {
	t.Helper()
	return tool(t, "ffmpeg", append([]string{"-nostdin", "-v", "error", "-xerror", "-y"}, args...)...)
}

// picture25 encodes so many seconds of 25 pictures a second, a key frame each second.
func picture25(t testing.TB, seconds int, size string, args ...string) film {
	t.Helper()
	return encode(t, media.Track{Codec: media.H264}, append([]string{"-f", "lavfi", "-i", "testsrc2=size=" + size + ":rate=25:duration=" + strconv.Itoa(seconds),
		"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-sc_threshold", "0"}, args...)...)
}

const toneOf = "aevalsrc=0.5*sin(300*t*t)+0.1*sin(9000*t):sample_rate=48000:duration="

func aac(t testing.TB, seconds int) film {
	t.Helper()
	return encode(t, media.Track{Codec: media.AAC, SampleRate: 48000, Channels: 1}, "-f", "lavfi", "-i", toneOf+strconv.Itoa(seconds), "-c:a", "aac", "-ac", "1")
}

// encode makes a film of what ffmpeg writes into an MP4.
func encode(t testing.TB, track media.Track, args ...string) film {
	t.Helper()
	path := filepath.Join(t.TempDir(), "film.mp4")
	ffmpeg(t, append(args, "-video_track_timescale", "90000", path)...)
	list := tracksOf(t, path)
	if len(list) != 1 {
		t.Fatalf("%d tracks", len(list))
	}
	track.ClockRate, track.Config = list[0].rate, list[0].config
	return film{track, list[0].samples}
}

// plainSound encodes sound without a container, in units of so many bytes and ticks.
func plainSound(t testing.TB, track media.Track, form string, bytesPerUnit, ticks, seconds int) film {
	t.Helper()
	path := filepath.Join(t.TempDir(), "film.raw")
	args := []string{"-f", "lavfi", "-i", toneOf + strconv.Itoa(seconds), "-ar", strconv.Itoa(track.SampleRate), "-ac", strconv.Itoa(track.Channels)}
	if track.Codec == media.G726 {
		args = append(args, "-c:a", form, "-code_size", strconv.Itoa(track.Bits), "-b:a", strconv.Itoa(track.Bits*8000))
	}
	ffmpeg(t, append(args, "-f", form, path)...)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := film{track: track}
	for dts := int64(0); len(data) >= bytesPerUnit; dts += int64(ticks) {
		f.samples = append(f.samples, segment.Sample{DTS: dts, Duration: uint32(ticks), Key: true, Data: data[:bytesPerUnit]})
		data = data[bytesPerUnit:]
	}
	return f
}

// found is a track of an MP4 as another reader sees it.
type foundTrack struct {
	handler string
	rate    int
	config  []byte
	samples []segment.Sample
	entries []uint32 // sample description of each
}

// tracksOf reads an ordinary MP4 through its tables.
func tracksOf(t testing.TB, path string) []foundTrack {
	t.Helper()
	f, err := mp4.ReadMP4File(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []foundTrack
	for _, trak := range f.Moov.Traks {
		stbl := trak.Mdia.Minf.Stbl
		track := foundTrack{handler: trak.Mdia.Hdlr.HandlerType, rate: int(trak.Mdia.Mdhd.Timescale)}
		if avc := stbl.Stsd.AvcX; avc != nil {
			track.config = media.JoinConfig(append(avc.AvcC.SPSnalus, avc.AvcC.PPSnalus...)...)
		}
		if stbl.Stsd.Mp4a != nil && stbl.Stsd.Mp4a.Esds != nil {
			track.config = stbl.Stsd.Mp4a.Esds.DecConfigDescriptor.DecSpecificInfo.DecConfig
		}
		for nr := uint32(1); nr <= stbl.Stsz.SampleNumber; nr++ {
			number, first, err := stbl.Stsc.ChunkNrFromSampleNr(int(nr))
			if err != nil {
				t.Fatal(err)
			}
			var offset uint64
			if stbl.Stco != nil {
				offset = uint64(stbl.Stco.ChunkOffset[number-1])
			} else {
				offset = stbl.Co64.ChunkOffset[number-1]
			}
			for before := first; before < int(nr); before++ {
				offset += uint64(stbl.Stsz.GetSampleSize(before))
			}
			size := uint64(stbl.Stsz.GetSampleSize(int(nr)))
			dts, duration := stbl.Stts.GetDecodeTime(nr)
			s := segment.Sample{DTS: int64(dts), Duration: duration, Key: true, Data: data[offset : offset+size]}
			if stbl.Ctts != nil {
				s.Offset = stbl.Ctts.GetCompositionTimeOffset(nr)
			}
			if stbl.Stss != nil {
				s.Key = stbl.Stss.IsSyncSample(nr)
			}
			track.samples = append(track.samples, s)
			entry := 0 // of the table, which the library indexes by chunk
			for entry+1 < len(stbl.Stsc.Entries) && stbl.Stsc.Entries[entry+1].FirstChunk <= uint32(number) {
				entry++
			}
			track.entries = append(track.entries, stbl.Stsc.GetSampleDescriptionID(entry+1))
		}
		list = append(list, track)
	}
	return list
}

// shoot records films of one camera from start on, cut each so many seconds at a key frame
// of the first. Units of which skip says so are lost.
func (m *maker) shoot(camera string, start time.Time, each time.Duration, skip func(at time.Duration) bool, films ...film) {
	m.Helper()
	m.tracks = nil
	for i, f := range films {
		f.track.ID = media.TrackID(i)
		m.tracks = append(m.tracks, f.track)
	}
	m.runOf(camera, start, cmp.Or(m.origin, "live"))
	next := make([]int, len(films))
	var s *open
	var origin time.Duration
	for {
		at, track := time.Duration(1<<62), -1
		for i, f := range films {
			if next[i] < len(f.samples) {
				if begin := media.ToDuration(f.samples[next[i]].DTS, f.track.ClockRate); begin < at {
					at, track = begin, i
				}
			}
		}
		if track < 0 {
			break
		}
		u := films[track].samples[next[track]]
		next[track]++
		key := u.Key && track == 0
		if s == nil || key && at >= origin+each {
			if s != nil {
				s.commit()
				s.seal()
			}
			origin = at
			s = m.open(camera, start.Add(origin))
		}
		if skip != nil && skip(at) {
			continue
		}
		u.Track = track
		u.DTS -= media.FromDuration(origin, films[track].track.ClockRate)
		if _, span, _ := s.w.Pending(); key || span >= 250*time.Millisecond {
			s.must(s.w.Flush())
		}
		s.must(s.w.Add(u))
	}
	s.commit()
	s.seal()
}

// studio is a recording on the host's disk, so that other programs can read it.
func studio(t testing.TB, cameras ...string) *maker {
	t.Helper()
	return begin(t, vfs.OS(), filepath.Join(t.TempDir(), "rec"), cameras...)
}

// cut assembles a clip of a finished recording.
func (m *maker) cut(camera string, o ClipOptions) *Clip {
	m.Helper()
	r, err := Load(m.fs, m.dir)
	m.must(err)
	c, err := r.Clip(m.Context(), m.fs, camera, o)
	m.must(err)
	m.Cleanup(func() { c.Close() })
	return c
}

// save writes a clip to a file and returns its name.
func (m *maker) save(c *Clip, name string) string {
	m.Helper()
	path := filepath.Join(m.TempDir(), name)
	f, err := m.fs.Create(path, 0o644)
	m.must(err)
	if strings.HasSuffix(name, ".ts") {
		_, err = c.WriteTS(m.Context(), f, nil)
		m.must(err)
	} else {
		n, err := c.WriteTo(f)
		m.must(err)
		if n != c.Size() {
			m.Fatalf("%d bytes were written, %d announced", n, c.Size())
		}
	}
	m.must(f.Close())
	return path
}

// sameUnits fails unless the samples of a track are those of the film from..to.
func sameUnits(t testing.TB, got foundTrack, want film, first, last int) {
	t.Helper()
	if len(got.samples) != last-first {
		t.Errorf("%s: %d units, want %d", got.handler, len(got.samples), last-first)
		return
	}
	for i, s := range got.samples {
		if w := want.samples[first+i]; !bytes.Equal(s.Data, w.Data) || s.Key != w.Key || s.Offset != w.Offset {
			t.Errorf("%s: unit %d is another than %d of what was recorded", got.handler, i, first+i)
			return
		}
	}
}

// shown returns the presentation times that ffmpeg finds when it decodes a stream, in
// seconds; any complaint is a failure.
func shown(t testing.TB, path, stream string) []float64 {
	t.Helper()
	out := ffmpeg(t, "-i", path, "-map", "0:"+stream, "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "framemd5", "-")
	var list []float64
	base := 1.0
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(line, "#tb 0: "); ok {
			num, den, _ := strings.Cut(strings.TrimSpace(rest), "/")
			a, _ := strconv.ParseFloat(num, 64)
			b, _ := strconv.ParseFloat(den, 64)
			base = a / b
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		pts, err := strconv.ParseFloat(strings.TrimSpace(strings.Split(line, ",")[2]), 64)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, pts*base)
	}
	return list
}

// sums returns the checksums of the decoded pictures or blocks of a stream.
func sums(t testing.TB, path, stream string) []string {
	t.Helper()
	out := ffmpeg(t, "-i", path, "-map", "0:"+stream, "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "framemd5", "-")
	var list []string
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "#") {
			fields := strings.Split(strings.TrimSpace(line), ",")
			list = append(list, strings.TrimSpace(fields[len(fields)-1]))
		}
	}
	return list
}
