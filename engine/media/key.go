package media

// IsKey reports whether decoding may start at unit.
//
// H.264: an IDR picture, or a recovery point SEI (D.2.8), whatever its
// recovery_frame_cnt: a camera with periodic intra refresh never sends an IDR, and its
// pictures are whole that many frames later. H.265: an IRAP picture (IDR, BLA, CRA), or
// a recovery point SEI for the same reason. MPEG-4: an I-VOP, with or without headers
// before it. Units of other codecs always.
func IsKey(codec Codec, unit []byte) bool {
	switch codec {
	case H264:
		return h264Key(unit)
	case H265:
		return h265Key(unit)
	case MPEG4:
		for code, section := range mpeg4Sections(unit) {
			if code == mpeg4VOP {
				return len(section) > 4 && section[4]>>6 == 0 // vop_coding_type
			}
		}
		return false
	}
	return true
}

func h264Key(unit []byte) bool {
	recovery, picture := false, false
	for nal := range NALs(unit) {
		if len(nal) == 0 {
			continue
		}
		switch kind := nal[0] & 0x1f; {
		case kind == h264IDR:
			return true
		case kind == h264SEI:
			recovery = recovery || hasRecoveryPoint(nal[1:])
		case kind >= 1 && kind <= 4:
			picture = true
		}
	}
	return recovery && picture
}

func h265Key(unit []byte) bool {
	recovery := false
	for nal := range NALs(unit) {
		switch kind := h265Type(nal); {
		case kind >= h265BLA && kind <= h265CRA:
			return true
		case kind == h265SEI:
			recovery = recovery || hasRecoveryPoint(nal[2:])
		case kind >= 0 && kind <= h265VCL:
			return recovery // the kind of the first slice is that of the picture
		}
	}
	return false
}

// hasRecoveryPoint looks for payload type 6 among the messages of an SEI NAL unit
// without its header (H.264 7.3.2.3.1, H.265 7.3.2.4): both codecs count it so.
func hasRecoveryPoint(body []byte) bool {
	body = rbsp(body)
	for len(body) >= 2 && body[0] != 0x80 {
		var kind, size int
		kind, body = seiNumber(body)
		if kind == 6 {
			return true
		}
		size, body = seiNumber(body)
		if size > len(body) {
			return false
		}
		body = body[size:]
	}
	return false
}

// seiNumber reads a number that is a sum of bytes up to and including the first that is
// not 0xff.
func seiNumber(body []byte) (n int, rest []byte) {
	for i, b := range body {
		n += int(b)
		if b != 0xff {
			return n, body[i+1:]
		}
	}
	return n, nil
}

// IsDisposable reports whether a unit can be left out by itself: no other picture refers to
// it. H.264: nal_ref_idc is 0 (7.4.1). H.265: a sub-layer non-reference picture (7.4.2.2) of
// the lowest sub-layer; one above may still be what a higher one refers to. Sound always.
func IsDisposable(codec Codec, unit []byte) bool {
	switch codec {
	case H264:
		picture := false
		for nal := range NALs(unit) {
			if len(nal) == 0 || nal[0]&0x1f < 1 || nal[0]&0x1f > h264IDR {
				continue
			}
			if nal[0]>>5&3 != 0 {
				return false
			}
			picture = true
		}
		return picture
	case H265:
		for nal := range NALs(unit) {
			if kind := h265Type(nal); kind >= 0 && kind <= h265VCL {
				return kind < 16 && kind%2 == 0 && nal[1]&7 == 1 // nuh_temporal_id_plus1
			}
		}
		return false
	}
	return !codec.Video()
}
