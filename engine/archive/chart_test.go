package archive

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

var chartStart = time.Date(2026, 3, 4, 8, 0, 0, 0, time.UTC)

func minute(m float64) time.Time {
	return chartStart.Add(time.Duration(m * float64(time.Minute)))
}

// charted is a recording of two hours with everything in it that there can be.
func charted() *Recording {
	media1 := func(name string, stretches ...float64) []*Segment {
		var list []*Segment
		for i := 0; i+1 < len(stretches); i += 2 {
			s := &Segment{Camera: name, N: uint64(i), Sealed: true, Start: minute(stretches[i]), End: minute(stretches[i+1])}
			s.Tracks = []SegmentTrack{{Track: journal.Track{Codec: media.H264}, Start: s.Start, End: s.End, Units: 25 * int64(s.End.Sub(s.Start)/time.Second)}}
			list = append(list, s)
		}
		return list
	}
	gap := func(from, to float64, causes ...media.Cause) Gap {
		return Gap{ID: 1, From: minute(from), To: minute(to), Causes: media.Because(causes...), decides: true}
	}
	return &Recording{
		Dir: "/srv/lessons/math-101", State: Closed, Window: Window{From: minute(0), To: minute(120), Closed: true},
		Cameras: []*Camera{
			{
				Name: "teacher", Segments: media1("teacher", 0, 40, 48, 90, 90.005, 120),
				Gaps: []Gap{gap(40, 48, media.Unreachable), gap(90, 90.005, media.Loss)},
			},
			{
				Name: "student", Segments: media1("student", 0.2, 30, 30, 33, 33, 60, 75, 118),
				Gaps:   []Gap{gap(60, 75, media.ProcessDown), gap(118, 120, media.Unreachable, media.Stopped)},
				Leads:  []Lead{{From: minute(0), To: minute(0.2), Waited: true}},
				Filled: []Filled{{From: minute(30), To: minute(33)}},
				Damage: []Damage{{From: minute(100), To: minute(101)}},
			},
			{
				Name: "board, as it is seen from the very back of the room", Segments: media1("b", 20, 70, 100, 120),
				Gaps:   []Gap{gap(70, 84, media.DiskFull)},
				Pruned: []Pruned{{From: minute(0), To: minute(20)}},
			},
		},
	}
}

func drawn(t *testing.T, r *Recording, o ChartOptions) *image.NRGBA {
	t.Helper()
	data, err := r.Chart(o)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if name := os.Getenv("CHART"); name != "" {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	n, ok := img.(*image.NRGBA)
	if !ok { // an opaque picture is written without alpha
		n = image.NewNRGBA(img.Bounds())
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				n.Set(x, y, img.At(x, y))
			}
		}
	}
	return n
}

// barOf is the area of the i-th row's bar.
func barOf(img *image.NRGBA, i int) image.Rectangle {
	top := chartMargin + chartText + chartMargin + i*chartStep
	return image.Rect(chartMargin+min(chartNames, img.Rect.Dx()/4), top, img.Rect.Dx()-chartMargin, top+chartBar)
}

func shade(k chartKind) color.NRGBA { c, _, _ := k.look(); return c }

func TestAChartShowsWhatEachMinuteIs(t *testing.T) {
	img := drawn(t, charted(), ChartOptions{})
	for _, c := range []struct {
		row  int
		at   float64 // minutes
		want chartKind
	}{
		{0, 20, chartMedia}, {0, 44, chartCamera}, {0, 60, chartMedia}, {0, 119, chartMedia},
		{1, 15, chartMedia}, {1, 31.5, chartFilled}, {1, 67, chartDown}, {1, 100.5, chartDamage}, {1, 119, chartCamera},
		{2, 40, chartMedia}, {2, 77, chartDisk}, {2, 110, chartMedia},
	} {
		bar := barOf(img, c.row)
		x := bar.Min.X + int(c.at/120*float64(bar.Dx()))
		if got := img.NRGBAAt(x, bar.Min.Y+chartBar/2); got != shade(c.want) {
			_, name, _ := c.want.look()
			t.Errorf("row %d at minute %v: %v, want %s %v", c.row, c.at, got, name, shade(c.want))
		}
	}
}

func TestAGapOfAMomentIsSeenInALongRecording(t *testing.T) {
	img := drawn(t, charted(), ChartOptions{})
	bar := barOf(img, 0)
	seen := 0
	for x := bar.Min.X; x < bar.Max.X; x++ {
		if img.NRGBAAt(x, bar.Min.Y+chartBar/2) == shade(chartLoss) {
			seen++
		}
	}
	if seen < 2 {
		t.Errorf("0.3 s missing in two hours are %d pixels", seen)
	}
}

func TestAChartOfARangeShowsOnlyThat(t *testing.T) {
	img := drawn(t, charted(), ChartOptions{From: minute(41), To: minute(47), Cameras: []string{"teacher"}, Width: 640})
	if img.Rect.Dx() != 640 || img.Rect.Dy() > 250 {
		t.Errorf("%v", img.Rect)
	}
	bar := barOf(img, 0)
	for x := bar.Min.X; x < bar.Max.X; x++ {
		if got := img.NRGBAAt(x, bar.Min.Y+1); got != shade(chartCamera) {
			t.Fatalf("at %d: %v", x, got)
		}
	}
}

func TestChartsThatMakeNoSenseAreRefused(t *testing.T) {
	for what, o := range map[string]ChartOptions{
		"a narrow one": {Width: 10}, "a wide one": {Width: 1 << 20}, "no time": {From: minute(5), To: minute(5)},
		"backwards": {From: minute(9), To: minute(5)}, "an unknown camera": {Cameras: []string{"nobody"}},
	} {
		if _, err := charted().Chart(o); !fault.Is(err, fault.Usage) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := (&Recording{Dir: "x"}).Chart(ChartOptions{}); !fault.Is(err, fault.Usage) {
		t.Errorf("nothing recorded: %v", err)
	}
}

func TestTicksAreRoundTimesOfThePlace(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	india := time.FixedZone("IST", 19800)
	for _, zone := range []*time.Location{time.UTC, berlin, india} {
		for _, begin := range []time.Time{chartStart, time.Date(2026, 3, 28, 13, 37, 11, 5, time.UTC), time.Date(2026, 10, 24, 22, 59, 59, 0, time.UTC)} {
			for _, length := range []time.Duration{time.Second, 7 * time.Second, time.Minute, 50 * time.Minute, 5 * time.Hour, 30 * time.Hour, 20 * chartDay, 4000 * chartDay} {
				from, to := begin.In(zone), begin.Add(length)
				step := stepFor(length, 12)
				n := 0
				for at := firstTick(from, step); !at.After(to); at = nextTick(at, step) {
					if n++; n > 14 {
						t.Fatalf("%v from %v: too many ticks, %v apart", length, from, step)
					}
					whole := at.Sub(time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, zone))
					if at.Before(from) || at.Nanosecond() != 0 || step >= chartDay && whole != 0 || whole%min(step, time.Hour) != 0 {
						t.Errorf("%v from %v: a tick at %v, %v apart", length, from, at, step)
					}
				}
			}
		}
	}
}

func TestEveryCauseHasAColour(t *testing.T) {
	for cause := media.Unreachable; cause <= media.Stopped; cause++ {
		if k := kindOf(Span{Use: UseGap, Causes: media.Because(cause)}); k < chartStopped || k >= chartUnexplained {
			t.Errorf("%v is drawn as %d", cause, k)
		}
	}
	seen := map[string]bool{}
	for k := range chartKinds {
		_, name, _ := k.look()
		if name == "" || seen[name] {
			t.Errorf("kind %d is called %q", k, name)
		}
		seen[name] = true
	}
}
