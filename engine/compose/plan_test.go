package compose

import (
	"image"
	"image/color"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rtsprec/engine/fault"
	"rtsprec/presets"
)

func builtin(t testing.TB) *presets.Set {
	t.Helper()
	set, err := presets.Load()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func layout(t testing.TB, name string) presets.Layout {
	t.Helper()
	l, err := builtin(t).Layout(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func plan(t *testing.T, s Scene) *Plan {
	t.Helper()
	p, err := s.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var fullHD = image.Pt(1920, 1080)

// sound checks what every plan holds.
func soundPlan(t *testing.T, s Scene, p *Plan) {
	t.Helper()
	canvas := image.Rectangle{Max: s.Size}
	shown := map[int]bool{}
	for i, c := range p.Cells {
		for _, r := range []image.Rectangle{c.Dst, c.Inner} {
			if r.Empty() || !r.In(canvas) || r.Min.X%2+r.Min.Y%2+r.Max.X%2+r.Max.Y%2 != 0 {
				t.Errorf("%s: cell %s is %v", s.Layout.Name, c.ID, r)
			}
		}
		if !c.Inner.In(c.Dst) || c.Input < 0 || c.Input >= s.Inputs || shown[c.Input] {
			t.Errorf("%s: cell %s: %v in %v shows %d", s.Layout.Name, c.ID, c.Inner, c.Dst, c.Input)
		}
		shown[c.Input] = true
		if i > 0 && p.Cells[i-1].Z > c.Z {
			t.Errorf("%s: cell %s is drawn too late", s.Layout.Name, c.ID)
		}
		area := c.Inner.Dx() * c.Inner.Dy()
		for _, f := range c.Frame() {
			if f.Overlaps(c.Inner) {
				t.Errorf("cell %s: a frame at %v over %v", c.ID, f, c.Inner)
			}
			area += f.Dx() * f.Dy()
		}
		if area != c.Dst.Dx()*c.Dst.Dy() {
			t.Errorf("cell %s: picture and frame are %d pixels, the cell %v", c.ID, area, c.Dst)
		}
	}
	for _, input := range p.Hidden {
		if shown[input] {
			t.Errorf("input %d is hidden and shown", input)
		}
		shown[input] = true
	}
	if len(shown) != s.Inputs {
		t.Errorf("%s: %d of %d inputs are shown or hidden", s.Layout.Name, len(shown), s.Inputs)
	}
}

func TestEveryBuiltinLayoutIsSoundInEverySize(t *testing.T) {
	for _, l := range builtin(t).Layouts() {
		for _, size := range []image.Point{fullHD, {1280, 720}, {640, 360}, {720, 576}, {1080, 1920}, {8192, 8192}, {322, 182}, {1366, 768}} {
			for _, n := range []int{1, 2, 3, 4, 5, 7, 9, 12, 16, 64} {
				s := Scene{Layout: l, Size: size, Inputs: n, Speaker: -1}
				p, err := s.Plan()
				if err != nil {
					t.Errorf("%s, %v, %d inputs: %v", l.Name, size, n, err)
					continue
				}
				soundPlan(t, s, p)
			}
		}
	}
}

func TestSharedEdgesMeetWithoutHoles(t *testing.T) {
	for _, name := range []string{"grid-2x2", "grid-3x3", "single", "side-by-side", "grid"} {
		for _, size := range []image.Point{fullHD, {1280, 720}, {322, 182}, {1366, 768}, {634, 358}} {
			inputs := map[string]int{"grid-2x2": 4, "grid-3x3": 9, "single": 1, "side-by-side": 2, "grid": 16}[name]
			p := plan(t, Scene{Layout: layout(t, name), Size: size, Inputs: inputs, Speaker: -1})
			var covers []image.Rectangle
			for i, c := range p.Cells {
				covers = append(covers, c.Dst)
				for _, o := range p.Cells[:i] {
					if o.Dst.Overlaps(c.Dst) {
						t.Errorf("%s, %v: %s overlaps %s", name, size, o.ID, c.ID)
					}
				}
			}
			if bare := Bare(image.Rectangle{Max: size}, covers...); len(bare) > 0 {
				t.Errorf("%s, %v: nobody covers %v", name, size, bare)
			}
		}
	}
}

func TestThirdsThatWereTypedLeaveNoHole(t *testing.T) {
	l := presets.Layout{Name: "thirds", Cells: []presets.Cell{
		{ID: "a", X: 0, Y: 0, W: 0.333, H: 1}, {ID: "b", X: 0.333, Y: 0, W: 0.333, H: 1}, {ID: "c", X: 0.666, Y: 0, W: 0.333, H: 1},
	}}
	p := plan(t, Scene{Layout: l, Size: fullHD, Inputs: 3, Speaker: -1})
	if a, b, c := p.Cells[0].Dst, p.Cells[1].Dst, p.Cells[2].Dst; a.Max.X != b.Min.X || b.Max.X != c.Min.X || c.Max.X != 1920 {
		t.Errorf("%v %v %v", a, b, c)
	}
}

func TestCellsOfGridsAreExactPartsSoThatPicturesAreAveragedQuickly(t *testing.T) {
	for n, want := range map[int]image.Point{1: {1920, 1080}, 2: {960, 1080}, 4: {960, 540}, 9: {640, 360}, 16: {480, 270}} {
		p := plan(t, Scene{Layout: layout(t, "grid"), Size: fullHD, Inputs: n, Speaker: -1})
		for _, c := range p.Cells {
			if c.Dst.Size() != want {
				t.Errorf("%d inputs: cell %s has %v, want %v", n, c.ID, c.Dst.Size(), want)
			}
		}
	}
}

func TestALastRowThatIsNotFullStandsInTheMiddle(t *testing.T) {
	p := plan(t, Scene{Layout: layout(t, "grid"), Size: fullHD, Inputs: 5, Speaker: -1})
	last := p.Cells[4].Dst
	if left, right := p.Cells[3].Dst.Min.X, 1920-last.Max.X; left != right || left == 0 {
		t.Errorf("%d pixels at the left of the last row, %d at its right", left, right)
	}
}

func inputs(p *Plan) map[string]int {
	shown := map[string]int{}
	for _, c := range p.Cells {
		shown[c.ID] = c.Input
	}
	return shown
}

func TestInputsFillCellsInOrderUnlessSaidOtherwise(t *testing.T) {
	for _, c := range []struct {
		layout  string
		inputs  int
		assign  map[string]int
		speaker int
		want    string
		hidden  int
	}{
		{"pip", 2, nil, -1, "main=0 inset=1", 0},
		{"pip", 3, nil, -1, "main=0 inset=1", 1},
		{"pip", 1, nil, -1, "main=0", 0},
		{"pip", 2, map[string]int{"MAIN": 1}, -1, "main=1 inset=0", 0},
		{"pip", 3, nil, 2, "main=2 inset=1", 1},
		{"pip", 3, nil, 1, "main=1 inset=0", 1},
		{"pip", 2, map[string]int{"inset": 0}, 0, "main=0 inset=1", 0},
		{"speaker-strip", 4, nil, 2, "speaker=2 strip-1=1 strip-2=0 strip-3=3", 0},
		{"speaker-strip", 1, nil, -1, "speaker=0", 0},
		{"full", 3, nil, -1, "full=0 thumb-1=1 thumb-2=2", 0},
		{"grid", 3, nil, 2, "1=0 2=1 3=2", 0}, // no speaker there
		{"grid-2x2", 3, map[string]int{"bottom-right": 0}, -1, "top-left=1 top-right=2 bottom-right=0", 0},
	} {
		p := plan(t, Scene{Layout: layout(t, c.layout), Size: fullHD, Inputs: c.inputs, Assign: c.assign, Speaker: c.speaker})
		got := inputs(p)
		if len(strings.Fields(c.want)) != len(got) || len(p.Hidden) != c.hidden {
			t.Errorf("%+v: %v, hidden %v", c, got, p.Hidden)
		}
		for _, cell := range strings.Fields(c.want) {
			id, input, _ := strings.Cut(cell, "=")
			if string(rune('0'+got[id])) != input {
				t.Errorf("%+v: %v", c, got)
			}
		}
		if c.speaker >= 0 && c.layout != "grid" && p.Speaker != c.speaker {
			t.Errorf("%+v: the speaker is %d", c, p.Speaker)
		}
	}
}

func TestNotesSayWhoIsNotShown(t *testing.T) {
	p := plan(t, Scene{Layout: layout(t, "pip"), Size: fullHD, Inputs: 3, Speaker: 2})
	if notes := p.Notes([]string{"teacher", "student", "board"}); len(notes) != 1 || !strings.Contains(notes[0], "2 of 3") || !strings.Contains(notes[0], "teacher") {
		t.Errorf("%q", notes)
	}
	p = plan(t, Scene{Layout: layout(t, "grid-3x3"), Size: fullHD, Inputs: 3, Speaker: -1})
	if notes := p.Notes(nil); len(notes) != 0 || len(p.Empty) != 6 {
		t.Errorf("%q, empty %v", notes, p.Empty)
	}
}

func TestShownIsTheSizeOfTheLargestCell(t *testing.T) {
	p := plan(t, Scene{Layout: layout(t, "pip"), Size: fullHD, Inputs: 3, Speaker: -1})
	if a, b, c := p.Shown(0), p.Shown(1), p.Shown(2); a != fullHD || b.X < 400 || b.X > 480 || c != (image.Point{}) {
		t.Errorf("%v %v %v", a, b, c)
	}
}

func TestScenesThatMakeNoSenseAreRefused(t *testing.T) {
	pip := layout(t, "pip")
	cell := func(id string, x, y, w, h float64) presets.Cell { return presets.Cell{ID: id, X: x, Y: y, W: w, H: h} }
	nan := 0.0
	nan /= nan
	many := make([]presets.Cell, 1000)
	for i := range many {
		many[i] = cell(string(rune('a'+i%26))+strings.Repeat("x", i), 0, 0, 1, 1)
	}
	for what, s := range map[string]Scene{
		"an odd size":        {Layout: pip, Size: image.Pt(1921, 1080), Inputs: 1},
		"a tiny picture":     {Layout: pip, Size: image.Pt(2, 2), Inputs: 1},
		"a huge picture":     {Layout: pip, Size: image.Pt(10000, 10000), Inputs: 1},
		"no inputs":          {Layout: pip, Size: fullHD},
		"65 inputs":          {Layout: pip, Size: fullHD, Inputs: 65},
		"an unknown cell":    {Layout: pip, Size: fullHD, Inputs: 2, Assign: map[string]int{"corner": 0}},
		"an unknown input":   {Layout: pip, Size: fullHD, Inputs: 2, Assign: map[string]int{"main": 2}},
		"an input twice":     {Layout: pip, Size: fullHD, Inputs: 2, Assign: map[string]int{"main": 1, "inset": 1}},
		"a cell twice":       {Layout: pip, Size: fullHD, Inputs: 2, Assign: map[string]int{"main": 1, "Main": 0}},
		"no cells":           {Layout: presets.Layout{}, Size: fullHD, Inputs: 1},
		"two cells one name": {Layout: presets.Layout{Cells: []presets.Cell{cell("a", 0, 0, 1, 1), cell("A", 0, 0, 1, 1)}}, Size: fullHD, Inputs: 1},
		"a cell outside":     {Layout: presets.Layout{Cells: []presets.Cell{cell("a", 0.5, 0, 0.6, 1)}}, Size: fullHD, Inputs: 1},
		"a cell of nothing":  {Layout: presets.Layout{Cells: []presets.Cell{cell("a", 0, 0, 0, 1)}}, Size: fullHD, Inputs: 1},
		"no number":          {Layout: presets.Layout{Cells: []presets.Cell{cell("a", 0, 0, nan, 1)}}, Size: fullHD, Inputs: 1},
		"1000 cells":         {Layout: presets.Layout{Cells: many}, Size: fullHD, Inputs: 1},
		"nothing left":       {Layout: presets.Layout{Cells: []presets.Cell{cell("a", 0.5, 0, 0.01, 1)}}, Size: image.Pt(16, 16), Inputs: 1},
	} {
		if p, err := s.Plan(); !fault.Is(err, fault.Usage) || p != nil {
			t.Errorf("%s: %v, %v", what, p, err)
		}
	}
}

func TestPicturesFitFillOrAreCropped(t *testing.T) {
	for _, c := range []struct {
		fit      presets.Fit
		inner    image.Rectangle
		picture  image.Point
		pixel    float64
		src, dst image.Rectangle
	}{
		{presets.Whole, image.Rect(0, 0, 1920, 1080), image.Pt(1280, 720), 1, image.Rect(0, 0, 1280, 720), image.Rect(0, 0, 1920, 1080)},
		{presets.Whole, image.Rect(0, 0, 1920, 1080), image.Pt(640, 480), 1, image.Rect(0, 0, 640, 480), image.Rect(240, 0, 1680, 1080)},
		{presets.Whole, image.Rect(0, 0, 960, 1080), image.Pt(1920, 1080), 1, image.Rect(0, 0, 1920, 1080), image.Rect(0, 270, 960, 810)},
		{presets.Stretch, image.Rect(0, 0, 960, 1080), image.Pt(1920, 1080), 1, image.Rect(0, 0, 1920, 1080), image.Rect(0, 0, 960, 1080)},
		{presets.Crop, image.Rect(0, 0, 1080, 1080), image.Pt(1920, 1080), 1, image.Rect(420, 0, 1500, 1080), image.Rect(0, 0, 1080, 1080)},
		{presets.Crop, image.Rect(0, 0, 1920, 1080), image.Pt(720, 720), 1, image.Rect(0, 156, 720, 562), image.Rect(0, 0, 1920, 1080)},
		// PAL for a wide screen: 720x576 of pixels 64:45.
		{presets.Whole, image.Rect(0, 0, 1920, 1080), image.Pt(720, 576), 64.0 / 45, image.Rect(0, 0, 720, 576), image.Rect(0, 0, 1920, 1080)},
		// 1080 lines coded as 1088 are no reason for bars.
		{presets.Whole, image.Rect(0, 0, 480, 270), image.Pt(1920, 1088), 1, image.Rect(0, 0, 1920, 1088), image.Rect(0, 0, 480, 270)},
		{presets.Whole, image.Rect(0, 0, 1920, 1080), image.Point{}, 1, image.Rectangle{}, image.Rectangle{}},
	} {
		src, dst := Placed{Fit: c.fit, Inner: c.inner}.Place(c.picture, c.pixel)
		if src != c.src || dst != c.dst {
			t.Errorf("%s of %v into %v: %v to %v, want %v to %v", c.fit, c.picture, c.inner, src, dst, c.src, c.dst)
		}
	}
}

func TestPlacesAreInsideWhateverThePicture(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		inner := image.Rect(0, 0, 2+2*r.IntN(1000), 2+2*r.IntN(1000)).Add(image.Pt(2*r.IntN(100), 2*r.IntN(100)))
		size := image.Pt(1+r.IntN(1<<r.IntN(14)), 1+r.IntN(1<<r.IntN(14)))
		pixel := r.ExpFloat64() * float64(r.IntN(3)-1)
		fit := presets.Fits[r.IntN(3)]
		src, dst := Placed{Fit: fit, Inner: inner}.Place(size, pixel)
		if src.Empty() || dst.Empty() || !src.In(image.Rectangle{Max: size}) || !dst.In(inner) ||
			dst.Min.X%2+dst.Min.Y%2+dst.Max.X%2+dst.Max.Y%2 != 0 {
			t.Fatalf("%s of %v (pixel %v) into %v: %v to %v", fit, size, pixel, inner, src, dst)
		}
	}
}

func TestBareIsExactlyWhatNobodyCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		area := image.Rect(0, 0, 24, 16)
		var covers []image.Rectangle
		for range r.IntN(6) {
			covers = append(covers, image.Rect(r.IntN(30)-3, r.IntN(20)-2, r.IntN(30)-3, r.IntN(20)-2))
		}
		left := Bare(area, covers...)
		for y := range area.Max.Y {
			for x := range area.Max.X {
				at := image.Pt(x, y)
				covered := slices.ContainsFunc(covers, func(c image.Rectangle) bool { return at.In(c) })
				times := 0
				for _, l := range left {
					if at.In(l) {
						times++
					}
				}
				if covered && times != 0 || !covered && times != 1 {
					t.Fatalf("%v is in %d of %v; covers %v", at, times, left, covers)
				}
			}
		}
	}
}

func TestBordersAreEvenAndLeaveRoom(t *testing.T) {
	l := presets.Layout{Name: "framed", Cells: []presets.Cell{{ID: "a", W: 1, H: 1, Look: presets.Look{Border: presets.Border{Pixels: 5, Color: color.NRGBA{1, 2, 3, 255}}}}}}
	p := plan(t, Scene{Layout: l, Size: fullHD, Inputs: 1, Speaker: -1})
	if c := p.Cells[0]; c.Inner != image.Rect(6, 6, 1914, 1074) || c.Border != (color.NRGBA{1, 2, 3, 255}) {
		t.Errorf("%+v", c)
	}
	l.Cells[0].Border = presets.Border{Fraction: 0.1}
	if c := plan(t, Scene{Layout: l, Size: image.Pt(16, 16), Inputs: 1, Speaker: -1}).Cells[0]; c.Inner != image.Rect(2, 2, 14, 14) {
		t.Errorf("%+v", c)
	}
}

// FuzzLayoutsGivePlansInsideTheCanvas holds that a file of presets is refused with its
// lines, or gives layouts that are sound in any size with any inputs.
func FuzzLayoutsGivePlansInsideTheCanvas(f *testing.F) {
	for _, l := range builtin(f).Layouts() {
		f.Add(l.YAML(), uint16(960), uint16(540), uint8(5))
	}
	f.Add("layouts: {a: {rest: {flow: column, x: 10%, w: 1/3}}}", uint16(9), uint16(9), uint8(40))
	f.Add("layouts: {a: {cells: [{w: 0.01, h: 0.01, border: {width: 0.1}}]}}", uint16(8), uint16(8), uint8(1))
	f.Fuzz(func(t *testing.T, text string, w, h uint16, inputs uint8) {
		set, err := presets.Load(presets.Dir{Name: "own", FS: file(text)})
		if err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				if !strings.HasPrefix(line, "own/a.yaml:") {
					t.Errorf("a mistake without its place: %q", line)
				}
			}
		}
		for _, l := range set.Layouts() {
			if !l.Own() {
				continue
			}
			s := Scene{Layout: l, Size: image.Pt(2*int(w%4097), 2*int(h%4097)), Inputs: int(inputs), Speaker: int(inputs)/2 - 1}
			p, err := s.Plan()
			if err != nil {
				if !fault.Is(err, fault.Usage) {
					t.Error(err)
				}
				continue
			}
			soundPlan(t, s, p)
		}
	})
}
