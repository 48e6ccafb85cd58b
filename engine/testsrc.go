package engine

import (
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// A test source is a camera that is not there:
//
//	testsrc://[WIDTHxHEIGHT][@FPS][/CODEC][?OPTION=VALUE&...]
//
// Options: audio (aac, opus, pcma, pcmu, l16 or none), bitrate (500k, 2M), gop (2s), name,
// pace (real, or free: as fast as it is asked for), length (after which it ends), and
// drop=5s/1m: gone for the last 5 s of each minute.

// testScheme is what the URL of a test source begins with.
const testScheme = "testsrc"

// TestSourceForm is how the URL of a test source is written.
const TestSourceForm = "testsrc://640x360@25/h264?audio=aac&bitrate=500k&gop=2s&name=yard"

// IsTestSource reports whether a URL names a test picture.
func IsTestSource(address string) bool {
	scheme, _, found := strings.Cut(address, "://")
	return found && strings.EqualFold(scheme, testScheme)
}

// CheckTestSource fails with fault.Usage, and says what can be had, where the URL of a test
// source makes no sense.
func CheckTestSource(address string) error {
	_, err := parseTestSource(address)
	return err
}

// testSource is such a URL taken apart.
type testSource struct {
	width, height int
	fps           float64
	codec         media.Codec
	audio         media.Codec // empty: none
	bitrate       int         // bit/s
	gop           time.Duration
	name          string
	free          bool          // at no pace
	length        time.Duration // zero: no end
	gone, each    time.Duration // gone for the last part of each; zero: never
}

// Bounds and defaults of test sources.
const (
	testMinSide, testMaxSide = 16, 8192
	testMinRate, testMaxRate = 10_000, 200_000_000 // bit/s
	testMaxSpan              = 24 * time.Hour
)

var (
	testCodecs = []media.Codec{media.H264, media.H265, media.MJPEG, media.MPEG4}
	testSounds = []media.Codec{media.AAC, media.Opus, media.PCMA, media.PCMU, media.L16}
)

func parseTestSource(address string) (testSource, error) {
	t := testSource{width: 640, height: 360, fps: 25, codec: media.H264, audio: media.AAC, gop: 2 * time.Second, name: "test"}
	_, rest, _ := strings.Cut(address, "://")
	rest, query, _ := strings.Cut(rest, "?")
	form, codec, _ := strings.Cut(rest, "/")
	size, rate, hasRate := strings.Cut(form, "@")
	if size != "" {
		if err := t.setSize(size); err != nil {
			return t, err
		}
	}
	if hasRate {
		fps, err := strconv.ParseFloat(rate, 64)
		if err != nil || !(fps >= 1 && fps <= 240) {
			return t, fault.New(fault.Usage, "%q is no frame rate of a test picture: 1 to 240 frames a second", rate)
		}
		t.fps = fps
	}
	if codec = strings.ToLower(strings.Trim(codec, "/")); codec != "" {
		if !slices.Contains(testCodecs, media.Codec(codec)) {
			return t, fault.New(fault.Usage, "no test picture is %q: there are %s", codec, words(testCodecs))
		}
		t.codec = media.Codec(codec)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return t, fault.New(fault.Usage, "%q is no list of options: write %s", query, TestSourceForm)
	}
	options := t.options()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		set, known := options[key]
		if !known {
			return t, fault.New(fault.Usage, "a test picture has no option %q: there are %s", key, words(slices.Sorted(maps.Keys(options))))
		}
		for _, value := range values[key] {
			if err := set(value); err != nil {
				return t, fault.Because(key, err)
			}
		}
	}
	if t.bitrate == 0 {
		t.bitrate = t.usualRate()
	}
	return t, nil
}

func (t *testSource) setSize(size string) error {
	w, h, _ := strings.Cut(size, "x")
	width, errW := strconv.Atoi(w)
	height, errH := strconv.Atoi(h)
	switch {
	case errW != nil || errH != nil:
		return fault.New(fault.Usage, "%q is no size of a test picture: write %s", size, TestSourceForm)
	case min(width, height) < testMinSide || max(width, height) > testMaxSide || width%2+height%2 != 0:
		return fault.New(fault.Usage, "a test picture cannot be %dx%d: sides are even, from %d to %d", width, height, testMinSide, testMaxSide)
	}
	t.width, t.height = width, height
	return nil
}

// options are what may stand in the query.
func (t *testSource) options() map[string]func(value string) error {
	return map[string]func(string) error{
		"audio": func(v string) error {
			t.audio = media.Codec(strings.ToLower(v))
			if t.audio == "none" {
				t.audio = ""
			} else if !slices.Contains(testSounds, t.audio) {
				return fault.New(fault.Usage, "no test sound is %q: there are %s, none", v, words(testSounds))
			}
			return nil
		},
		"bitrate": func(v string) (err error) {
			t.bitrate, err = parseRate(v)
			return err
		},
		"gop":    testSpan(&t.gop, 10*time.Millisecond),
		"length": testSpan(&t.length, 10*time.Millisecond),
		"name":   func(v string) error { t.name = fault.OneLine(v); return nil },
		"pace": func(v string) error {
			if v != "real" && v != "free" {
				return fault.New(fault.Usage, "%q is no pace: there are real, free", v)
			}
			t.free = v == "free"
			return nil
		},
		"drop": func(v string) error {
			gone, each, ok := strings.Cut(v, "/")
			errGone, errEach := testSpan(&t.gone, 0)(gone), testSpan(&t.each, time.Second)(each)
			if !ok || errGone != nil || errEach != nil || t.gone >= t.each {
				return fault.New(fault.Usage, "%q does not say how long of what time it is gone: write 5s/1m", v)
			}
			return nil
		},
	}
}

// testSpan reads a span of at least so much into a field.
func testSpan(to *time.Duration, least time.Duration) func(string) error {
	return func(v string) error {
		d, err := time.ParseDuration(v)
		if seconds, plain := strconv.ParseFloat(v, 64); plain == nil && math.Abs(seconds) < 1e6 {
			d, err = time.Duration(seconds*float64(time.Second)), nil
		}
		if err != nil || d < least || d > testMaxSpan {
			return fault.New(fault.Usage, "%q is no span of time: write 2s or 1m30s, %v to %v", v, least, testMaxSpan)
		}
		*to = d
		return nil
	}
}

// parseRate reads bits a second, with k or M behind them.
func parseRate(text string) (int, error) {
	digits, unit := text, 1.0
	switch {
	case strings.HasSuffix(text, "k"), strings.HasSuffix(text, "K"):
		digits, unit = text[:len(text)-1], 1e3
	case strings.HasSuffix(text, "M"), strings.HasSuffix(text, "m"):
		digits, unit = text[:len(text)-1], 1e6
	}
	n, err := strconv.ParseFloat(digits, 64)
	if n *= unit; err != nil || !(n >= testMinRate && n <= testMaxRate) {
		return 0, fault.New(fault.Usage, "%q is no bitrate: write 500k or 2M, 10k to 200M", text)
	}
	return int(n), nil
}

// usualRate is what a card needs to look good.
func (t *testSource) usualRate() int {
	perPixel := 0.05
	if t.codec == media.MJPEG || t.codec == media.MPEG4 {
		perPixel = 0.2
	}
	rate := perPixel * float64(t.width*t.height) * math.Max(t.fps, 10)
	return int(min(max(rate, 100_000), 50_000_000))
}

func words[T ~string](list []T) string {
	text := make([]string, len(list))
	for i, w := range list {
		text[i] = string(w)
	}
	return strings.Join(text, ", ")
}
