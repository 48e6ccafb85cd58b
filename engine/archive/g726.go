package archive

import "math/bits"

// g726 decodes ADPCM of 2 to 5 bits a sample (ITU-T G.726), of which codewords are packed
// from the most significant bit (I.366.2), as segments hold them. It can begin anywhere:
// the adaption forgets what was before within some hundred milliseconds.
type g726 struct {
	width  int
	levels []level

	yl, yu   int    // slow and fast scale factor
	dms, dml int    // short and long averages of the codewords' size
	ap       int    // between fast and slow adaption
	a        [2]int // poles
	b        [6]int // zeros
	pk       [2]bool
	dq       [6]float // differences before
	sr       [2]float // signals before
	tone     bool
}

// level is what a codeword's magnitude means: logarithm of the difference, weight for the
// scale factor, weight for the speed of adaption (tables 7 to 16 of the Recommendation).
type level struct{ dqln, wi, fi int }

// float is the Recommendation's format of 11 bits: sign, 4 bits of exponent, 6 of mantissa.
type float struct {
	negative  bool
	exp, mant int
}

func toFloat(v int, negative bool) float {
	if v == 0 {
		return float{negative: negative, mant: 32}
	}
	exp := bits.Len(uint(v))
	return float{negative, exp, v << 6 >> exp}
}

func g726Levels(width int) []level {
	switch width {
	case 2:
		return []level{{116, -704, 0}, {365, 14048, 0xE00}}
	case 3:
		return []level{{-2048, -128, 0}, {135, 960, 0x200}, {273, 4384, 0x400}, {373, 18624, 0xE00}}
	case 4:
		return []level{
			{-2048, -384, 0}, {4, 576, 0}, {135, 1312, 0}, {213, 2048, 0x200},
			{273, 3584, 0x200}, {323, 6336, 0x200}, {373, 11360, 0x600}, {425, 35904, 0xE00},
		}
	}
	return []level{
		{-2048, 448, 0}, {-66, 448, 0}, {28, 768, 0}, {104, 1248, 0}, {169, 1280, 0}, {224, 1312, 0x200}, {274, 1856, 0x200}, {318, 3200, 0x200},
		{358, 4512, 0x200}, {395, 5728, 0x200}, {429, 7008, 0x400}, {459, 8960, 0x600}, {488, 11456, 0x800}, {514, 14080, 0xA00}, {539, 16928, 0xC00}, {566, 22272, 0xC00},
	}
}

func newG726(width int) *g726 {
	d := &g726{width: width, levels: g726Levels(width), yl: 34816, yu: 544}
	for i := range d.dq {
		d.dq[i].mant = 32
	}
	for i := range d.sr {
		d.sr[i].mant = 32
	}
	return d
}

// decode appends the samples of a unit. Bits at its end that are no whole codeword are
// left out.
func (d *g726) decode(out []int16, unit []byte) []int16 {
	word, have := uint(0), 0
	for _, b := range unit {
		word, have = word<<8|uint(b), have+8
		for have >= d.width {
			have -= d.width
			out = append(out, d.sample(int(word>>have)&(1<<d.width-1)))
		}
	}
	return out
}

func (d *g726) sample(code int) int16 {
	negative := code>>(d.width-1) != 0
	if negative {
		code ^= 1<<d.width - 1
	}
	l := d.levels[code]
	zeros := 0
	for i, b := range d.b {
		zeros += product(b>>2, d.dq[i])
	}
	poles := product(d.a[1]>>2, d.sr[1]) + product(d.a[0]>>2, d.sr[0])
	sez, se := zeros>>1, (zeros+poles)>>1
	y := d.scale()
	mag := difference(l.dqln, y)
	dq := mag
	if negative {
		dq = -mag
	}
	sr := se + dq
	d.adapt(y, l, mag, negative, sr, sr-se+sez)
	return int16(max(min(sr<<2, 1<<15-1), -1<<15))
}

// scale mixes the fast and the slow scale factor (4.2.5). It keeps the fraction of the slow
// one that the Recommendation drops, as ffmpeg does, so that both give the same samples.
func (d *g726) scale() int {
	if d.ap >= 256 {
		return d.yu
	}
	return (d.yl + (d.yu-d.yl>>6)*(d.ap>>2)) >> 6
}

// difference is the antilogarithm of what a codeword says (4.2.3).
func difference(dqln, y int) int {
	dql := dqln + y>>2
	if dql < 0 {
		return 0
	}
	return (128 + dql&127) << 7 >> (14 - dql>>7&15)
}

// product multiplies a coefficient and a signal in the precision of the Recommendation
// (4.2.6, FMULT).
func product(an int, s float) int {
	negative := an < 0
	if negative {
		an = -an & 0x1FFF
	}
	exp, mant := bits.Len(uint(an))-6, 32
	switch {
	case an == 0:
	case exp >= 0:
		mant = an >> exp
	default:
		mant = an << -exp
	}
	exp += s.exp - 13
	value := (mant*s.mant + 0x30) >> 4
	if exp >= 0 {
		value = value << exp & 0x7FFF
	} else {
		value >>= -exp
	}
	if negative != s.negative {
		return -value
	}
	return value
}

// adapt learns from a sample (4.2.4 to 4.2.8).
func (d *g726) adapt(y int, l level, mag int, negative bool, sr, dqsez int) {
	transition := d.tone && mag > d.threshold()
	d.yu = max(min(y+(l.wi-y)>>5, 5120), 544)
	d.yl += d.yu + -d.yl>>6
	pk := dqsez < 0
	if transition {
		d.a, d.b = [2]int{}, [6]int{}
	} else {
		d.poles(pk, dqsez != 0)
		for i := range d.b {
			d.b[i] -= d.b[i] >> 8
			switch {
			case mag == 0:
			case negative == d.dq[i].negative:
				d.b[i] += 128
			default:
				d.b[i] -= 128
			}
		}
	}
	copy(d.dq[1:], d.dq[:])
	d.dq[0] = toFloat(mag, negative)
	d.sr[1] = d.sr[0]
	d.sr[0] = toFloat(max(sr, -sr), sr < 0)
	d.pk[1], d.pk[0] = d.pk[0], pk
	d.tone = !transition && d.a[1] < -11776
	d.dms += (l.fi - d.dms) >> 5
	d.dml += (l.fi<<2 - d.dml) >> 7
	uneven := d.dms<<2 - d.dml
	switch {
	case transition:
		d.ap = 256
	case y < 1536, d.tone, max(uneven, -uneven) >= d.dml>>3:
		d.ap += (0x200 - d.ap) >> 4
	default:
		d.ap += -d.ap >> 4
	}
}

// threshold is the difference from which on a tone has changed.
func (d *g726) threshold() int {
	whole, fraction := d.yl>>15, d.yl>>10&0x1F
	t := (32 + fraction) << whole
	if whole > 9 {
		t = 31 << 10
	}
	return (t + t>>1) >> 1
}

// poles adapts the predictor's poles and keeps them stable.
func (d *g726) poles(pk, moved bool) {
	same := pk == d.pk[0]
	a2 := d.a[1] - d.a[1]>>7
	if moved {
		f := d.a[0]
		if same {
			f = -f
		}
		switch {
		case f < -8191:
			a2 -= 0x100
		case f > 8191:
			a2 += 0xFF
		default:
			a2 += f >> 5
		}
		if pk == d.pk[1] {
			a2 += 0x80
		} else {
			a2 -= 0x80
		}
		a2 = max(min(a2, 12288), -12288)
	}
	d.a[1] = a2
	d.a[0] -= d.a[0] >> 8
	if moved {
		if same {
			d.a[0] += 192
		} else {
			d.a[0] -= 192
		}
	}
	limit := 15360 - a2
	d.a[0] = max(min(d.a[0], limit), -limit)
}
