package testcard

import (
	"math"
	"time"
)

// What is heard.
const (
	hum       = 220.0  // Hz: never silent, so that a gap is heard
	humLevel  = 0.01   // -40 dBFS
	beep      = 1000.0 // Hz, in the first tenth of each second
	beepLevel = 0.25   // -12 dBFS
	ramp      = 0.002  // s: so that it does not click
)

// Tone fills samples, interleaved for so many channels, with the sound of a card from a
// time on. What is made in pieces goes on smoothly where the next piece begins at the time
// that this one ends.
func Tone(samples []float32, rate, channels int, from time.Time) {
	step := float64(time.Second) / float64(rate)
	begin := float64(from.Nanosecond())
	for i := range len(samples) / channels {
		// Both frequencies are whole, so the phase follows from the part of the second.
		at := (begin + float64(i)*step) / 1e9
		at -= math.Floor(at)
		v := humLevel*math.Sin(2*math.Pi*hum*at) + beepLevel*envelope(at)*math.Sin(2*math.Pi*beep*at)
		for c := range channels {
			samples[i*channels+c] = float32(v)
		}
	}
}

// envelope is the loudness of the beep at a part of a second.
func envelope(at float64) float64 {
	return min(max(min(at, flash.Seconds()-at)/ramp, 0), 1)
}
