package rtspcam

import (
	"bytes"

	"rtsprec/engine/media"
)

// Sound of samples has no room for a mark but in the samples: the two lowest bits, which
// nobody hears, of as many samples as a mark has pairs of bits. That is the whole of a
// unit of 20 ms at 8 kHz.
const markSamples = markSize * 4

// sampled is the bytes of a sample of a codec whose marks are in the samples; else 0.
func sampled(codec media.Codec) int {
	switch codec {
	case media.PCMA, media.PCMU:
		return 1
	case media.L16:
		return 2
	}
	return 0
}

// engrave returns a copy of a unit with the bits of mark in it, or with zeros where mark is nil.
// What is too short stays as it is.
func engrave(codec media.Codec, unit, mark []byte) []byte {
	step := sampled(codec)
	if step == 0 || len(unit) < markSamples*step {
		return unit
	}
	out := bytes.Clone(unit)
	for i := range markSamples {
		at := i*step + step - 1
		out[at] &^= 3
		if mark != nil {
			out[at] |= mark[i/4] >> (6 - 2*(i%4)) & 3
		}
	}
	return out
}

// audible takes a mark out of samples; units of other codecs are returned as they are.
func audible(codec media.Codec, unit []byte) []byte {
	step := sampled(codec)
	if step == 0 || len(unit) < markSamples*step {
		return unit
	}
	mark := make([]byte, markSize)
	for i := range markSamples {
		mark[i/4] = mark[i/4]<<2 | unit[i*step+step-1]&3
	}
	return mark
}

// soundMarks finds marks in a long run of samples.
func soundMarks(codec media.Codec, data []byte) []Mark {
	var list []Mark
	step := sampled(codec)
	for len(data) >= markSamples*step {
		if starts(data, step) {
			if m, ok := ReadMark(codec, data); ok {
				list = append(list, m)
				data = data[markSamples*step:]
				continue
			}
		}
		data = data[1:]
	}
	return list
}

// starts is a quick look whether a mark may begin here: its first byte.
func starts(data []byte, step int) bool {
	var b byte
	for i := range 4 {
		b = b<<2 | data[i*step+step-1]&3
	}
	return b == markID[0]
}
