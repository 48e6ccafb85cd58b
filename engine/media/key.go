package media

// IsKey reports whether decoding may start at unit.
//
// H.264: an IDR picture, or a recovery point SEI (D.2.8), whatever its
// recovery_frame_cnt: a camera with periodic intra refresh never sends an IDR, and its
// pictures are whole that many frames later. H.265: an IRAP picture (IDR, BLA, CRA).
// MPEG-4: an I-VOP, with or without headers before it. Units of other codecs always.
func IsKey(codec Codec, unit []byte) bool {
	return false
}
