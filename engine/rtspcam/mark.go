package rtspcam

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"time"

	"rtsprec/engine/media"
)

// Mark tells one unit from every other of its track.
//
// On the wire it is 40 bytes, the same in every codec: a fixed UUID, the counter
// (64 bits), the capture time (Unix nanoseconds, 64 bits), the CRC-32 of the coded
// picture or sound, and the CRC-32 of the 20 bytes before it, so that a mark is never
// found where there is none.
//
//	H.264, H.265   SEI user_data_unregistered before the first slice
//	MPEG-4         user_data before the VOP
//	MJPEG          comment between the scan and EOI (RFC 2435 carries nothing before the scan)
//	AAC            data_stream_element before everything else
//	Opus           padding (RFC 6716 3.2.5)
//	G.711, L16     the two lowest bits of the first 160 samples
type Mark struct {
	Counter uint64    // from 0 at the start of the camera, without a hole, never reused
	Capture time.Time // on the host's clock, whatever the camera's own clock says
	Sum     uint32    // CRC-32 (IEEE) of the coded picture or sound, see Intact
}

// Range is a run of units without a hole. Last is part of it.
type Range struct{ First, Last Mark }

const (
	markSize = 16 + 8 + 8 + 4 + 4
	bodySize = markSize - 16
)

// markID holds no zero byte, so that it is found as it is in escaped NAL units.
var markID = [16]byte{'r', 't', 's', 'p', 'c', 'a', 'm', 0x9d, 0x4e, 0xa1, 0xb7, 'u', 'n', 'i', 't', '!'}

// bytes is the mark as it stands in a unit, before any escaping.
func (m Mark) bytes() []byte {
	b := make([]byte, 0, markSize)
	b = append(b, markID[:]...)
	b = binary.BigEndian.AppendUint64(b, m.Counter)
	b = binary.BigEndian.AppendUint64(b, uint64(m.Capture.UnixNano()))
	b = binary.BigEndian.AppendUint32(b, m.Sum)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[16:]))
}

// ReadMark finds the mark of a unit: the MP4 sample, an Annex B unit, or one audio
// frame. False where there is none, or a broken one.
func ReadMark(codec media.Codec, unit []byte) (Mark, bool) {
	unit = audible(codec, unit)
	i := bytes.Index(unit, markID[:])
	if i < 0 {
		return Mark{}, false
	}
	body := unit[i+16:]
	if escaped(codec) {
		body = unescape(body[:min(len(body), 2*bodySize)])
	}
	if len(body) < bodySize || crc32.ChecksumIEEE(body[:20]) != binary.BigEndian.Uint32(body[20:]) {
		return Mark{}, false
	}
	return Mark{
		Counter: binary.BigEndian.Uint64(body),
		Capture: time.Unix(0, int64(binary.BigEndian.Uint64(body[8:]))),
		Sum:     binary.BigEndian.Uint32(body[16:]),
	}, true
}

// escaped reports whether start codes are kept out of the unit's bytes by the
// mechanism of H.264 7.4.1. The user data of MPEG-4 uses it too: ISO 14496-2 only
// forbids 23 zero bits in a row and says nothing of how to keep them out.
func escaped(c media.Codec) bool { return c.NALs() || c == media.MPEG4 }

// escape puts emulation prevention bytes into b, which follows a byte that is not zero.
func escape(b []byte) []byte {
	out, zeros := make([]byte, 0, len(b)+8), 0
	for _, c := range b {
		if zeros == 2 && c <= 3 {
			out, zeros = append(out, 3), 0
		}
		out = append(out, c)
		if c == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return out
}

// unescape takes emulation prevention bytes out.
func unescape(b []byte) []byte {
	out, zeros := make([]byte, 0, len(b)), 0
	for _, c := range b {
		if zeros >= 2 && c == 3 {
			zeros = 0
			continue
		}
		out = append(out, c)
		if c == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return out
}

// seiNAL is a whole SEI NAL unit with the mark.
func seiNAL(codec media.Codec, m Mark) []byte {
	sei := append([]byte{5, markSize}, m.bytes()...) // user_data_unregistered
	sei = escape(append(sei, 0x80))                  // rbsp_trailing_bits
	if codec == media.H265 {
		return append([]byte{39 << 1, 1}, sei...) // PREFIX_SEI_NUT
	}
	return append([]byte{6}, sei...)
}

// userData is an MPEG-4 user_data with the mark.
func userData(m Mark) []byte {
	// A last byte of 1 keeps a zero at the end of the mark apart from the start code behind it.
	return append([]byte{0, 0, 1, 0xb2}, append(escape(m.bytes()), 1)...)
}

// comment is a JPEG comment with the mark.
func comment(m Mark) []byte {
	return append([]byte{0xff, 0xfe, 0, markSize + 2}, m.bytes()...)
}

// dataElement is an AAC data_stream_element with the mark: 16 bits of header, so that
// what stands behind it needs no shifting (ISO 14496-3 4.4.2.6).
func dataElement(m Mark) []byte {
	return append([]byte{0x80, markSize}, m.bytes()...)
}
