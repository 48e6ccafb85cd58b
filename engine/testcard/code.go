package testcard

import (
	"image"
	"time"
)

// The code's blocks.
const (
	columns = 16
	rows    = 4
	bits    = 48 // of the time; the rest is the check
)

// Where things are, as fractions of the picture: x0, y0, x1, y1.
var (
	codeArea  = area{1.0 / 6, 0.69, 5.0 / 6, 0.94}
	sweepArea = area{0, 0.60, 1, 0.66}
)

// area is a part of the picture.
type area struct{ x0, y0, x1, y1 float64 }

// in places an area in a picture; edges are moved to the nearest pixel.
func (a area) in(r image.Rectangle) image.Rectangle {
	w, h := float64(r.Dx()), float64(r.Dy())
	return image.Rect(
		r.Min.X+int(a.x0*w+0.5), r.Min.Y+int(a.y0*h+0.5),
		r.Min.X+int(a.x1*w+0.5), r.Min.Y+int(a.y1*h+0.5))
}

// block is one block of the code.
func block(r image.Rectangle, n int) image.Rectangle {
	x, y := float64(n%columns), float64(n/columns)
	w, h := (codeArea.x1-codeArea.x0)/columns, (codeArea.y1-codeArea.y0)/rows
	x0, y0 := codeArea.x0+x*w, codeArea.y0+y*h
	return area{x0, y0, x0 + w, y0 + h}.in(r)
}

// encode is the code of a time. Times before 1970 and beyond the year 10889 have none: 0.
func encode(at time.Time) uint64 {
	ms := at.UnixMilli()
	if ms < 0 || ms>>bits != 0 {
		return 0
	}
	return uint64(ms)<<(64-bits) | uint64(check(uint64(ms)))
}

// decode is the inverse of encode.
func decode(code uint64) (time.Time, bool) {
	ms := code >> (64 - bits)
	return time.UnixMilli(int64(ms)), uint16(code) == check(ms)
}

// check is CRC-16/CCITT-FALSE of the 6 bytes of the time.
func check(ms uint64) uint16 {
	crc := uint16(0xffff)
	for shift := bits - 8; shift >= 0; shift -= 8 {
		crc ^= uint16(ms>>shift&0xff) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			if crc <<= 1; carry {
				crc ^= 0x1021
			}
		}
	}
	return crc
}

// contrast is how far black and white must be apart, of 255, to be told apart.
const contrast = 48

// Read returns the time that a card shows, to the millisecond. luma is the picture that it
// is part of, and card where the whole card is in it; it may reach beyond the picture as
// long as its code does not. ok is false where there is no readable code. Cards less than
// 72 pixels wide or 48 high cannot be read.
func Read(luma *image.Gray, card image.Rectangle) (at time.Time, ok bool) {
	var levels [columns * rows]int
	low, high := 255, 0
	for n := range levels {
		level, ok := mean(luma, heart(block(card, n)))
		if !ok {
			return time.Time{}, false
		}
		levels[n] = level
		low, high = min(low, level), max(high, level)
	}
	if high-low < contrast {
		return time.Time{}, false
	}
	var code uint64
	for _, level := range levels {
		code <<= 1
		if level > (low+high)/2 {
			code |= 1
		}
	}
	return decode(code)
}

// Flash reports whether the sweep is all white, which it is in the first tenth of each
// second. The arguments are those of [Read].
func Flash(luma *image.Gray, card image.Rectangle) bool {
	const parts = 8
	r := sweepArea.in(card)
	for n := range parts {
		part := image.Rect(r.Min.X+r.Dx()*n/parts, r.Min.Y, r.Min.X+r.Dx()*(n+1)/parts, r.Max.Y)
		if level, ok := mean(luma, heart(part)); !ok || level < 160 {
			return false
		}
	}
	return true
}

// heart is the middle of a block, which its neighbours do not reach.
func heart(r image.Rectangle) image.Rectangle {
	x, y := r.Dx()/4, r.Dy()/4
	return image.Rect(r.Min.X+x, r.Min.Y+y, r.Max.X-x, r.Max.Y-y)
}

// mean is the mean level of a part; false where that is empty or not all in the picture.
func mean(luma *image.Gray, r image.Rectangle) (int, bool) {
	if r.Empty() || !r.In(luma.Rect) {
		return 0, false
	}
	sum := 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		at := luma.PixOffset(r.Min.X, y)
		for _, level := range luma.Pix[at : at+r.Dx()] {
			sum += int(level)
		}
	}
	return sum / (r.Dx() * r.Dy()), true
}
