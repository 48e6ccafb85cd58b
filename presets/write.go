package presets

import (
	"cmp"
	"fmt"
	"image/color"
	"strconv"
	"strings"
	"time"
)

// YAML writes a layout as a file that Load takes, with everything it says.
func (l Layout) YAML() string { return l.write(&writer{}) }

// Plain is YAML with bare numbers, for programs: no 1/3, no 4500k, no 250ms.
func (l Layout) Plain() string { return l.write(&writer{plain: true}) }

func (l Layout) write(w *writer) string {
	w.line("layouts:")
	w.line("  %s:", key(l.Name))
	w.about(l.About)
	w.line("    background: %s", hex(l.Background))
	if l.Speaker != "" {
		w.line("    speaker: %s", key(l.Speaker))
	}
	if len(l.Cells) > 0 {
		w.line("    cells:")
	}
	for _, c := range l.Cells {
		w.line("      - id: %s", key(c.ID))
		w.place(c.X, c.Y, c.W, c.H)
		w.look(c.Look)
	}
	if r := l.Rest; r != nil {
		w.line("    rest:")
		if r.ID != "" {
			w.line("        id: %s", key(r.ID))
		}
		w.line("        flow: %s", r.Flow)
		if r.Most > 0 {
			w.line("        most: %d", r.Most)
		}
		w.place(r.X, r.Y, r.W, r.H)
		w.look(r.Look)
	}
	return w.String()
}

// YAML writes the settings as a file that Load takes.
func (e Encoder) YAML() string { return e.write(&writer{}) }

// Plain is as that of a Layout: rates in bit/s, times in seconds.
func (e Encoder) Plain() string { return e.write(&writer{plain: true}) }

func (e Encoder) write(w *writer) string {
	w.line("encoders:")
	w.line("  %s:", key(e.Name))
	w.about(e.About)
	w.line("    video: %s", e.Video)
	w.line("    speed: %s", e.Speed)
	if e.Profile != "" {
		w.line("    profile: %s", e.Profile)
	}
	w.line("    gop: %s", w.seconds(e.GOP))
	w.line("    b_frames: %d", e.BFrames)
	w.line("    low_latency: %t", e.LowLatency)
	if e.Quality > 0 {
		w.line("    quality: %d", e.Quality)
	}
	var rates []string
	for _, r := range e.Rates {
		rates = append(rates, fmt.Sprintf("%d: %s", r.Height, w.bits(r.Bitrate)))
	}
	w.line("    rates: {%s}", strings.Join(rates, ", "))
	w.line("    peak: %s", exact(e.Peak))
	w.line("    buffer: %s", w.seconds(e.Buffer))
	if e.Size.X > 0 {
		w.line("    size: %dx%d", e.Size.X, e.Size.Y)
	}
	if e.FPS > 0 {
		w.line("    fps: %s", exact(e.FPS))
	}
	w.line("    audio: %s", cmp.Or(string(e.Audio), "none"))
	w.line("    audio_bitrate: %s", w.bits(e.AudioBitrate))
	w.line("    channels: %d", e.Channels)
	return w.String()
}

// YAML writes a ladder as a file that Load takes.
func (l Ladder) YAML() string { return l.write(&writer{}) }

// Plain is as that of an Encoder.
func (l Ladder) Plain() string { return l.write(&writer{plain: true}) }

func (l Ladder) write(w *writer) string {
	w.line("ladders:")
	w.line("  %s:", key(l.Name))
	w.about(l.About)
	w.line("    rungs:")
	for _, g := range l.Rungs {
		if g.KeyFramesOnly {
			w.line("      - {key_frames_only: true, bitrate: %s}", w.bits(g.Bitrate))
			continue
		}
		w.line("      - {size: %dx%d, fps: %s, bitrate: %s}", g.Width, g.Height, exact(g.FPS), w.bits(g.Bitrate))
	}
	return w.String()
}

// writer writes files of presets.
type writer struct {
	strings.Builder
	plain bool
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

func (w *writer) about(text string) {
	if text != "" {
		w.line("    about: %s", strconv.Quote(text))
	}
}

func (w *writer) place(x, y, width, height float64) {
	w.line("        x: %s", w.share(x))
	w.line("        y: %s", w.share(y))
	w.line("        w: %s", w.share(width))
	w.line("        h: %s", w.share(height))
}

func (w *writer) look(l Look) {
	w.line("        fit: %s", l.Fit)
	w.line("        z: %d", l.Z)
	w.line("        cell_background: %s", hex(l.Background))
	width := exact(l.Border.Fraction)
	if l.Border.Fraction == 0 {
		width = strconv.Itoa(l.Border.Pixels) + "px"
	}
	w.line("        border: {width: %s, color: %s}", width, hex(l.Border.Color))
	b := l.Label
	w.line("        label: {show: %t, at: %s, size: %s, text: %s, color: %s, box: %s, utc: %t}",
		b.Show, b.At, exact(b.Size), strconv.Quote(b.Text), hex(b.Color), hex(b.Box), b.UTC)
}

// share writes a fraction so that it is read back exactly: as a quotient where it is one
// of small numbers.
func (w *writer) share(f float64) string {
	for below := 1; below <= 16 && !w.plain; below++ {
		above := int(f*float64(below) + 0.5)
		if float64(above)/float64(below) == f {
			if below == 1 {
				return strconv.Itoa(above)
			}
			return fmt.Sprintf("%d/%d", above, below)
		}
	}
	return exact(f)
}

// bits writes a bitrate.
func (w *writer) bits(n int) string {
	if w.plain {
		return strconv.Itoa(n)
	}
	return BitsText(n)
}

func exact(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func hex(c color.NRGBA) string {
	if c.A == 255 {
		return fmt.Sprintf(`"#%02x%02x%02x"`, c.R, c.G, c.B)
	}
	return fmt.Sprintf(`"#%02x%02x%02x%02x"`, c.R, c.G, c.B, c.A)
}

// key quotes a name that YAML would take for something else.
func key(name string) string { return strconv.Quote(name) }

// seconds writes a length of time as it is read: "2s", "250ms".
func (w *writer) seconds(d time.Duration) string {
	if w.plain {
		return exact(d.Seconds())
	}
	return d.String()
}
