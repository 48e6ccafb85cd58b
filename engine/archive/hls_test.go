package archive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
)

// playlist renders pieces as RFC 8216 has it.
func playlist(pieces []Piece) string {
	longest := 1.0
	for _, p := range pieces {
		longest = max(longest, math.Ceil(p.Duration.Seconds()))
	}
	text := fmt.Sprintf("#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:%.0f\n#EXT-X-PLAYLIST-TYPE:VOD\n", longest)
	var init *Piece
	for _, p := range pieces {
		if p.Discontinuity {
			text += "#EXT-X-DISCONTINUITY\n"
		}
		if p.Gap {
			text += fmt.Sprintf("#EXT-X-GAP\n#EXTINF:%.6f,\ngap.m4s\n", p.Duration.Seconds())
			continue
		}
		if p.Init != init {
			init = p.Init
			text += fmt.Sprintf("#EXT-X-MAP:URI=%q", init.URI)
			if init.Length > 0 {
				text += fmt.Sprintf(",BYTERANGE=\"%d@%d\"", init.Length, init.Offset)
			}
			text += "\n"
		}
		text += "#EXT-X-PROGRAM-DATE-TIME:" + p.Time.UTC().Format("2006-01-02T15:04:05.000Z") + "\n"
		if p.Length > 0 {
			text += fmt.Sprintf("#EXT-X-BYTERANGE:%d@%d\n", p.Length, p.Offset)
		}
		text += fmt.Sprintf("#EXTINF:%.6f,\n%s\n", p.Duration.Seconds(), p.URI)
	}
	return text + "#EXT-X-ENDLIST\n"
}

// serve serves what a library opens, and a playlist, as a small file server would.
func serve(t testing.TB, l *Library, pieces []Piece) (url string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		if name == "list.m3u8" {
			io.WriteString(w, playlist(pieces))
			return
		}
		body, err := l.Open(name)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer body.Close()
		http.ServeContent(w, r, "", time.Time{}, body)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/list.m3u8"
}

// fetch reads what a piece names.
func fetch(t testing.TB, l *Library, p *Piece) []byte {
	t.Helper()
	body, err := l.Open(p.URI)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	size := p.Length
	if size == 0 {
		size = body.Size()
	}
	data := make([]byte, size)
	if _, err := body.ReadAt(data, p.Offset); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestHLSOfARecordingIsItsOwnBytesWhereABrowserPlaysThem(t *testing.T) {
	m := studio(t, "a")
	m.shoot("a", nine, 5*time.Second, nil, picture25(t, 12, "320x240"), aac(t, 12))
	m.close(nine.Add(12 * time.Second))
	l := m.shelf()
	pieces, notes, err := l.HLS(t.Context(), "a", "", time.Time{}, time.Time{})
	m.must(err)
	breaks := 0
	for i, p := range pieces {
		if p.Length == 0 || !p.Key {
			t.Errorf("piece %d: %+v", i, p)
		}
		if p.Discontinuity {
			breaks++
		}
	}
	if len(notes) > 0 || breaks != 2 || len(pieces) < 3 {
		t.Errorf("%d pieces, %d discontinuities, notes %q", len(pieces), breaks, notes)
	}
	url := serve(t, l, pieces)
	// ffmpeg does not start anew at a discontinuity: it reads all units, and throws away the
	// pictures of a fragment whose time stamps begin again.
	count := func(stream string) string {
		return strings.TrimSpace(tool(t, "ffprobe", "-v", "error", "-select_streams", stream, "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", url))
	}
	if v, a := count("v"), count("a"); !strings.HasPrefix(v, "300") || !strings.HasPrefix(a, "564") {
		t.Errorf("ffprobe finds %s pictures and %s units of sound, want 300 and 564", v, a)
	}
	first, _, err := l.HLS(t.Context(), "a", "", time.Time{}, nine.Add(5*time.Second))
	m.must(err)
	if n := len(sums(t, serve(t, l, first), "v")); n != 125 {
		t.Errorf("ffmpeg shows %d pictures of the first segment, want 125", n)
	}
	some, _, err := l.HLS(t.Context(), "a", "", nine.Add(6*time.Second), nine.Add(7*time.Second))
	m.must(err)
	if len(some) != 1 || some[0].Time.After(nine.Add(6*time.Second)) {
		t.Errorf("pieces of a second: %+v", some)
	}
}

func TestHLSOfSoundThatBrowsersDoNotPlayIsSlicedAroundTheSamePictures(t *testing.T) {
	for name, c := range soundCases() {
		if name != "alaw" && name != "l16" && name != "g726-4" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			m := studio(t, "a")
			video, sound := picture25(t, 6, "320x240"), plainSound(t, c.track, c.form, c.bytes, c.ticks, 6)
			if c.form == "g726" {
				sound.samples = sound.samples[:153]
			}
			m.shoot("a", nine, 10*time.Second, nil, video, sound)
			m.close(nine.Add(6 * time.Second))
			l := m.shelf()
			pieces, notes, err := l.HLS(t.Context(), "a", "", time.Time{}, time.Time{})
			m.must(err)
			if len(notes) != 1 || pieces[0].Length != 0 || pieces[0].Init.Tracks[1].Codec != segment.FLAC {
				t.Errorf("notes %q, %+v", notes, pieces[0])
			}
			url := serve(t, l, pieces)
			whole := m.save(m.cut("a", ClipOptions{}), "a.mp4")
			if got, want := sums(t, url, "v"), sums(t, whole, "v"); !slices.Equal(got, want) {
				t.Errorf("%d pictures are shown, %d were recorded, or they are others", len(got), len(want))
			}
			got, want := []byte(ffmpeg(t, "-i", url, "-map", "0:a", "-f", "s16le", "-")), c.raw(t, sound)
			if c.track.Codec != media.G726 && !bytes.Equal(got, want) || len(got) != len(want) {
				t.Errorf("%d bytes of sound, want %d, or other ones", len(got), len(want))
			}
		})
	}
}

func TestHLSTakesAnotherCamerasSoundByCaptureTime(t *testing.T) {
	m := studio(t, "a", "mic")
	c := soundCases()["alaw"]
	sound := plainSound(t, c.track, c.form, c.bytes, c.ticks, 12)
	m.shoot("a", nine, 5*time.Second, nil, picture25(t, 8, "320x240"), aac(t, 8))
	m.shoot("mic", nine.Add(-2*time.Second), 4*time.Second, nil, sound)
	m.close(nine.Add(10 * time.Second))
	l := m.shelf()
	pieces, notes, err := l.HLS(t.Context(), "a", "mic", time.Time{}, time.Time{})
	m.must(err)
	if tracks := pieces[0].Init.Tracks; len(tracks) != 2 || tracks[1].Codec != segment.FLAC || len(notes) != 0 {
		t.Errorf("%+v, notes %q", tracks, notes)
	}
	// The first segment's sound is what the microphone heard meanwhile: from the first
	// picture on, without a hole, and the next one's follows it.
	var got []byte
	for i, p := range pieces {
		if i == 0 || p.Init != pieces[i-1].Init {
			name := filepath.Join(t.TempDir(), "part.mp4")
			data := fetch(t, l, p.Init)
			for j := i; j < len(pieces) && pieces[j].Init == p.Init; j++ {
				data = append(data, fetch(t, l, &pieces[j])...)
			}
			m.must(os.WriteFile(name, data, 0o600))
			got = append(got, ffmpeg(t, "-i", name, "-map", "0:a", "-f", "s16le", "-")...)
		}
	}
	all := c.raw(t, sound)
	at := bytes.Index(all, got[:20000])
	begin := pieces[0].Time.Sub(nine.Add(-2 * time.Second)).Seconds()
	if at < 0 || !near(float64(at)/16000, begin, 0.02) || !bytes.Equal(got, all[at:at+len(got)]) || !near(float64(len(got))/16000, 8, 0.2) {
		t.Errorf("sound from %v s on for %v s, want %v s on", float64(at)/16000, float64(len(got))/16000, begin)
	}
	if _, _, err := l.HLS(t.Context(), "a", "nobody", time.Time{}, time.Time{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("of nobody: %v", err)
	}
}

func TestHLSNamesGapsAndRefusesWhatNobodyPlays(t *testing.T) {
	m := studio(t, "a", "b")
	film := picture25(t, 4, "320x240")
	m.shoot("a", nine, 10*time.Second, nil, film)
	m.missing("a", nine.Add(4*time.Second), nine.Add(30*time.Second), media.Timeout)
	m.shoot("a", nine.Add(30*time.Second), 10*time.Second, nil, film)
	mjpeg := encode(t, media.Track{Codec: media.MJPEG}, "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=1", "-pix_fmt", "yuvj420p", "-c:v", "mjpeg")
	m.shoot("b", nine, 10*time.Second, nil, mjpeg)
	m.close(nine.Add(34 * time.Second))
	l := m.shelf()
	pieces, _, err := l.HLS(t.Context(), "a", "", time.Time{}, time.Time{})
	m.must(err)
	i := slices.IndexFunc(pieces, func(p Piece) bool { return p.Gap })
	if i < 1 || !pieces[i].Causes.Has(media.Timeout) || pieces[i].Duration.Round(time.Second) != 26*time.Second || !pieces[i+1].Discontinuity {
		t.Errorf("pieces %+v", pieces)
	}
	if _, _, err := l.HLS(t.Context(), "b", "", time.Time{}, time.Time{}); !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "MJPEG") {
		t.Errorf("MJPEG: %v", err)
	}
	if _, _, err := l.HLS(t.Context(), "a", "", nine.Add(10*time.Second), nine.Add(20*time.Second)); !fault.Is(err, fault.NotFound) {
		t.Errorf("in the gap: %v", err)
	}
}

func TestNothingButWhatACatalogueHasIsOpened(t *testing.T) {
	m := studio(t, "a")
	m.shoot("a", nine, 10*time.Second, nil, picture25(t, 2, "320x240"))
	m.close(nine.Add(2 * time.Second))
	l := m.shelf()
	pieces, _, err := l.HLS(t.Context(), "a", "", time.Time{}, time.Time{})
	m.must(err)
	good := pieces[0].URI
	for _, uri := range []string{
		"", "/", "..", "../../etc/passwd", good + "/", good[1:], strings.Replace(good, "/1/", "/2/", 1), strings.Replace(good, "/1/", "/01/", 1),
		strings.Replace(good, "media.mp4", "0-99999.m4s", 1), strings.Replace(good, "media.mp4", "5-2.m4s", 1), strings.Replace(good, "media.mp4", "-1-2.m4s", 1),
		resource{recording: "../..", camera: "a", n: 1}.uri(), resource{recording: filepath.Base(m.dir), camera: "../a", n: 1}.uri(), strings.Repeat("a/", 1e5), "\x00/\x00/1/media.mp4",
	} {
		if _, err := l.Open(uri); !fault.Is(err, fault.NotFound) {
			t.Errorf("%.60q: %v", uri, err)
		}
	}
}

// FuzzResource: what is parsed is what would be written.
func FuzzResource(f *testing.F) {
	f.Add(resource{recording: "a b/ü", camera: "c", n: 7, kind: sliceMedia, first: 3, last: 9}.uri())
	f.Add("YQ/YQ/1/init.mp4")
	f.Fuzz(func(t *testing.T, uri string) {
		if r, ok := parseResource(uri); ok && r.uri() != uri {
			t.Fatalf("%q becomes %q", uri, r.uri())
		}
	})
}

func TestLiveMediaIsListedAsItIsWrittenAndGoesOnInTheNextFile(t *testing.T) {
	m := studio(t, "a")
	lock, err := m.fs.Lock(filepath.Join(m.dir, lockName))
	m.must(err)
	defer lock.Close()
	m.tracks = []media.Track{picture, sound}
	m.run("a", nine)
	one := m.open("a", nine)
	one.fill(5 * time.Second)
	one.commit()
	l := NewLibrary(m.fs, media.SystemClock{}, m.dir)
	w, err := l.Live(t.Context(), "a", 0, 0)
	m.must(err)
	last := w.Segments[len(w.Segments)-1]
	if !last.Open || !last.Key || last.Init == nil || w.PartTarget > 300*time.Millisecond {
		t.Fatalf("window %+v", w)
	}
	// The next part is waited for, and is there as soon as it is written.
	type answer struct {
		w   *LiveWindow
		err error
	}
	ask := func(sequence uint64, part int) chan answer {
		c := make(chan answer, 1)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			w, err := l.Live(ctx, "a", sequence, part)
			c <- answer{w, err}
		}()
		return c
	}
	sequence := w.Sequence + uint64(len(w.Segments)) - 1
	next := ask(sequence, len(last.Parts))
	one.fill(6 * time.Second)
	m.must(one.w.Flush())
	got := <-next
	m.must(got.err)
	one.commit()
	// Another file: another init, and a discontinuity.
	next = ask(sequence+2, 0)
	two := m.open("a", nine.Add(6*time.Second))
	two.fill(5 * time.Second)
	two.commit()
	one.seal()
	got = <-next
	m.must(got.err)
	breaks := 0
	var init *Piece
	parts := 0
	for i := range got.w.Segments {
		s := &got.w.Segments[i]
		if s.Discontinuity {
			breaks++
		}
		if init != s.Init {
			if init = s.Init; !bytes.Contains(fetch(t, l, init), []byte("avc1")) {
				t.Error("an init without tracks")
			}
		}
		whole := fetch(t, l, &s.Piece)
		var joined []byte
		for j := range s.Parts {
			joined = append(joined, fetch(t, l, &s.Parts[j])...)
			parts++
		}
		if !bytes.Equal(whole, joined) {
			t.Errorf("segment %d is not its parts", i)
		}
	}
	if breaks != 1 || parts < 30 {
		t.Errorf("%d discontinuities, %d parts", breaks, parts)
	}
	two.seal()
	m.close(nine.Add(11 * time.Second))
	m.must(lock.Close())
	end := <-ask(math.MaxUint64, 0)
	if end.err != nil || !end.w.Ended {
		t.Errorf("after the end: %+v, %v", end.w, end.err)
	}
	if _, err := m.shelf().Live(t.Context(), "a", 0, 0); !fault.Is(err, fault.NotFound) {
		t.Errorf("of a recording that has ended: %v", err)
	}
}

// shelf is a library of just the maker's recording.
func (m *maker) shelf() *Library { return NewLibrary(m.fs, m.clock, m.dir) }
