package presets

import (
	"fmt"
	"image"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/settings"
)

func files(named ...string) fs.FS {
	m := fstest.MapFS{}
	for i := 0; i < len(named); i += 2 {
		m[named[i]] = &fstest.MapFile{Data: []byte(named[i+1])}
	}
	return m
}

func own(text string) Dir { return Dir{Name: "own", FS: files("a.yaml", text)} }

func load(t testing.TB, dirs ...Dir) *Set {
	t.Helper()
	s, err := Load(dirs...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEverybodyHasTheseNames(t *testing.T) {
	s := load(t)
	for _, name := range []string{
		"single", "grid", "grid-2x2", "grid-3x3", "side-by-side", "pip", "pip-top-left", "pip-top-right",
		"pip-bottom-left", "pip-bottom-right", "speaker", "speaker-strip", "full",
	} {
		l, err := s.Layout(name)
		if err != nil || l.About == "" || l.Own() || len(l.Cells) > 0 && l.Speaker != l.Cells[0].ID {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
	for _, name := range []string{"lecture", "meeting", "surveillance", "archive", "low-latency"} {
		e, err := s.Encoder(name)
		if err != nil || e.About == "" {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
		// A cell of a wall or a film of four times the size: rates rise, and not beyond reason.
		small, large := e.Bitrate(640, 360, 25), e.Bitrate(1920, 1080, 25)
		if small < 300_000 || large < 2*small || large > 10_000_000 {
			t.Errorf("%s: %d at 360 lines, %d at 1080", name, small, large)
		}
	}
	if e, _ := s.Encoder("LOW-latency"); !e.LowLatency || e.BFrames > 0 || e.Buffer > 300*time.Millisecond {
		t.Errorf("%+v", e)
	}
	l, err := s.Ladder("standard")
	want := []Rung{{1920, 1080, 30, 0, false}, {1280, 720, 25, 0, false}, {960, 540, 20, 0, false}, {640, 360, 15, 0, false}, {0, 0, 0, 0, true}}
	for i := range l.Rungs {
		want[i].Bitrate = l.Rungs[i].Bitrate
	}
	if err != nil || !slices.Equal(l.Rungs, want) {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestAMissingNameListsWhatThereIs(t *testing.T) {
	s := load(t)
	_, err := s.Layout("pipp")
	if !fault.Is(err, fault.Usage) || !strings.Contains(err.Error(), `no layout "pipp"`) || !strings.Contains(err.Error(), "grid-2x2, ") {
		t.Error(err)
	}
	_, err = s.Encoder("")
	if !fault.Is(err, fault.Usage) || !strings.Contains(err.Error(), "low-latency") {
		t.Error(err)
	}
}

func TestTheUsersOwnReplaceAndAdd(t *testing.T) {
	s := load(t, Dir{"own", files(
		"b.yml", "layouts: {mine: {cells: [{id: a, w: 50%}]}}",
		"a.yaml", "\nlayouts:\n  pip: {about: mine, rest: {}}\nladders:\n  standard: {rungs: [{size: 640x360, fps: 10, bitrate: 1M}, {bitrate: 9k, key_frames_only: true}]}",
		"notes.txt", "not YAML: [", ".hidden.yaml", "[", "folder.yaml/x", "",
	)}, Dir{"none", fstest.MapFS{}})
	pip, _ := s.Layout("pip")
	if pip.About != "mine" || pip.Origin != (Origin{"own/a.yaml", 3, true}) || pip.Rest == nil || pip.Speaker != "" {
		t.Errorf("%+v", pip)
	}
	mine, err := s.Layout("mine")
	if err != nil || mine.Origin != (Origin{"own/b.yml", 1, false}) || mine.Cells[0].W != 0.5 || mine.Speaker != "a" {
		t.Errorf("%+v, %v", mine, err)
	}
	names := []string{}
	for _, l := range s.Layouts() {
		names = append(names, l.Name)
	}
	if n := len(load(t).Layouts()); len(names) != n+1 || names[n] != "mine" || names[5] != "pip" {
		t.Errorf("%v", names)
	}
	if l, _ := s.Ladder("standard"); len(l.Rungs) != 2 || !l.Replaces {
		t.Errorf("%+v", l)
	}
}

func TestADirectoryThatIsNotThereHoldsNothing(t *testing.T) {
	if _, err := Load(Dir{"gone", fstest.MapFS{}}, Dir{"/nowhere", missing{}}); err != nil {
		t.Error(err)
	}
}

type missing struct{}

func (missing) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func TestCellsBeginAsTheLayoutSays(t *testing.T) {
	l, _ := load(t, own(`
layouts:
  mine:
    fit: crop
    background: "#102030"
    border: {width: 2%, color: red}
    label: {text: "{date} {time}", at: top}
    cells:
      - {id: a, w: 1/3, z: 3}
      - {id: b, x: 2/3, w: 1/3, fit: fill, border: {width: 4px}, label: {show: false, size: 0.1}, cell_background: white}
`)).Layout("mine")
	a, b := l.Cells[0], l.Cells[1]
	if a.Fit != Crop || a.Z != 3 || a.Border.Fraction != 0.02 || a.Border.Color.R != 220 || !a.Label.Show || a.Label.At != "top" || a.Label.Size != 0.06 || a.Background != l.Background {
		t.Errorf("%+v", a)
	}
	if b.Fit != Stretch || b.Z != 0 || b.Border.Pixels != 4 || b.Border.Fraction != 0 || b.Border.Color.R != 220 || b.Label.Show || b.Label.Text != "{date} {time}" || b.Label.Size != 0.1 || b.Background.R != 255 {
		t.Errorf("%+v", b)
	}
}

// TestEveryMistakeIsToldWithItsLine has a mistake in each line that ends in "#!", and what
// is said about it behind.
func TestEveryMistakeIsToldWithItsLine(t *testing.T) {
	text := `layouts:
  "two words": {rest: {}}              #! is no name
  nothing: {about: x}                  #! neither cells nor a rest
  mine:
    abuot: x                           #! is it "about"?
    background: "#10203040"            #! transparent
    speaker: c                         #! no cell "c"
    fit: cover                         #! none of fit, fill, crop
    cells:
      - {id: a, x: 0.5, w: 0.6}        #! beyond the right edge
      - {id: A, y: 0.9, h: 0.2}        #! beyond the lower edge
      - id: b
        w: 0                           #! no fraction from 0.01 to 1
        h: .nan                        #! no fraction
        x: -1                          #! no fraction
        y: 1/0                         #! no fraction
        z: 1.5                         #! no whole number
      - {id: d, border: {width: 5}}    #! no fraction from 0 to 0.1
      - {id: e, border: {width: 999px}}   #! number of pixels
      - {id: f, border: {color: "#12"}}   #! no colour
      - {id: g, label: {text: "{day}"}}   #! there are {name}, {time}
      - {id: h, label: {at: left}}     #! none of top-left
      - {id: h, label: {size: 0.9}}    #! no fraction from 0.01 to 0.5
      - {id: rest-1}
    rest: {id: rest, flow: diagonal}   #! none of grid, row, column
  mine: {rest: {}}                     #! there twice
encoders:
  none: {}                             #! has no rates
  fast:
    rates: {720: 2M, 1080: 1M}         #! fewer lines more
    speed: quick                       #! none of ultrafast
    gop: 1h                            #! no time from
    video: av1                         #! none of h264
    quality: 60                        #! from 1 to 51
    fps: .inf                          #! no number from 1 to 240
    peak: 0.5                          #! no number from 1 to 10
    size: 1281x720                     #! no size
    audio: mp3                         #! none of aac, opus, none
    audio_bitrate: 1G                  #! no bitrate
    channels: 6                        #! from 1 to 2
  late: {rates: {720: 2M}, low_latency: true, b_frames: 2}  #! wait for later pictures
  odd: {rates: {7: 2M, high: 1M}}      #! no height
  pro: {rates: {720: 2M}, video: h265, profile: high}  #! no profile
ladders:
  short: {rungs: [{size: 640x360, fps: 10, bitrate: 1M}]}   #! has 1 rungs
  rising:
    rungs:
      - {size: 640x360, fps: 10, bitrate: 1M}
      - {size: 640x360, fps: 10, bitrate: 1M}   #! rates have to fall
      - {size: 1280x720, fps: 10, bitrate: 500k}   #! larger or faster
      - {size: 320x180, fps: 10}       #! no bitrate
      - {bitrate: 100k}                #! no size or no fps
      - {bitrate: 90k, key_frames_only: true, fps: 5}  #! key frames only, and has
      - {bitrate: 70k, size: 320x180, fps: 5}   #! the last there can be
colours: {}                            #! no key "colours"
`
	s, err := Load(own(text))
	if !fault.Is(err, fault.Usage) {
		t.Fatal(err)
	}
	said := map[int]string{}
	for _, line := range strings.Split(err.Error(), "\n") {
		var n int
		if _, failed := fmt.Sscanf(line, "own/a.yaml:%d: ", &n); failed != nil {
			t.Errorf("no place: %q", line)
		}
		said[n] += line + "\n"
	}
	for i, line := range strings.Split(text, "\n") {
		_, want, wrong := strings.Cut(line, "#! ")
		switch {
		case wrong && !strings.Contains(said[i+1], want):
			t.Errorf("line %d, %s: %q", i+1, line, said[i+1])
		case !wrong && said[i+1] != "":
			t.Errorf("line %d, %s: %q", i+1, line, said[i+1])
		}
	}
	if len(s.Layouts()) != len(load(t).Layouts()) {
		t.Error("a layout with mistakes was taken")
	}
}

func TestHostileFilesAreRefused(t *testing.T) {
	thousand := "layouts: {big: {cells: [" + strings.Repeat("{w: 1/2},", 1000) + "]}}"
	for what, dir := range map[string]Dir{
		"1000 cells":     own(thousand),
		"no YAML":        own("layouts: ["),
		"a list":         own("- a\n- b"),
		"two documents":  own("layouts: {}\n---\nlayouts: {}"),
		"a large file":   {"own", files("a.yaml", strings.Repeat("#\n", 1<<20))},
		"a cell is text": own("layouts: {a: {cells: [x]}}"),
		"an anchor":      own("layouts: {a: &x {rest: {}}, b: *x}"),
	} {
		if _, err := Load(dir); !fault.Is(err, fault.Usage) || !strings.HasPrefix(err.Error(), "own/a.yaml:") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestRatesFollowSizeAndPace(t *testing.T) {
	e := Encoder{Rates: []Rate{{360, 800_000}, {720, 2_400_000}, {1080, 4_500_000}}, Peak: 1.5, Buffer: time.Second, Video: media.H264}
	for _, c := range []struct {
		w, h int
		fps  float64
		want float64
	}{
		{1280, 720, 30, 2.4e6}, {1920, 1080, 30, 4.5e6}, {640, 360, 30, 0.8e6}, {1920, 1080, 7.5, 2.25e6},
		{720, 1280, 30, 2.4e6}, {3840, 2160, 30, 4.5e6 * math.Pow(4, 0.75)}, {320, 180, 30, 0.8e6 * math.Pow(0.25, 0.75)},
		{1920, 1080, 0, 4.5e6}, {1920, 1080, math.NaN(), 4.5e6}, {0, 0, 30, 16e3}, {-5, 5, 30, 16e3}, {16, 16, 1, 16e3},
	} {
		if got := e.Bitrate(c.w, c.h, c.fps); math.Abs(float64(got)-c.want) > 2 {
			t.Errorf("%dx%d at %v: %d, want %.0f", c.w, c.h, c.fps, got, c.want)
		}
	}
	last := 0
	for h := 16; h < 5000; h += 16 {
		rate := e.Bitrate(h*16/9, h, 30)
		if rate < last || rate > MaxBitrate {
			t.Fatalf("%d lines get %d, fewer lines %d", h, rate, last)
		}
		last = rate
	}
	o := e.Picture(1280, 720, 25)
	if o.Bitrate != e.Bitrate(1280, 720, 25) || o.MaxBitrate != int(float64(o.Bitrate)*1.5) || o.Width != 1280 || o.Codec != media.H264 {
		t.Errorf("%+v", o)
	}
	e.Quality = 23
	if o := e.Picture(1280, 720, 25); o.Bitrate != 0 || o.Quality != 23 || o.MaxBitrate == 0 {
		t.Errorf("%+v", o)
	}
	if s := (Encoder{Audio: media.AAC, AudioBitrate: 96000, Channels: 2}).Sound(0); s.Format.Rate != 48000 || s.Format.Channels != 2 || s.Bitrate != 96000 {
		t.Errorf("%+v", s)
	}
}

func TestAPresetBoundsSizeAndPaceAndKeepsTheShape(t *testing.T) {
	e := Encoder{Size: image.Pt(1280, 720), FPS: 15}
	for _, c := range []struct {
		w, h  int
		fps   float64
		wantW int
		wantH int
		want  float64
	}{
		{1920, 1080, 30, 1280, 720, 15}, {640, 480, 10, 640, 480, 10}, {1440, 1080, 0, 960, 720, 15}, {1080, 1920, 15, 406, 720, 15}, {8192, 16, 5, 1280, 2, 5},
	} {
		if w, h, fps := e.Within(c.w, c.h, c.fps); w != c.wantW || h != c.wantH || fps != c.want {
			t.Errorf("%dx%d at %v: %dx%d at %v", c.w, c.h, c.fps, w, h, fps)
		}
	}
}

// TestTheExampleHasEveryKey holds that the file that is packed documents all there is.
func TestTheExampleHasEveryKey(t *testing.T) {
	text, err := os.ReadFile("../packaging/presets.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{File: settings.File{Name: "presets.yaml"}, own: true, set: &Set{}}
	root, _ := r.Root(text)
	r.file(root)
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	look := r.look(&Look{}) // which stands where it counts for all cells
	for _, key := range r.Unmet() {
		of, name, _ := strings.Cut(key, ".")
		if _, shared := look[name]; !shared || of != "cells" && of != "rest" {
			t.Errorf("the example does not show %s", key)
		}
	}
	sameAgain(t, r.set, false)
}

// written is everything there is in a set, or what is the user's of it, as files.
func written(s *Set, plain, all bool) (texts []string) {
	type preset interface {
		from() Origin
		YAML() string
		Plain() string
	}
	var list []preset
	for _, l := range s.Layouts() {
		list = append(list, l)
	}
	for _, e := range s.Encoders() {
		list = append(list, e)
	}
	for _, l := range s.Ladders() {
		list = append(list, l)
	}
	for _, one := range list {
		switch {
		case !all && !one.from().Own():
		case plain:
			texts = append(texts, one.Plain())
		default:
			texts = append(texts, one.YAML())
		}
	}
	return texts
}

// sameAgain checks that what is written reads as what it was written from.
func sameAgain(t *testing.T, s *Set, all bool) {
	t.Helper()
	want := strings.Join(written(s, false, all), "")
	for _, plain := range []bool{false, true} {
		var dirs []Dir
		for _, text := range written(s, plain, all) {
			dirs = append(dirs, own(text))
		}
		again, err := Load(dirs...)
		if err != nil {
			t.Fatalf("%v\n%s", err, strings.Join(written(s, plain, all), ""))
		}
		if got := strings.Join(written(again, false, all), ""); got != want {
			t.Errorf("written:\n%s\nread and written again:\n%s", want, got)
		}
	}
}

func TestAWrittenPresetReadsAsWhatItWas(t *testing.T) { sameAgain(t, load(t), true) }

// FuzzPresetsFromAnywhere holds that a file is refused with lines that name it, or holds
// presets that can be written and read again.
func FuzzPresetsFromAnywhere(f *testing.F) {
	for _, text := range written(load(f), false, true) {
		f.Add(text)
	}
	f.Add("layouts: {a: {rest: {most: 3}, about: \"\\x7f\\u0085 é\"}}")
	f.Add("encoders: {a: {rates: {100: 8k}, gop: 1.5, buffer: 0.3, fps: 30000/1001, audio: none}}")
	f.Add("? [a]\n: {b: c}\n<<: {a: b}\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Load(own(text))
		if err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				if !strings.HasPrefix(line, "own/a.yaml:") {
					t.Errorf("a mistake without its file: %q", line)
				}
			}
		}
		sameAgain(t, s, false)
	})
}
