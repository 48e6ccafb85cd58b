package compose

// limiter turns down what would be beyond full scale: at once, for all channels alike, and
// up again slowly. It looks at no sample to come, and so costs no time.
type limiter struct {
	gain    float32
	release float32 // what is missing to 1 shrinks by this, a sample
}

// ceiling is the loudest that comes out: codecs overshoot a little.
const ceiling = 0.97

func newLimiter(rate int) limiter {
	const seconds = 0.3 // to come back by about two thirds
	return limiter{gain: 1, release: float32(1 / (seconds * float64(rate)))}
}

// apply works on interleaved samples in place.
func (l *limiter) apply(samples []float32, channels int) {
	for i := 0; i+channels <= len(samples); i += channels {
		peak := float32(0)
		for _, x := range samples[i : i+channels] {
			peak = max(peak, x, -x)
		}
		l.gain += (1 - l.gain) * l.release
		if peak*l.gain > ceiling {
			l.gain = ceiling / peak
		}
		for c := range channels {
			samples[i+c] *= l.gain
		}
	}
}
