package rtspcam

import (
	"bytes"

	"rtsprec/engine/media"
)

// quirks are the faults that change how a unit is put into packets.
type quirks struct {
	zeroNAL, zeros, startCodes, fuse, stap, flap, noSets bool
	big                                                  int // size to pad key frames to
	marker                                               string
}

// markedNALs returns the NAL units of a frame with its mark before the first slice.
func markedNALs(codec media.Codec, fr *frame, m Mark, q quirks) [][]byte {
	nals := make([][]byte, 0, len(fr.nals)+3)
	marked := false
	for _, nal := range fr.nals {
		if !marked && slice(codec, nal) {
			nals, marked = append(nals, seiNAL(codec, m)), true
		}
		if q.noSets && parameterSet(codec, nal) {
			continue
		}
		if q.flap && parameterSet(codec, nal) {
			nals = append(nals, flapped(nal, m.Counter)...)
			continue
		}
		nals = append(nals, nal)
	}
	if size := q.big - len(fr.data); fr.key && size > 0 {
		nals = append(nals, filler(codec, size))
	}
	if q.zeros {
		for i, nal := range nals {
			nals[i] = append(bytes.Clone(nal), 0, 0, 0)
		}
	}
	if q.startCodes {
		return [][]byte{bytes.Join(nals, []byte{0, 0, 0, 1})}
	}
	return nals
}

// flapped returns a parameter set in another form that decodes equal: with a trailing
// zero byte, or twice.
func flapped(nal []byte, n uint64) [][]byte {
	switch n / 25 % 3 {
	case 1:
		return [][]byte{append(bytes.Clone(nal), 0)}
	case 2:
		return [][]byte{nal, nal}
	}
	return [][]byte{nal}
}

// filler is a filler data NAL unit of about size bytes.
func filler(codec media.Codec, size int) []byte {
	head := []byte{12}
	if codec == media.H265 {
		head = []byte{38 << 1, 1}
	}
	nal := append(head, bytes.Repeat([]byte{0xff}, size)...)
	return append(nal, 0x80)
}

// markedData returns a unit of any other codec with its mark in it.
func markedData(codec media.Codec, fr *frame, m Mark, q quirks) []byte {
	switch codec {
	case media.MPEG4:
		// Right before the VOP: what stands before a GOV is decoder configuration.
		from, i := 0, max(0, bytes.Index(fr.data, []byte{0, 0, 1, 0xb6}))
		if q.noSets {
			from = min(i, beforePicture(fr.data))
		}
		return bytes.Join([][]byte{fr.data[from:i], userData(m), fr.data[i:]}, nil)
	case media.MJPEG:
		return bytes.Join([][]byte{fr.data, comment(m), {0xff, 0xd9}}, nil)
	case media.AAC:
		return append(dataElement(m), fr.data...)
	case media.PCMA, media.PCMU, media.L16:
		return engrave(codec, fr.data, m.bytes())
	case media.Opus:
		if fr.data[0]&3 == 0 { // one frame: the form with padding says so too
			head := []byte{fr.data[0] | 3, 0x41, markSize}
			return bytes.Join([][]byte{head, fr.data[1:], m.bytes()}, nil)
		}
	}
	return fr.data
}
