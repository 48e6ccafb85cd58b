package rtspcam

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"iter"

	"rtsprec/engine/media"
)

// Marks finds all marks in a file or a stream of any form that keeps units in one piece:
// an elementary stream, MP4, Matroska. MPEG-TS does not.
func Marks(codec media.Codec, data []byte) []Mark {
	var list []Mark
	if sampled(codec) > 0 {
		return soundMarks(codec, data)
	}
	for {
		i := bytes.Index(data, markID[:])
		if i < 0 {
			return list
		}
		if m, ok := ReadMark(codec, data[i:]); ok {
			list = append(list, m)
		}
		data = data[i+len(markID):]
	}
}

// Intact reports whether a unit has a mark and the coded picture or sound in it is what the
// camera sent, to the last bit. What repackaging may change (framing, parameter sets,
// JPEG headers) does not count.
func Intact(codec media.Codec, unit []byte) bool {
	m, ok := ReadMark(codec, unit)
	if !ok {
		return false
	}
	i := bytes.Index(unit, markID[:])
	switch codec {
	case media.PCMA, media.PCMU, media.L16:
		return crc32.ChecksumIEEE(engrave(codec, unit, nil)) == m.Sum
	case media.H264, media.H265:
		var sum uint32
		for nal := range nals(unit) {
			if slice(codec, nal) {
				sum = crc32.Update(sum, crc32.IEEETable, nal)
			}
		}
		return sum == m.Sum
	case media.MPEG4:
		end := i + len(markID)
		vop := bytes.Index(unit[end:], []byte{0, 0, 1, 0xb6})
		if i < 4 || vop < 0 {
			return false
		}
		return crc32.Update(crc32.ChecksumIEEE(unit[:i-4]), crc32.IEEETable, unit[end+vop:]) == m.Sum
	case media.MJPEG:
		return i >= 4 && crc32.ChecksumIEEE(parseScan(unit[:i-4])) == m.Sum
	case media.AAC:
		return i == 2 && crc32.ChecksumIEEE(unit[markSize+2:]) == m.Sum
	case media.Opus:
		if i < 3 || i+markSize != len(unit) {
			return false
		}
		return crc32.Update(crc32.ChecksumIEEE([]byte{unit[0] &^ 3}), crc32.IEEETable, unit[3:i]) == m.Sum
	}
	return false
}

// nals yields the NAL units of a unit, whichever of the two framings it has.
func nals(unit []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		list, ok := splitLengths(unit)
		if !ok {
			list = splitAnnexB(unit)
		}
		for _, nal := range list {
			if len(nal) > 1 && !yield(nal) {
				return
			}
		}
	}
}

// splitLengths cuts at 4-byte lengths; false when they do not add up to the unit.
func splitLengths(b []byte) (list [][]byte, ok bool) {
	for len(b) > 0 {
		if len(b) < 4 {
			return nil, false
		}
		n := int64(binary.BigEndian.Uint32(b))
		if n > int64(len(b)-4) {
			return nil, false
		}
		list = append(list, b[4:4+n])
		b = b[4+n:]
	}
	return list, true
}
