package presets

import (
	"cmp"
	"fmt"
	"image/color"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"rtsprec/engine/settings"
)

// names are those of presets and cells: what is typed without quotes in any shell.
var names = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$`)

func validName(name string) error {
	if !names.MatchString(name) {
		return fmt.Errorf("%q is no name: letters, digits, - . and _, 64 at most", name)
	}
	return nil
}

// word takes one of a few words.
func word[T ~string](r *reader, to *T, all []T) func(settings.Value) {
	return r.Parsed(func(text string) error {
		if !slices.Contains(all, T(text)) {
			return fmt.Errorf("%q is none of %s", text, joined(all))
		}
		*to = T(text)
		return nil
	})
}

func joined[T ~string](all []T) string {
	words := make([]string, len(all))
	for i, w := range all {
		words[i] = string(w)
	}
	return strings.Join(words, ", ")
}

// about takes a line for people.
func (r *reader) about(to *string) func(settings.Value) {
	return r.Parsed(func(text string) error {
		*to = text
		if len(text) > 200 || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' }) {
			return fmt.Errorf("one line of 200 bytes at most")
		}
		return nil
	})
}

// fraction takes a fraction of something: 0.25, 1/4 or 25%.
func (r *reader) fraction(to *float64, least, most float64) func(settings.Value) {
	return r.Parsed(func(text string) (err error) {
		f, err := parseFraction(text, least, most)
		if err == nil {
			*to = f
		}
		return err
	})
}

func parseFraction(text string, least, most float64) (float64, error) {
	f, err := quotient(text)
	// Negated, so that what is not a number fails as well.
	if err != nil || !(f >= least && f <= most) {
		return 0, fmt.Errorf("%q is no fraction from %s to %s, as 0.25, 1/4 or 25%%", text, number(least), number(most))
	}
	return f, nil
}

func quotient(text string) (float64, error) {
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		f, err := strconv.ParseFloat(strings.TrimSpace(percent), 64)
		return f / 100, err
	}
	above, below, ok := strings.Cut(text, "/")
	if !ok {
		return strconv.ParseFloat(text, 64)
	}
	a, err := strconv.Atoi(strings.TrimSpace(above))
	if err != nil {
		return 0, err
	}
	b, err := strconv.Atoi(strings.TrimSpace(below))
	if err == nil && b <= 0 {
		err = strconv.ErrRange
	}
	return float64(a) / float64(max(b, 1)), err
}

// colors are those with a name.
func colors() map[string]color.NRGBA {
	return map[string]color.NRGBA{
		"black": {A: 255}, "white": {255, 255, 255, 255}, "gray": {128, 128, 128, 255},
		"red": {220, 40, 40, 255}, "green": {40, 160, 60, 255}, "blue": {40, 90, 220, 255},
		"yellow": {240, 210, 40, 255}, "orange": {240, 140, 30, 255}, "none": {},
	}
}

// color takes "#rrggbb", "#rrggbbaa" or a name.
func (r *reader) color(to *color.NRGBA) func(settings.Value) {
	return r.Parsed(func(text string) (err error) {
		c, err := parseColor(text)
		if err == nil {
			*to = c
		}
		return err
	})
}

// opaque takes a colour without alpha.
func (r *reader) opaque(to *color.NRGBA) func(settings.Value) {
	return r.Parsed(func(text string) error {
		c, err := parseColor(text)
		if err == nil && c.A != 255 {
			err = fmt.Errorf("%q is transparent; here it cannot be", text)
		}
		if err == nil {
			*to = c
		}
		return err
	})
}

func parseColor(text string) (color.NRGBA, error) {
	if c, ok := colors()[text]; ok {
		return c, nil
	}
	hex, ok := strings.CutPrefix(text, "#")
	if n, err := strconv.ParseUint(hex, 16, 32); ok && err == nil {
		switch len(hex) {
		case 6:
			return color.NRGBA{byte(n >> 16), byte(n >> 8), byte(n), 255}, nil
		case 8:
			return color.NRGBA{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, nil
		}
	}
	return color.NRGBA{}, fmt.Errorf("%q is no colour: \"#rrggbb\" (in quotes), \"#rrggbbaa\", %s", text, strings.Join(slices.Sorted(maps.Keys(colors())), ", "))
}

// placeholders are what a label's text may hold.
var placeholders = []string{"name", "time", "date", "zone"}

// checkText refuses what no label can show.
func checkText(text string) error {
	if len(text) > MaxText || !utf8.ValidString(text) || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' }) {
		return fmt.Errorf("one line of %d bytes at most", MaxText)
	}
	for rest := text; ; {
		_, after, found := strings.Cut(rest, "{")
		if !found {
			return nil
		}
		name, behind, closed := strings.Cut(after, "}")
		if !closed || !slices.Contains(placeholders, name) {
			return fmt.Errorf("%q: there are {%s}", text, strings.Join(placeholders, "}, {"))
		}
		rest = behind
	}
}

// bits takes a bitrate: 800k, 4M or 4500000, in bit/s.
func parseBits(text string) (int, error) {
	unit := 1.0
	digits := text
	for suffix, u := range map[string]float64{"k": 1e3, "M": 1e6} {
		if cut, ok := strings.CutSuffix(text, suffix); ok {
			digits, unit = cut, u
		}
	}
	f, err := strconv.ParseFloat(digits, 64)
	if n := f * unit; err == nil && n >= MinBitrate && n <= MaxBitrate && !math.IsNaN(n) {
		return int(math.Round(n)), nil
	}
	return 0, fmt.Errorf("%q is no bitrate from %s to %s, as 800k or 4M", text, BitsText(MinBitrate), BitsText(MaxBitrate))
}

// Bounds of what rates may be, in bit/s.
const (
	MinBitrate = 8_000
	MaxBitrate = 200_000_000
)

// BitsText writes a bitrate so that a file of presets takes it: "4500k", "4M".
func BitsText(n int) string {
	switch {
	case n >= 1e6 && n%1e6 == 0:
		return strconv.Itoa(n/1e6) + "M"
	case n%1e3 == 0:
		return strconv.Itoa(n/1e3) + "k"
	}
	return strconv.Itoa(n)
}

// bitrate takes a bitrate.
func (r *reader) bitrate(to *int) func(settings.Value) {
	return r.Parsed(func(text string) error {
		n, err := parseBits(text)
		*to = cmp.Or(n, *to)
		return err
	})
}
