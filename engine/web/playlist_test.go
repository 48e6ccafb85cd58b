package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/testdata/peers"
)

func serve(t testing.TB, o Options) *httptest.Server {
	t.Helper()
	if o.Clock == nil {
		o.Clock = media.SystemClock{}
	}
	s := httptest.NewServer(New(o))
	t.Cleanup(s.Close)
	return s
}

// fetch returns the answer's status, header and body.
func fetch(t testing.TB, url string, headers ...string) (int, http.Header, string) {
	t.Helper()
	req := must[*http.Request](t)(http.NewRequest(http.MethodGet, url, nil))
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res := must[*http.Response](t)(http.DefaultClient.Do(req))
	defer res.Body.Close()
	return res.StatusCode, res.Header, string(must[[]byte](t)(io.ReadAll(res.Body)))
}

func TestTheListOfARecordingSaysWhatIsThereAndWhatIsNot(t *testing.T) {
	header := &Piece{URI: "r/c/1.mp4", Offset: 48, Length: 900, Codecs: "avc1.640028,mp4a.40.2"}
	second := &Piece{URI: "r/c/2.mp4", Offset: 48, Length: 901, Codecs: "avc1.640028"}
	at := func(s float64) time.Time { return day.Add(time.Duration(s * float64(time.Second))) }
	var b strings.Builder
	writeVOD(&b, []Piece{
		{URI: "r/c/1.mp4", Offset: 1000, Length: 5000, Time: at(0), Duration: 4040 * time.Millisecond, Key: true, Init: header},
		{URI: "r/c/1.mp4", Offset: 6000, Length: 5001, Time: at(4.04), Duration: 5600 * time.Millisecond, Key: true, Init: header},
		{Gap: true, Time: at(9.64), Duration: 3 * time.Hour},
		{URI: "r/c/2.mp4", Offset: 1000, Length: 70, Time: at(10809.64), Duration: 40 * time.Millisecond, Key: true, Init: second},
	}, []string{"sound left out:\nG.722"}, func(uri string) string { return "piece?uri=" + uri })
	want := `#EXTM3U
#EXT-X-VERSION:8
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-INDEPENDENT-SEGMENTS
# note:sound left out: G.722
# codecs:avc1.640028,mp4a.40.2
#EXT-X-MAP:URI="piece?uri=r/c/1.mp4",BYTERANGE="900@48"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T09:00:00.000Z
#EXT-X-BYTERANGE:5000@1000
#EXTINF:4.04,
piece?uri=r/c/1.mp4
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T09:00:04.040Z
#EXT-X-BYTERANGE:5001@6000
#EXTINF:5.6,
piece?uri=r/c/1.mp4
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T09:00:09.640Z
#EXT-X-GAP
#EXTINF:6,
gap.mp4
#EXT-X-DISCONTINUITY
# codecs:avc1.640028
#EXT-X-MAP:URI="piece?uri=r/c/2.mp4",BYTERANGE="901@48"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:09.640Z
#EXT-X-BYTERANGE:70@1000
#EXTINF:0.04,
piece?uri=r/c/2.mp4
#EXT-X-ENDLIST
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestAListNeedsNoHigherVersionThanItUses(t *testing.T) {
	for _, c := range []struct {
		piece Piece
		want  int
	}{
		{Piece{URI: "a"}, 3}, {Piece{URI: "a", Length: 5}, 4}, {Piece{URI: "a", Init: &Piece{}}, 6}, {Piece{Gap: true}, 8},
	} {
		if got := versionOf([]Piece{c.piece}); got != c.want {
			t.Errorf("%+v: %d, want %d", c.piece, got, c.want)
		}
	}
}

// TestFFmpegReadsARecordingAcrossAGap counts the pictures that ffmpeg gets by our list.
// It takes discontinuities for jumps of one stream and shows a few less at them, so what
// it reads is what counts there.
func TestFFmpegReadsARecordingAcrossAGap(t *testing.T) {
	peers.Need(t, "ffmpeg", "ffprobe")
	s := serve(t, Options{Library: &archive{film: makeFilm(t, "h264+aac")}})
	url := s.URL + "/hls/index.m3u8?camera=class/teacher&from=2026-11-22T09:00:15Z&to=2026-11-22T09:00:"
	out, err := exec.Command("ffprobe", "-v", "fatal", "-select_streams", "v", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", url+"35Z").Output()
	if n := strings.Fields(string(out)); err != nil || len(n) == 0 || n[0] != "250" {
		t.Errorf("%q pictures (%v), want 250: 5 s before the gap and 5 s behind it", out, err)
	}
	if n := decoded(t, url+"20Z", "0:v"); n != 125 {
		t.Errorf("%d pictures before the gap, want 125", n)
	}
}

func TestGStreamerPlaysARecording(t *testing.T) {
	t.Parallel()
	peers.Need(t, "gst-launch-1.0")
	s := serve(t, Options{Library: &archive{film: makeFilm(t, "h264+aac")}})
	url := s.URL + "/hls/index.m3u8?camera=class/teacher&from=2026-11-22T09:00:00Z&to=2026-11-22T09:00:10Z"
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "gst-launch-1.0", "-v", "playbin3", "uri="+url,
		"video-sink=fakesink sync=false silent=false", "audio-sink=fakesink sync=false").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%.3000s", err, out)
	}
	if n := strings.Count(string(out), "chain"); n < 240 {
		t.Errorf("GStreamer showed %d pictures of 250", n)
	}
}

// decoded counts what ffmpeg decodes of a stream without one complaint.
func decoded(t testing.TB, url, stream string, input ...string) int {
	t.Helper()
	args := append([]string{"-nostdin", "-v", "error", "-xerror", "-progress", "-", "-nostats"}, input...)
	cmd := exec.Command("ffmpeg", append(args, "-i", url, "-map", stream, "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-")...)
	var out, problems strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil || problems.Len() > 0 {
		t.Fatalf("ffmpeg: %v\n%s", err, problems.String())
	}
	all := regexp.MustCompile(`frame=\s*(\d+)`).FindAllStringSubmatch(out.String(), -1)
	if len(all) == 0 {
		return 0
	}
	return must[int](t)(strconv.Atoi(all[len(all)-1][1]))
}

func TestTheMasterListNamesCodecsAndSize(t *testing.T) {
	s := serve(t, Options{Library: &archive{film: makeFilm(t, "h264+aac")}})
	status, header, text := fetch(t, s.URL+"/hls/index.m3u8?camera=class/teacher&from=1795338000&to=1795338010")
	if status != 200 || header.Get("Content-Type") != "application/vnd.apple.mpegurl" {
		t.Fatal(status, header)
	}
	for _, want := range []string{`CODECS="avc1.4d400d,mp4a.40.2"`, "RESOLUTION=320x240", "BANDWIDTH=", "# note:a note of two lines\n", "media.m3u8?camera=class%2Fteacher&from=2026"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	// Another camera's sound is in the same list.
	_, _, text = fetch(t, s.URL+"/hls/index.m3u8?camera=class/teacher&audio=class/teacher&from=1795338000&to=1795338010")
	if strings.Contains(text, "#EXT-X-MEDIA") || !strings.Contains(text, "media.m3u8?audio=class%2Fteacher&camera=") {
		t.Error(text)
	}
}

func TestFFmpegPlaysWhatIsBeingRecorded(t *testing.T) {
	t.Parallel()
	peers.Need(t, "ffmpeg")
	clock := media.SystemClock{}
	s := serve(t, Options{Library: &archive{film: makeFilm(t, "h264+aac"), clock: clock, live: clock.Wall()}, Clock: clock})
	if n := decoded(t, s.URL+"/hls/index.m3u8?camera=class/teacher", "0:v", "-t", "3"); n < 60 {
		t.Errorf("%d pictures in 3 s of 25 fps", n)
	}
}

// TestALiveListIsAnsweredAsSoonAsThePartIsThere asks for parts ahead of their time.
func TestALiveListIsAnsweredAsSoonAsThePartIsThere(t *testing.T) {
	t.Parallel()
	clock := media.SystemClock{}
	lib := &archive{film: makeFilm(t, "h264+aac"), clock: clock, live: clock.Wall()}
	s := serve(t, Options{Library: lib, Clock: clock})
	base := s.URL + "/hls/live.m3u8?camera=class/teacher"
	_, _, first := fetch(t, base)
	for _, want := range []string{"CAN-BLOCK-RELOAD=YES", "PART-TARGET=", "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part.mp4?", "INDEPENDENT=YES", "#EXT-X-PROGRAM-DATE-TIME:"} {
		if !strings.Contains(first, want) {
			t.Errorf("no %s in\n%s", want, first)
		}
	}
	if strings.Contains(first, "BYTERANGE") || strings.Contains(first, "ENDLIST") {
		t.Errorf("in a live list:\n%s", first)
	}
	hint := regexp.MustCompile(`PRELOAD-HINT:TYPE=PART,URI="([^"]*)"`).FindStringSubmatch(first)[1]
	where := regexp.MustCompile(`n=(\d+)&part=(\d+)`).FindStringSubmatch(hint)
	if strings.Contains(strings.ReplaceAll(first, "PRELOAD-HINT", ""), `PART:DURATION=0.5,URI="`+hint) {
		t.Fatal("the hint is listed already")
	}
	_, _, next := fetch(t, base+"&_HLS_msn="+where[1]+"&_HLS_part="+where[2])
	if !regexp.MustCompile(`#EXT-X-PART:DURATION=[0-9.]+,URI="` + regexp.QuoteMeta(hint) + `"`).MatchString(next) {
		t.Errorf("the part that was waited for (%s) is not in\n%s", hint, next)
	}
	// The hint itself is media.
	status, header, part := fetch(t, s.URL+"/hls/"+hint)
	if status != 200 || header.Get("Content-Type") != "video/mp4" || len(part) < 100 || part[4:8] != "moof" {
		t.Errorf("%d %v %d bytes", status, header, len(part))
	}
	// A segment is its parts, one behind the other.
	sequence := must[int](t)(strconv.Atoi(where[1])) - 1
	_, _, whole := fetch(t, fmt.Sprintf("%s/hls/segment.mp4?camera=class/teacher&n=%d", s.URL, sequence))
	parts := ""
	for n := range 4 {
		_, _, p := fetch(t, fmt.Sprintf("%s/hls/part.mp4?camera=class/teacher&n=%d&part=%d", s.URL, sequence, n))
		parts += p
	}
	if whole != parts || len(whole) == 0 {
		t.Errorf("a segment of %d bytes, its parts have %d", len(whole), len(parts))
	}
	waitFor(t, "files to be closed", func() bool { return lib.left() == 0 })
}

func TestNonsenseAboutLivePartsIsRefused(t *testing.T) {
	clock := media.SystemClock{}
	s := serve(t, Options{Library: &archive{film: makeFilm(t, "h264+aac"), clock: clock, live: clock.Wall()}, Clock: clock})
	for query, want := range map[string]int{
		"live.m3u8?camera=class/teacher&_HLS_part=3":                   400,
		"live.m3u8?camera=class/teacher&_HLS_msn=x":                    400,
		"live.m3u8?camera=class/teacher&_HLS_msn=-1":                   400,
		"live.m3u8?camera=class/teacher&_HLS_msn=99999999":             400,
		"live.m3u8?camera=class/teacher&_HLS_msn=99999999999999999999": 400,
		"live.m3u8?camera=class/nobody":                                404,
		"segment.mp4?camera=class/teacher":                             400,
		"segment.mp4?camera=class/teacher&n=99999":                     400,
		"part.mp4?camera=class/teacher&n=0":                            400,
		"part.mp4?camera=class/teacher&n=0&part=77":                    404,
		"init.mp4?camera=class/teacher&uri=class/teacher/2.mp4":        404,
		"piece.mp4?camera=class/teacher&uri=../../etc/passwd":          404,
		"piece.mp4?camera=class/teacher":                               400,
		"media.m3u8?camera=class/teacher":                              400,
		"media.m3u8?camera=class/teacher&from=1&to=999999999":          400,
		"media.m3u8?camera=class/teacher&from=1&to=1000":               404,
	} {
		status, header, text := fetch(t, s.URL+"/hls/"+query)
		if status != want || !strings.Contains(text, `{"error":"`) || header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s, want %d", query, status, text, want)
		}
	}
}

// FuzzAListHasNoLineOfStrangers: whatever a camera is called and a note says, a list has
// the lines that its pieces make, and each says what it should.
func FuzzAListHasNoLineOfStrangers(f *testing.F) {
	f.Add("class/teacher", "a/b.mp4", "a note\nof two lines", "avc1.640028")
	f.Add("x\"\n#EXT-X-ENDLIST", "\r\n#EXT-X-KEY:METHOD=NONE", "\u2028#EXTM3U", "a\"\nb")
	line := regexp.MustCompile(`^(#EXT(M3U|INF:[0-9.]+,|-X-[A-Z-]+(:[^\r\n]*)?)|# (note|codecs):.*|piece\.mp4\?[!-~]*|gap\.mp4)$`)
	f.Fuzz(func(t *testing.T, camera, uri, note, codecs string) {
		q := query{Camera: camera}
		header := &Piece{URI: uri, Length: 5, Codecs: codecs}
		pieces := []Piece{
			{URI: uri, Offset: 5, Length: 7, Time: day, Duration: time.Second, Init: header},
			{Gap: true, Time: day.Add(time.Second), Duration: time.Hour},
			{URI: uri, Offset: 12, Length: 7, Time: day.Add(time.Hour), Duration: time.Second, Init: header},
		}
		var b strings.Builder
		writeVOD(&b, pieces, []string{note}, q.pieceURL)
		text, ok := strings.CutSuffix(b.String(), "#EXT-X-ENDLIST\n")
		if !ok || strings.Contains(text, "#EXT-X-KEY") && !strings.Contains(note+codecs, "#EXT-X-KEY") {
			t.Fatalf("%q", b.String())
		}
		for l := range strings.Lines(text) {
			if !line.MatchString(strings.TrimSuffix(l, "\n")) {
				t.Errorf("%q in %q", l, text)
			}
		}
		if strings.Count(text, "#EXTINF") != 3 || strings.Count(text, "\npiece.mp4?") != 2 {
			t.Errorf("%q", text)
		}
	})
}
