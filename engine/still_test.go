package engine_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/testcard"
)

// lumaOf is the brightness of a picture file.
func lumaOf(t testing.TB, file []byte) *image.Gray {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	luma := image.NewGray(img.Bounds())
	for y := range luma.Rect.Dy() {
		for x := range luma.Rect.Dx() {
			luma.SetGray(x, y, color.GrayModel.Convert(img.At(x, y)).(color.Gray))
		}
	}
	return luma
}

func TestAProbeWritesThePictureThatItSaw(t *testing.T) {
	d := coding(t)
	dir := t.TempDir()
	reports, err := engine.Probe(t.Context(), d, engine.ProbeOptions{
		Cameras: []journal.Camera{
			{Name: "a", URL: "testsrc://320x180@25?pace=free&gop=200ms&audio=none"},
			{Name: "b", URL: "testsrc://640x480@25/mjpeg?pace=free&audio=none"},
		},
		Snapshot: filepath.Join(dir, "{camera}.png"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, size := range []image.Point{{320, 180}, {640, 480}} {
		s := reports[i].Snapshot
		if s == nil || s.Width != size.X || s.Height != size.Y {
			t.Fatalf("%s: %+v", reports[i].Name, s)
		}
		file, err := os.ReadFile(s.File)
		if err != nil {
			t.Fatal(err)
		}
		luma := lumaOf(t, file)
		if drawn, ok := testcard.Read(luma, luma.Rect); luma.Rect.Size() != size || !ok || !drawn.Equal(s.At.Truncate(time.Millisecond)) {
			t.Errorf("%s: %v, drawn at %v %v, said to be of %v", s.File, luma.Rect, drawn, ok, s.At)
		}
	}
	// The name is taken now.
	_, err = engine.Probe(t.Context(), d, engine.ProbeOptions{
		Cameras: []journal.Camera{{Name: "a", URL: "testsrc://?pace=free&audio=none"}}, Snapshot: filepath.Join(dir, "a.png"),
	})
	if !fault.Is(err, fault.Usage) || !strings.Contains(err.Error(), "exists") {
		t.Errorf("over a file that is there: %v", err)
	}
	two := []journal.Camera{{Name: "a", URL: "testsrc://"}, {Name: "b", URL: "testsrc://"}}
	for _, o := range []engine.ProbeOptions{
		{Cameras: two, Snapshot: filepath.Join(dir, "one.png")},
		{Cameras: two[:1], Snapshot: filepath.Join(dir, "one.gif")},
		{Cameras: two[:1], Snapshot: filepath.Join(dir, "one.png"), Quick: true},
	} {
		if _, err := engine.Probe(t.Context(), d, o); !fault.Is(err, fault.Usage) {
			t.Errorf("%s: %v", o.Snapshot, err)
		}
	}
	d.Coder = nil
	_, err = engine.Probe(t.Context(), d, engine.ProbeOptions{Cameras: []journal.Camera{{Name: "a", URL: "rtsp://127.0.0.1:1/"}}, Snapshot: filepath.Join(dir, "c.png")})
	if !fault.Is(err, fault.Unsupported) {
		t.Errorf("without codecs: %v", err)
	}
}

func TestStillsOfWhatIsLiveAndOfWhatWasRecorded(t *testing.T) {
	t.Parallel()
	d, e := deps(t)
	d.Coder = coderOf(t)
	dir := filepath.Join(t.TempDir(), "live")
	s := serveAs(t, d, e, engine.ServeOptions{
		Record: engine.RecordInto{Dir: dir},
		Paths: []engine.ServePath{
			{Name: "yard", Record: true, Camera: &journal.Camera{Name: "yard", URL: "testsrc://320x180@25?gop=400ms&audio=none"}},
			{Name: "door", Camera: &journal.Camera{Name: "door", URL: "testsrc://160x120@25/mjpeg?audio=none"}},
		},
	})
	get := func(query string) (status int, drawn time.Time, luma *image.Gray, said string) {
		res, err := http.Get(s.http + "still.jpg?" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusOK {
			return res.StatusCode, drawn, nil, string(body)
		}
		luma = lumaOf(t, body)
		drawn, ok := testcard.Read(luma, luma.Rect)
		of, err := time.Parse(time.RFC3339Nano, res.Header.Get("X-Still-Time"))
		if !ok || err != nil || !drawn.Equal(of.Truncate(time.Millisecond)) {
			t.Errorf("%s: drawn at %v %v, said to be of %v %v", query, drawn, ok, of, err)
		}
		return res.StatusCode, drawn, luma, ""
	}
	// What is live, recorded or not.
	var first time.Time
	waitFor(t, "stills", func() bool {
		yard, at, _, _ := get("camera=yard")
		door, _, _, _ := get("camera=door")
		disk, _, _, _ := get("camera=live/yard")
		first = at
		return yard == 200 && door == 200 && disk == 200
	})
	waitFor(t, "a newer still", func() bool {
		_, at, _, _ := get("camera=yard")
		return at.After(first.Add(time.Second))
	})
	// What was recorded, at a time, in a width.
	then := first.Add(600 * time.Millisecond)
	status, at, luma, said := get(fmt.Sprintf("camera=live/yard&width=160&at=%s", then.UTC().Format(time.RFC3339Nano)))
	if status != 200 || luma.Rect.Size() != image.Pt(160, 90) || at.After(then) || at.Before(then.Add(-400*time.Millisecond)) {
		t.Errorf("%d %s: at %v, asked for %v", status, said, at, then)
	}
	if status, _, _, said := get("camera=live/nobody"); status != 404 {
		t.Errorf("of nobody: %d %s", status, said)
	}
	if status, _, _, said := get("camera=live/yard&at=2001-01-01T00:00:00Z"); status != 404 {
		t.Errorf("before there was any: %d %s", status, said)
	}
	// Many who ask for much are bounded, and none is left hanging.
	var group sync.WaitGroup
	var answered, refused atomic.Int32
	for i := range 100 {
		group.Go(func() {
			res, err := http.Get(fmt.Sprintf("%sstill.jpg?camera=live/yard&width=%d", s.http, 64+i%10))
			if err != nil {
				return // turned away by the server's bound on connections
			}
			defer res.Body.Close()
			io.Copy(io.Discard, res.Body)
			switch res.StatusCode {
			case http.StatusOK:
				answered.Add(1)
			case http.StatusServiceUnavailable:
				refused.Add(1)
			default:
				t.Errorf("%d", res.StatusCode)
			}
		})
	}
	group.Wait()
	if answered.Load() == 0 {
		t.Errorf("%d were answered, %d refused", answered.Load(), refused.Load())
	}
}

func TestASheetShowsEachStretchOfTime(t *testing.T) {
	t.Parallel()
	d := coding(t)
	dir := filepath.Join(t.TempDir(), "film")
	_, err := engine.Record(t.Context(), d, engine.RecordOptions{
		Dir: dir, Length: 4 * time.Second, Cameras: []journal.Camera{
			{Name: "a", URL: "testsrc://320x180@25?gop=400ms&audio=none"},
			{Name: "b", URL: "testsrc://320x180@25?gop=200ms&audio=none&drop=1.5/3"},
		},
	})
	if err != nil && !fault.Is(err, fault.Incomplete) {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sheet.png")
	pictures := int64(0)
	report, err := engine.Sheet(t.Context(), d, engine.SheetOptions{
		Dir: dir, Every: 500 * time.Millisecond, Output: file, Progress: func(done, _ int64) { pictures = done },
	})
	if err != nil {
		t.Fatal(err)
	}
	if report.Missing == 0 || report.Missing > 5 || report.Pictures+report.Missing != 16 || pictures != 16 {
		t.Errorf("%+v, %d told", report, pictures)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	luma := lumaOf(t, data)
	if luma.Rect.Size() != image.Pt(report.Width, report.Height) {
		t.Errorf("%v, said to be %dx%d", luma.Rect, report.Width, report.Height)
	}
	// Eight stretches of two cameras: four cells beside each other, in four rows.
	found := 0
	for n := range 16 {
		corner := image.Pt(4+n%4*324, 44+n/4*(180+20+4))
		drawn, ok := testcard.Read(luma, image.Rectangle{Min: corner, Max: corner.Add(image.Pt(320, 180))})
		if !ok {
			continue
		}
		found++
		begin := report.From.Add(time.Duration(n/2) * 500 * time.Millisecond)
		if drawn.Before(begin.Add(-51*time.Millisecond)) || drawn.After(begin.Add(500*time.Millisecond)) {
			t.Errorf("cell %d shows %v, which is not of the half second from %v on", n, drawn, begin)
		}
	}
	if found != report.Pictures {
		t.Errorf("%d cells of %d can be read", found, report.Pictures)
	}

	for _, o := range []engine.SheetOptions{
		{Dir: dir, Every: time.Millisecond, Output: filepath.Join(dir, "..", "x.png"), Range: nil},
		{Dir: dir, Every: time.Second, Output: file},
		{Dir: dir, Every: time.Second, Output: "x.gif"},
		{Dir: dir, Every: time.Second, Output: file, Overwrite: true, Cameras: []string{"nobody"}},
	} {
		if _, err := engine.Sheet(t.Context(), d, o); !fault.Is(err, fault.Usage) {
			t.Errorf("%v %s: %v", o.Every, o.Output, err)
		}
	}
}

func TestAPictureOfAMomentIsTheOneThatWasSeenThen(t *testing.T) {
	d := coding(t)
	dir := filepath.Join(t.TempDir(), "film")
	_, err := engine.Record(t.Context(), d, engine.RecordOptions{
		Dir: dir, Length: 8 * time.Second, Cameras: []journal.Camera{{Name: "a", URL: "testsrc://320x180@25?gop=2s&audio=none&pace=free"}},
	})
	if err != nil && !fault.Is(err, fault.Incomplete) {
		t.Fatal(err)
	}
	for _, offset := range []time.Duration{0, 20 * time.Millisecond, 1990 * time.Millisecond, 3 * time.Second, 5123 * time.Millisecond} {
		var at time.Time
		list, err := engine.Pictures(t.Context(), d, engine.PictureOptions{
			Dir: dir, Output: filepath.Join(t.TempDir(), "{recording}-{camera}.png"),
			At: func(w archive.Window) (time.Time, error) { at = w.From.Add(offset); return at, nil },
		})
		if err != nil || len(list) != 1 || filepath.Base(list[0].File) != "film-a.png" {
			t.Fatalf("%v: %v %+v", offset, err, list)
		}
		data, err := os.ReadFile(list[0].File)
		if err != nil {
			t.Fatal(err)
		}
		luma := lumaOf(t, data)
		drawn, ok := testcard.Read(luma, luma.Rect)
		if late := at.Sub(drawn); !ok || late < -time.Millisecond || late > 41*time.Millisecond {
			t.Errorf("%v in: the picture is of %v, %v before", offset, drawn, late)
		}
	}
	for _, o := range []engine.PictureOptions{
		{Dir: dir, Output: "a.gif"}, {Dir: dir, Output: filepath.Join(dir, "a.png")}, {Dir: dir, Output: "a.png", Cameras: []string{"b"}},
	} {
		if _, err := engine.Pictures(t.Context(), d, o); !fault.Is(err, fault.Usage) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestTheDelayOfATestPictureIsMeasured(t *testing.T) {
	d, e := deps(t)
	d.Coder = coderOf(t)
	s := serveAs(t, d, e, engine.ServeOptions{
		Paths: []engine.ServePath{{Name: "a", Camera: &journal.Camera{Name: "a", URL: "testsrc://320x180@25?gop=400ms&audio=none"}}},
	})
	var delays []time.Duration
	var last time.Time
	err := engine.WatchCards(t.Context(), d, engine.WatchOptions{
		Options: rtsp.Options{URL: s.rtsp + "a", Transport: rtsp.TCP},
		Seen: func(s engine.Sighting) bool {
			if !s.Drawn.After(last) || s.Arrived.After(s.Decoded) {
				t.Errorf("%+v after %v", s, last)
			}
			last = s.Drawn
			delays = append(delays, s.Decoded.Sub(s.Drawn))
			return len(delays) < 40
		},
		Unread: func(p media.Picture) { t.Error("a picture could not be read") },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, delay := range delays[20:] { // the first were held for who comes late
		if delay < 0 || delay > 20*time.Second {
			t.Errorf("a delay of %v", delay)
		}
	}
	t.Log("delays:", delays[20:25])
}
