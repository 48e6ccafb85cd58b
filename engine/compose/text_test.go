package compose

import (
	"image"
	"image/color"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/image/font"

	"rtsprec/presets"
)

func newTestLabels(t testing.TB) *Labels {
	t.Helper()
	l, err := NewLabels()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func labelled(size image.Point, at presets.Position, fraction float64) Placed {
	r := image.Rectangle{Max: size}.Add(image.Pt(100, 200))
	return Placed{Dst: r, Inner: r, Label: presets.Label{
		Show: true, At: at, Size: fraction, Color: color.NRGBA{255, 255, 255, 255}, Box: color.NRGBA{0, 0, 0, 128},
	}}
}

// lit counts the pixels that are nearly white.
func lit(img *image.NRGBA) (n int) {
	for i := 0; i < len(img.Pix); i += 4 {
		if img.Pix[i] > 200 && img.Pix[i+3] > 200 {
			n++
		}
	}
	return n
}

func TestALabelStandsInItsCellAndIsReadable(t *testing.T) {
	l := newTestLabels(t)
	for _, size := range []image.Point{{1920, 1080}, {640, 360}, {320, 180}, {160, 90}} {
		for _, at := range presets.Positions {
			c := labelled(size, at, 0.06)
			img, corner := l.Label(c, "teacher  12:34:56")
			if img == nil {
				t.Fatalf("%v: nothing", size)
			}
			where := img.Rect.Add(corner)
			if !where.In(c.Inner) || corner.X%2+corner.Y%2 != 0 || img.Rect.Min != (image.Point{}) {
				t.Errorf("%v, %s: at %v", size, at, where)
			}
			if n := lit(img); n < 60 {
				t.Errorf("%v: %d pixels of text", size, n)
			}
			left, right := where.Min.X-c.Inner.Min.X, c.Inner.Max.X-where.Max.X
			if strings.HasSuffix(string(at), "left") && left > right || strings.HasSuffix(string(at), "right") && right > left {
				t.Errorf("%v: %s is at %v of %v", size, at, where, c.Inner)
			}
		}
	}
}

func TestALongTextIsShortenedToItsCell(t *testing.T) {
	l := newTestLabels(t)
	c := labelled(image.Pt(320, 180), "bottom-left", 0.1)
	img, _ := l.Label(c, strings.Repeat("a very long name ", 20))
	if img.Rect.Dx() > 320 {
		t.Errorf("%d pixels wide", img.Rect.Dx())
	}
	face := l.face(18)
	if short := shorten(face, strings.Repeat("name", 40), 200); !strings.HasSuffix(short, "…") || font.MeasureString(face, short).Ceil() > 200 {
		t.Errorf("%q", short)
	}
	if same := shorten(face, "name", 200); same != "name" {
		t.Errorf("%q", same)
	}
}

func TestTheSameTextIsTheSameImage(t *testing.T) {
	l := newTestLabels(t)
	c := labelled(image.Pt(640, 360), "top", 0.08)
	second := func(at time.Time) *image.NRGBA {
		c.Label.Text = "{name} {time}"
		img, _ := l.Label(c, Expand(c.Label, "gate", at, time.UTC))
		return img
	}
	a, b, d := second(noon), second(noon.Add(999*time.Millisecond)), second(noon.Add(time.Second))
	if a != b || a == d {
		t.Error("a label is drawn once a second")
	}
	for i := range 3 * maxDrawn {
		l.Label(c, strconv.Itoa(i))
		if len(l.drawn) > maxDrawn {
			t.Fatalf("%d images are remembered", len(l.drawn))
		}
	}
	for h := range 500 {
		l.face(h + 4)
	}
	if len(l.faces) > maxFaces {
		t.Errorf("%d faces", len(l.faces))
	}
}

func TestTimesAreThoseOfThePlace(t *testing.T) {
	zone := time.FixedZone("XST", 5400)
	l := presets.Label{Text: "{name}: {date} {time} {zone}"}
	if got := Expand(l, "{time}", noon, zone); got != "{time}: 2026-03-04 13:30:00 XST" {
		t.Errorf("%q", got)
	}
	l.UTC = true
	if got := Expand(l, "a", noon, zone); got != "a: 2026-03-04 12:00:00 UTC" {
		t.Errorf("%q", got)
	}
}

func TestALabelThatIsOffOrEmptyIsNothing(t *testing.T) {
	l := newTestLabels(t)
	c := labelled(image.Pt(640, 360), "top", 0.08)
	if img, _ := l.Label(c, " \x01"); img != nil {
		t.Error("an empty label")
	}
	c.Label.Show = false
	if img, _ := l.Label(c, "x"); img != nil {
		t.Error("a label that is off")
	}
}

func TestASlateNamesTheInputAndWhatIsWrong(t *testing.T) {
	l := newTestLabels(t)
	for _, size := range []image.Point{{1920, 1080}, {160, 90}, {40, 30}, {2, 2}} {
		c := labelled(size, "top", 0.1)
		img, at := l.Slate(c, "teacher", "no picture since 12:00:03")
		if img == nil {
			if size.X > 40 {
				t.Errorf("%v: no slate", size)
			}
			continue
		}
		if where := img.Rect.Add(at); !where.In(c.Inner) {
			t.Errorf("%v: at %v", size, where)
		}
	}
}

// FuzzAnyTextIsDrawnInItsCell holds that no text, of any alphabet or none, breaks a label or
// leaves its cell.
func FuzzAnyTextIsDrawnInItsCell(f *testing.F) {
	f.Add("teacher", uint16(640), uint16(360), uint8(10))
	f.Add("先生 – учитель – מורה 👩‍🏫\xff\x00\u202e", uint16(100), uint16(40), uint8(49))
	f.Add("\u0301\u0301\u0301", uint16(2), uint16(2), uint8(1))
	l := newTestLabels(f)
	f.Fuzz(func(t *testing.T, text string, w, h uint16, size uint8) {
		c := labelled(image.Pt(2+int(w%2000), 2+int(h%2000)), presets.Positions[int(size)%len(presets.Positions)], float64(size)/200)
		if img, at := l.Label(c, text); img != nil && (img.Rect.Dx() > c.Inner.Dx() || !img.Rect.Add(at).In(c.Inner)) {
			t.Errorf("%q in %v: %v at %v", text, c.Inner, img.Rect, at)
		}
		if img, at := l.Slate(c, text, text); img != nil && !img.Rect.Add(at).In(c.Inner) {
			t.Errorf("a slate for %q in %v: %v at %v", text, c.Inner, img.Rect, at)
		}
		if got := printable(text); !utf8.ValidString(got) {
			t.Errorf("%q", got)
		}
	})
}
