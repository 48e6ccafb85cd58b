package archive

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// weak is nine seconds of which three to six are of the sub-stream, in two files, and spans
// of the main stream that are kept beside, each from a key frame on.
func weak(t *testing.T, main, sub, sound film, beside ...[2]time.Duration) *maker {
	m := studio(t, "a")
	shoot := func(f film, from, to time.Duration) {
		m.shoot("a", nine.Add(from), 2*time.Second, nil, f.part(from, to), sound.part(from, to))
	}
	shoot(main, 0, 3*time.Second)
	m.stream = media.SubStream
	shoot(sub, 3*time.Second, 6*time.Second)
	m.stream = ""
	shoot(main, 6*time.Second, 9*time.Second)
	m.origin, m.beside = "replay", true
	for _, b := range beside {
		n := m.n["a"]
		shoot(main, b[0], b[1])
		for n < m.n["a"] {
			n++
			m.line(&journal.Beside{Camera: "a", N: n, From: nine.Add(b[0]), To: nine.Add(b[1]), Source: "rtsp://cam/replay"})
		}
	}
	m.close(nine.Add(9 * time.Second))
	return m
}

func TestAClipHasTheMainStreamThatIsKeptBesideTheSubStream(t *testing.T) {
	const s = time.Second
	main, sub, sound := picture25(t, 9, "320x240"), picture25(t, 9, "160x120"), aac(t, 9)
	sound = sound.part(0, 9*s)
	for name, c := range map[string]struct {
		beside     [][2]time.Duration
		o          ClipOptions
		sub, main  [2]int // pictures of the sub-stream, and of the main one among them: from, to
		first, end int    // pictures of the clip
		notes      int
	}{
		"all of it, from the key frame before it to the picture after it": {beside: [][2]time.Duration{{2 * s, 6040 * ms}}, end: 225, notes: 1},
		"none of it":                  {sub: [2]int{75, 150}, end: 225},
		"as recorded":                 {beside: [][2]time.Duration{{2 * s, 6040 * ms}}, o: ClipOptions{AsRecorded: true}, sub: [2]int{75, 150}, end: 225},
		"its beginning":               {beside: [][2]time.Duration{{2 * s, 4520 * ms}}, sub: [2]int{100, 150}, end: 225, notes: 1},
		"its end":                     {beside: [][2]time.Duration{{5 * s, 6040 * ms}}, sub: [2]int{75, 125}, end: 225, notes: 1},
		"its middle":                  {beside: [][2]time.Duration{{4 * s, 5 * s}}, sub: [2]int{75, 150}, main: [2]int{100, 125}, end: 225, notes: 1},
		"the rest of it later":        {beside: [][2]time.Duration{{2 * s, 4520 * ms}, {4 * s, 6040 * ms}}, end: 225, notes: 1},
		"less than a group":           {beside: [][2]time.Duration{{4 * s, 4520 * ms}}, sub: [2]int{75, 150}, end: 225},
		"a range that begins in it":   {beside: [][2]time.Duration{{2 * s, 6040 * ms}}, o: ClipOptions{From: nine.Add(4400 * ms), To: nine.Add(8 * s)}, first: 100, end: 200, notes: 1},
		"a range that ends in it":     {beside: [][2]time.Duration{{2 * s, 6040 * ms}}, o: ClipOptions{From: nine.Add(1100 * ms), To: nine.Add(5 * s)}, first: 25, end: 125, notes: 1},
		"a range before what is left": {beside: [][2]time.Duration{{4 * s, 6040 * ms}}, o: ClipOptions{From: nine.Add(3100 * ms), To: nine.Add(7 * s)}, sub: [2]int{75, 100}, first: 75, end: 175, notes: 1},
	} {
		t.Run(name, func(t *testing.T) {
			m := weak(t, main, sub, sound, c.beside...)
			clip := m.cut("a", c.o)
			path := m.save(clip, "a.mp4")
			tracks := tracksOf(t, path)
			want := main
			want.samples = slices.Clone(main.samples)
			copy(want.samples[c.sub[0]:c.sub[1]], sub.samples[c.sub[0]:c.sub[1]])
			copy(want.samples[c.main[0]:c.main[1]], main.samples[c.main[0]:c.main[1]])
			if n := len(tracks[0].samples); c.end < 225 && n >= c.end-c.first-1 && n <= c.end-c.first+1 { // they are reordered at the end
				c.end = c.first + n
			}
			sameUnits(t, tracks[0], want, c.first, c.end)
			if len(clip.Notes) != c.notes || len(clip.Gaps) > 0 {
				t.Errorf("notes %q, gaps %v", clip.Notes, clip.Gaps)
			}
			if c.notes > 0 && !strings.Contains(fmt.Sprint(clip.Notes), "main stream") {
				t.Errorf("%q", clip.Notes)
			}
			for i, u := range tracks[0].samples[:len(tracks[0].samples)-1] {
				if next := tracks[0].samples[i+1].DTS; next-u.DTS != 3600 {
					t.Errorf("picture %d is decoded %d ticks before the next", i, next-u.DTS)
				}
			}
			if whole := c.o.From.IsZero(); whole {
				sameUnits(t, tracks[1], sound, 0, len(sound.samples))
			}
			shown(t, path, "v")
			shown(t, path, "a")
		})
	}
}
