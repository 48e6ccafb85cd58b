package rtspcam

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The parsers of what stands behind "=" in a misbehave spec.

func fraction(s string) (argument, error) {
	v, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	if err != nil || v < 0 || v > 100 || !strings.HasSuffix(s, "%") {
		return argument{}, fmt.Errorf("%q is no percentage such as 1%% or 0.5%%", s)
	}
	return argument{number: v / 100}, nil
}

func count(s string) (argument, error) {
	v, err := strconv.ParseUint(s, 10, 16)
	if err != nil || v == 0 {
		return argument{}, fmt.Errorf("%q is no number from 1 to 65535", s)
	}
	return argument{number: float64(v)}, nil
}

func number(s string) (argument, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || v != v || v > 1e6 || v < -1e6 {
		return argument{}, fmt.Errorf("%q is no number", s)
	}
	return argument{number: v}, nil
}

func rate(s string) (argument, error) {
	a, err := number(s)
	if err == nil && (a.number < 0.1 || a.number > 240) {
		err = fmt.Errorf("%q is no frame rate from 0.1 to 240", s)
	}
	return a, err
}

// size reads bytes with an optional k or M.
func size(s string) (argument, error) {
	digits, unit := s, 1
	switch {
	case strings.HasSuffix(s, "k"):
		digits, unit = s[:len(s)-1], 1<<10
	case strings.HasSuffix(s, "M"):
		digits, unit = s[:len(s)-1], 1<<20
	}
	v, err := strconv.Atoi(digits)
	if err != nil || v < 1 || v*unit > 16<<20 {
		return argument{}, fmt.Errorf("%q is no size up to 16M such as 800k or 2M", s)
	}
	return argument{number: float64(v * unit)}, nil
}

func span(s string) (argument, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return argument{}, fmt.Errorf("%q is no time such as 1.5s or -2h", s)
	}
	return argument{span: d}, nil
}

// positive is a span above zero.
func positive(s string) (argument, error) {
	a, err := span(s)
	if err == nil && a.span <= 0 {
		err = fmt.Errorf("%q must be more than nothing", s)
	}
	return a, err
}

// instant is a date, as a span from 1970.
func instant(s string) (argument, error) {
	for _, layout := range []string{"2006-01-02", "2006-01-02T15:04:05Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return argument{span: t.Sub(time.Unix(0, 0))}, nil
		}
	}
	return argument{}, fmt.Errorf("%q is no date such as 2000-01-01", s)
}

func word(allowed ...string) func(string) (argument, error) {
	return func(s string) (argument, error) {
		if !slices.Contains(allowed, s) {
			return argument{}, fmt.Errorf("%q is none of %s", s, strings.Join(allowed, ", "))
		}
		return argument{word: s}, nil
	}
}

// codecs is the first part of a Stream.
func codecs(s string) (argument, error) {
	_, err := formatsOf(s)
	return argument{word: s}, err
}

func text(s string) (argument, error) {
	if s == "" {
		return argument{}, fmt.Errorf("the value is empty")
	}
	return argument{word: s}, nil
}
