package presets

import (
	"image"
	"math"
)

// leastBitrate is what any picture gets, in bit/s.
const leastBitrate = 16_000

func (e Encoder) bitrate(width, height int, fps float64) int {
	if len(e.Rates) == 0 || width <= 0 || height <= 0 {
		return leastBitrate
	}
	if !(fps > 0) {
		fps = 30
	}
	rate := byArea(e.Rates, float64(width)*float64(height)) * math.Sqrt(min(fps, 240)/30)
	return max(leastBitrate, int(min(rate, MaxBitrate)))
}

// byArea finds the rate of an area in pixels on the line through its two neighbours, both
// scales logarithmic.
func byArea(rates []Rate, area float64) float64 {
	of := func(r Rate) float64 { return float64(r.Height) * float64(r.Height) * 16 / 9 }
	first, last := rates[0], rates[len(rates)-1]
	switch {
	case area <= of(first):
		return float64(first.Bitrate) * math.Pow(area/of(first), 0.75)
	case area >= of(last):
		return float64(last.Bitrate) * math.Pow(area/of(last), 0.75)
	}
	i := 1
	for of(rates[i]) < area {
		i++
	}
	a, b := rates[i-1], rates[i]
	share := math.Log(area/of(a)) / math.Log(of(b)/of(a))
	return float64(a.Bitrate) * math.Pow(float64(b.Bitrate)/float64(a.Bitrate), share)
}

// within makes a size no larger than most, which is zero where there is no bound. The
// shape is kept; sides come out even.
func within(width, height int, most image.Point) (int, int) {
	if most.X <= 0 || most.Y <= 0 || width <= 0 || height <= 0 || width <= most.X && height <= most.Y {
		return width, height
	}
	scale := min(float64(most.X)/float64(width), float64(most.Y)/float64(height))
	even := func(n int) int { return max(2, 2*int(math.Round(float64(n)*scale/2))) }
	return even(width), even(height)
}
