package rtspcam

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"rtsprec/engine/media"
)

// loadSound makes the codecs that need no encoder: two seconds of a tone that swings.
func loadSound(f format) *clip {
	var data []byte
	n := 2 * f.samples
	for i := range n {
		t := float64(i) / float64(f.samples)
		v := int16(8000 * math.Sin(2*math.Pi*440*t) * (0.6 + 0.4*math.Sin(2*math.Pi*t)))
		switch f.codec {
		case media.PCMA:
			data = append(data, alaw(v))
		case media.PCMU:
			data = append(data, ulaw(v))
		case media.L16:
			data = binary.BigEndian.AppendUint16(data, uint16(v))
		}
	}
	return cutSound(f, data)
}

// loadOther makes a track that no recorder wants.
func loadOther(f format) *clip {
	data := []byte(`<?xml version="1.0"?><tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"/>`)
	if f.codec == unknown {
		data = []byte("nobody can decode this")
	}
	half := int64(f.rate / 2)
	return &clip{frames: []frame{{duration: half, key: true, data: data}}, length: half}
}

// cutSound cuts data into units of 20 ms.
func cutSound(f format, data []byte) *clip {
	c := &clip{}
	ticks := int64(f.rate / 50)
	for len(data) >= f.frame {
		unit := data[:f.frame]
		c.frames = append(c.frames, frame{
			dts: c.length, pts: c.length, duration: ticks, key: true, data: unit,
			sum: crc32.ChecksumIEEE(engrave(f.codec, unit, nil)),
		})
		c.length += ticks
		data = data[f.frame:]
	}
	return c
}

// chord finds which of the eight chords of G.711 a magnitude lies in.
func chord(v int, top int) int {
	s := 7
	for mask := top; s > 0 && v&mask == 0; mask >>= 1 {
		s--
	}
	return s
}

// alaw codes a sample by ITU-T G.711, A-law.
func alaw(sample int16) byte {
	sign, v := byte(0x80), int(sample)
	if v < 0 {
		sign, v = 0, -v-1
	}
	v >>= 4 // 12 bits with the sign, 11 without
	s := chord(v, 0x400)
	code := byte(s << 4)
	if s == 0 {
		code |= byte(v >> 1 & 0x0f)
	} else {
		code |= byte(v >> s & 0x0f)
	}
	return (code | sign) ^ 0x55
}

// ulaw codes a sample by ITU-T G.711, µ-law.
func ulaw(sample int16) byte {
	sign, v := byte(0), int(sample)
	if v < 0 {
		sign, v = 0x80, -v
	}
	v = min(v, 32635) + 132
	s := chord(v, 0x4000)
	return ^(sign | byte(s<<4) | byte(v>>(s+3)&0x0f))
}
