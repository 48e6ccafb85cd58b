package presets

import (
	"cmp"
	"fmt"
	"image"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/settings"
)

// Speeds are the words for how long an encoder may take for a picture, from the quickest.
var Speeds = []string{"ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"}

var (
	videoCodecs = []media.Codec{media.H264, media.H265, media.MJPEG}
	audioCodecs = []string{string(media.AAC), string(media.Opus), "none"}
	profiles    = []string{"baseline", "main", "high"}
)

// encoder takes the settings of an encoder.
func (r *reader) encoder(name string, v settings.Value) {
	before := r.Count()
	r.Refused(v, validName(name))
	e := Encoder{
		Name: name, Origin: r.origin(v, replaces(r.set.encoders, name)),
		Video: media.H264, Speed: "veryfast", GOP: 2 * time.Second, Peak: 1.25, Buffer: time.Second,
		Audio: media.AAC, AudioBitrate: 128_000, Channels: 2,
	}
	at := v
	v.At = "encoders.*"
	audio := string(e.Audio)
	r.Keys(v, map[string]func(settings.Value){
		"about": r.about(&e.About),
		"video": word(r, &e.Video, videoCodecs), "speed": word(r, &e.Speed, Speeds), "profile": word(r, &e.Profile, profiles),
		"gop": r.span(&e.GOP, 100*time.Millisecond, 30*time.Second), "b_frames": r.Number(&e.BFrames, 0, 8),
		"low_latency": r.Flag(&e.LowLatency), "quality": r.Number(&e.Quality, 1, 51),
		"rates": func(v settings.Value) { r.rates(&e, v) },
		"peak":  r.real(&e.Peak, 1, 10), "buffer": r.span(&e.Buffer, 10*time.Millisecond, 30*time.Second),
		"size": r.size(&e.Size.X, &e.Size.Y), "fps": r.real(&e.FPS, 1, 240),
		"audio": word(r, &audio, audioCodecs), "audio_bitrate": r.bitrate(&e.AudioBitrate), "channels": r.Number(&e.Channels, 1, 2),
	})
	if e.Audio = media.Codec(audio); audio == "none" {
		e.Audio = ""
	}
	switch {
	case len(e.Rates) == 0:
		r.Wrong(at, "preset %s has no rates, as in rates: {720: 2500k, 1080: 4500k}", name)
	case e.LowLatency && e.BFrames > 0:
		r.Wrong(at, "preset %s has b_frames, which wait for later pictures, and low_latency", name)
	case e.Profile == "baseline" && e.BFrames > 0:
		r.Wrong(at, "preset %s has b_frames, and profile baseline has none", name)
	case e.Profile != "" && e.Video == media.MJPEG, e.Profile != "" && e.Profile != "main" && e.Video == media.H265:
		r.Wrong(at, "preset %s: %s has no profile %s", name, e.Video, e.Profile)
	}
	if r.Count() == before {
		put(&r.set.encoders, e)
	}
}

// rates takes bitrates by height.
func (r *reader) rates(e *Encoder, v settings.Value) {
	v.At = "rates"
	r.Each(v, func(key string, v settings.Value) {
		height, err := strconv.Atoi(key)
		if err != nil || height < 16 || height > MaxSide {
			r.Wrong(v, "rates: %q is no height from 16 to %d lines", key, MaxSide)
			return
		}
		rate := Rate{Height: height}
		v.At = "rates"
		r.bitrate(&rate.Bitrate)(v)
		e.Rates = append(e.Rates, rate)
	})
	slices.SortFunc(e.Rates, func(a, b Rate) int { return cmp.Compare(a.Height, b.Height) })
	for i := 1; i < len(e.Rates); i++ {
		switch a, b := e.Rates[i-1], e.Rates[i]; {
		case a.Height == b.Height:
			r.Wrong(v, "rates: %d is there twice", a.Height)
		case a.Bitrate > b.Bitrate && b.Bitrate > 0:
			r.Wrong(v, "rates: %d lines get %s, and fewer lines more: %s", b.Height, BitsText(b.Bitrate), BitsText(a.Bitrate))
		}
	}
}

// MaxSide bounds a picture, in pixels.
const MaxSide = 8192

// ladder takes a ladder.
func (r *reader) ladder(name string, v settings.Value) {
	before := r.Count()
	r.Refused(v, validName(name))
	l := Ladder{Name: name, Origin: r.origin(v, replaces(r.set.ladders, name))}
	at := v
	v.At = "ladders.*"
	r.Keys(v, map[string]func(settings.Value){
		"about": r.about(&l.About),
		"rungs": func(v settings.Value) { r.List(v, func(v settings.Value) { r.rung(&l, v) }) },
	})
	if n := len(l.Rungs); n < 2 || n > MaxRungs {
		r.Wrong(at, "ladder %s has %d rungs; there are 2 to %d", name, n, MaxRungs)
	}
	if r.Count() == before {
		put(&r.set.ladders, l)
	}
}

// rung takes one step of a ladder; each is less than the one before.
func (r *reader) rung(l *Ladder, v settings.Value) {
	var g Rung
	at, before := v, r.Count()
	v.At = "rungs"
	r.Keys(v, map[string]func(settings.Value){
		"size": r.size(&g.Width, &g.Height), "fps": r.real(&g.FPS, 1, 240),
		"bitrate": r.bitrate(&g.Bitrate), "key_frames_only": r.Flag(&g.KeyFramesOnly),
	})
	last := Rung{Width: MaxSide, Height: MaxSide, FPS: 240, Bitrate: math.MaxInt}
	if n := len(l.Rungs); n > 0 {
		last = l.Rungs[n-1]
	}
	l.Rungs = append(l.Rungs, g)
	switch number := len(l.Rungs); {
	case r.Count() != before: // has been told
	case g.Bitrate == 0:
		r.Wrong(at, "rung %d has no bitrate", number)
	case !g.KeyFramesOnly && (g.Width == 0 || g.FPS == 0):
		r.Wrong(at, "rung %d has no size or no fps", number)
	case g.KeyFramesOnly && (g.Width != 0 || g.FPS != 0):
		r.Wrong(at, "rung %d is key frames only, and has a size or an fps: they are those of the rung above", number)
	case last.KeyFramesOnly:
		r.Wrong(at, "rung %d comes after key frames only, which is the last there can be", number)
	case g.Bitrate >= last.Bitrate:
		r.Wrong(at, "rung %d wants %s, and the one above %s: rates have to fall", number, BitsText(g.Bitrate), BitsText(last.Bitrate))
	case g.Width*g.Height > last.Width*last.Height || g.FPS > last.FPS:
		r.Wrong(at, "rung %d is larger or faster than the one above", number)
	}
}

// size takes a size of a picture, "1280x720"; sides are even.
func (r *reader) size(w, h *int) func(settings.Value) {
	return r.Parsed(func(text string) error {
		size, err := ParseSize(text)
		if err == nil {
			*w, *h = size.X, size.Y
		}
		return err
	})
}

// ParseSize reads a size of a picture, "1280x720": even sides, 16 to MaxSide.
func ParseSize(text string) (image.Point, error) {
	width, height, ok := strings.Cut(strings.ToLower(text), "x")
	w, err := strconv.Atoi(width)
	h, err2 := strconv.Atoi(height)
	if !ok || err != nil || err2 != nil || w < 16 || h < 16 || w > MaxSide || h > MaxSide || w%2+h%2 != 0 {
		return image.Point{}, fmt.Errorf("%q is no size as 1280x720: even sides from 16 to %d", text, MaxSide)
	}
	return image.Pt(w, h), nil
}

// real takes a number with a fraction.
func (r *reader) real(to *float64, least, most float64) func(settings.Value) {
	return r.Parsed(func(text string) error {
		f, err := quotient(text)
		if err != nil || !(f >= least && f <= most) {
			return fmt.Errorf("%q is no number from %s to %s", text, number(least), number(most))
		}
		*to = f
		return nil
	})
}

// span takes a length of time as Go writes it, "250ms", or plain seconds.
func (r *reader) span(to *time.Duration, least, most time.Duration) func(settings.Value) {
	return r.Parsed(func(text string) error {
		d, err := time.ParseDuration(text)
		if seconds, plain := strconv.ParseFloat(text, 64); plain == nil && math.Abs(seconds) < 1e6 {
			d, err = time.Duration(seconds*float64(time.Second)), nil
		}
		if err != nil || d < least || d > most {
			return fmt.Errorf("%q is no time from %v to %v, as 500ms or 2s", text, least, most)
		}
		*to = d
		return nil
	})
}
