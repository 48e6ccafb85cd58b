package media

import (
	"bytes"
	"iter"
	"math/bits"

	"rtsprec/engine/fault"
)

// Start codes of MPEG-4 Part 2 (ISO 14496-2 table 6-3): the byte behind 00 00 01.
const (
	mpeg4Object   = 0x00 // to 0x1f: video_object
	mpeg4Layer    = 0x20 // to 0x2f: video_object_layer
	mpeg4Sequence = 0xb0
	mpeg4UserData = 0xb2
	mpeg4GOP      = 0xb3
	mpeg4Visual   = 0xb5
	mpeg4VOP      = 0xb6
)

var startCode = []byte{0, 0, 1}

// mpeg4Sections walks over a unit: each section begins with its start code and ends
// before the next one.
func mpeg4Sections(data []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		at := bytes.Index(data, startCode)
		for at >= 0 && at+3 < len(data) {
			data = data[at:]
			at = bytes.Index(data[4:], startCode)
			end := len(data)
			if at >= 0 {
				at += 4
				end = at
			}
			if !yield(data[3], data[:end:end]) {
				return
			}
		}
	}
}

// mpeg4Headers holds the headers that make up a configuration.
type mpeg4Headers struct {
	sequence, visual, object, layer []byte // each with its start code; nil: not there
	userData                        []byte // encoders name themselves here; decoders work around their faults
}

// mpeg4HeadersOf collects the headers before the first picture; of each kind the last.
func mpeg4HeadersOf(data []byte) mpeg4Headers {
	var h mpeg4Headers
	for code, section := range mpeg4Sections(data) {
		switch {
		case code == mpeg4VOP || code == mpeg4GOP:
			return h
		case code == mpeg4Sequence:
			h.sequence = section
		case code == mpeg4Visual:
			h.visual = section
		case code < mpeg4Layer:
			h.object = section
		case code < mpeg4Layer+16:
			h.layer, h.userData = section, nil
		case code == mpeg4UserData:
			h.userData = section
		}
	}
	return h
}

// or fills in what h lacks.
func (h mpeg4Headers) or(old mpeg4Headers) mpeg4Headers {
	for _, f := range []struct{ to, from *[]byte }{
		{&h.sequence, &old.sequence}, {&h.visual, &old.visual},
		{&h.object, &old.object}, {&h.layer, &old.layer}, {&h.userData, &old.userData},
	} {
		if *f.to == nil {
			*f.to = *f.from
		}
	}
	return h
}

// same reports whether a decoder sees no difference. Padding behind a header and user
// data are none.
func (h mpeg4Headers) same(o mpeg4Headers) bool {
	trim := func(b []byte) []byte { return bytes.TrimRight(b, "\x00") }
	return bytes.Equal(trim(h.sequence), trim(o.sequence)) && bytes.Equal(trim(h.visual), trim(o.visual)) &&
		bytes.Equal(trim(h.layer), trim(o.layer))
}

// bytes puts the headers in the order of 6.2.2.
func (h mpeg4Headers) bytes() []byte {
	return bytes.Join([][]byte{h.sequence, h.visual, h.object, h.layer, h.userData}, nil)
}

// mpeg4VOL is what a video_object_layer says.
type mpeg4VOL struct {
	width, height uint32
	units, scale  uint32 // a picture lasts units/scale seconds; units 0: it varies
	lowDelay      int    // 1: no B-VOPs; 0: B-VOPs may occur; -1: not said
	simple        bool   // an object type without B-VOPs
	interlaced    bool
}

// parseVOL decodes a video_object_layer (6.2.3) up to the flag for interlacing.
func parseVOL(section []byte) (mpeg4VOL, error) {
	if len(section) < 4 {
		return mpeg4VOL{}, fault.New(fault.Protocol, "no video object layer")
	}
	r := &bitReader{data: section[4:]}
	v := mpeg4VOL{lowDelay: -1}
	r.u(1)                 // random_accessible_vol
	v.simple = r.u(8) == 1 // video_object_type_indication
	verid := uint32(1)
	if r.flag() {
		verid = r.u(4)
		r.u(3)
	}
	if r.u(4) == 15 { // aspect_ratio_info: extended_PAR
		r.u(16)
	}
	if r.flag() { // vol_control_parameters
		r.u(2) // chroma_format
		v.lowDelay = int(r.u(1))
		if r.flag() { // vbv_parameters
			r.skip(79)
		}
	}
	shape := r.u(2)
	if shape == 3 && verid != 1 {
		r.u(4)
	}
	r.u(1)
	v.scale = r.u(16) // vop_time_increment_resolution
	r.u(1)
	if r.flag() { // fixed_vop_rate
		v.units = r.u(max(1, bits.Len32(max(v.scale, 1)-1)))
	}
	if shape != 0 {
		return mpeg4VOL{}, fault.New(fault.Protocol, "a video object layer that is not rectangular")
	}
	r.u(1)
	v.width = r.u(13)
	r.u(1)
	v.height = r.u(13)
	r.u(1)
	v.interlaced = r.flag()
	if r.short || v.width == 0 || v.height == 0 || v.scale == 0 {
		return mpeg4VOL{}, fault.New(fault.Protocol, "a broken video object layer")
	}
	return v, nil
}
