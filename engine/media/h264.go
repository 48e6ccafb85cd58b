package media

import "rtsprec/engine/fault"

// NAL unit types of H.264 (table 7-1).
const (
	h264IDR = 5
	h264SEI = 6
	h264SPS = 7
	h264PPS = 8
)

// maxSide bounds a picture's width and height: twice what level 6.2 allows. What
// claims more is garbage.
const maxSide = 32768

// sps is the meaning of an H.264 or H.265 sequence parameter set. Two sets mean the
// same when their values are equal.
type sps struct {
	id, vps       uint32
	profile       uint32
	constraints   uint32 // H.264: the flags behind profile_idc; H.265: the tier
	level         uint32
	width, height uint32 // after cropping
	units, scale  uint32 // a frame or field lasts units/scale seconds; 0: not said
	reorder       int    // -1: not said
	pixelW        uint32 // a pixel is shown pixelW/pixelH times as wide as high; 0: not said
	pixelH        uint32
	interlaced    bool
	rest          string // everything else
}

// parseSPS264 decodes a sequence parameter set (H.264 7.3.2.1.1).
func parseSPS264(nal []byte) (sps, error) {
	if len(nal) == 0 || nal[0]&0x1f != h264SPS {
		return sps{}, fault.New(fault.Protocol, "not a SPS")
	}
	r := &bitReader{data: rbsp(nal)[1:]}
	s := sps{profile: r.u(8), constraints: r.u(8), level: r.u(8), id: r.ue(), reorder: -1}
	chroma := h264Chroma(r, s.profile)
	r.say(r.ue()) // log2_max_frame_num_minus4
	pocType := h264PicOrder(r)
	r.say(r.ue(), r.u(1)) // max_num_ref_frames, gaps_in_frame_num_value_allowed_flag
	width, height := uint64(r.ue())+1, uint64(r.ue())+1
	cropX, cropY := uint64(1), uint64(1)
	if chroma == 1 || chroma == 2 {
		cropX = 2
	}
	if chroma == 1 {
		cropY = 2
	}
	if s.interlaced = !r.flag(); s.interlaced {
		height *= 2
		cropY *= 2
		r.say(r.u(1)) // mb_adaptive_frame_field_flag
	}
	r.say(r.u(1)) // direct_8x8_inference_flag
	width, height = width*16, height*16
	if r.flag() {
		left, right, top, bottom := r.ue(), r.ue(), r.ue(), r.ue()
		width -= min(width, cropX*(uint64(left)+uint64(right)))
		height -= min(height, cropY*(uint64(top)+uint64(bottom)))
		if left != 0 || top != 0 {
			r.say(left, top)
		}
	}
	if r.short || s.id > 31 || chroma > 3 || pocType > 2 {
		return sps{}, fault.New(fault.Protocol, "a broken SPS")
	}
	if width == 0 || height == 0 || width > maxSide || height > maxSide {
		return sps{}, fault.New(fault.Protocol, "a SPS with pictures of %dx%d", width, height)
	}
	s.width, s.height = uint32(width), uint32(height)
	if r.flag() {
		h264VUI(r, &s)
	}
	// Without B pictures, and where output order is decoding order, nothing is reordered.
	if s.reorder < 0 && (s.profile == 66 || pocType == 2) {
		s.reorder = 0
	}
	s.rest = string(r.said)
	return s, nil
}

// h264Chroma reads what only the High profiles have and returns the chroma format.
func h264Chroma(r *bitReader, profile uint32) uint32 {
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
	default:
		return 1
	}
	chroma := r.ue()
	separate := chroma == 3 && r.flag()
	r.say(chroma, r.ue(), r.ue(), r.u(1)) // bit depths, qpprime_y_zero_transform_bypass_flag
	if separate {
		r.say(1)
	}
	if r.flag() { // seq_scaling_matrix_present_flag
		lists := 8
		if chroma == 3 {
			lists = 12
		}
		for i := range lists {
			present := r.u(1)
			r.say(present)
			if present == 1 {
				h264ScalingList(r, i)
			}
		}
	}
	return chroma
}

// h264ScalingList reads scaling list i (7.3.2.1.1.1).
func h264ScalingList(r *bitReader, i int) {
	size := 16
	if i >= 6 {
		size = 64
	}
	for last, n := int32(8), 0; n < size && !r.short; n++ {
		delta := r.se()
		r.say(uint32(delta))
		if last = (last + delta) & 0xff; last == 0 {
			return
		}
	}
}

// h264PicOrder reads how pictures are ordered for output and returns
// pic_order_cnt_type.
func h264PicOrder(r *bitReader) uint32 {
	kind := r.ue()
	r.say(kind)
	switch kind {
	case 0:
		r.say(r.ue()) // log2_max_pic_order_cnt_lsb_minus4
	case 1:
		r.say(r.u(1), r.ue(), r.ue()) // delta_pic_order_always_zero_flag, offsets
		n := r.ue()
		for i := uint32(0); i < n && i < 256 && !r.short; i++ {
			r.say(r.ue())
		}
	}
	return kind
}

// h264VUI reads the video usability information (E.1.1). Cameras cut it short: what
// was read before the end counts, the rest is taken as not said.
func h264VUI(r *bitReader, s *sps) {
	vuiPicture(r, s)
	if r.flag() { // timing_info_present_flag
		if units, scale := r.u(32), r.u(32); !r.short {
			s.units, s.scale = units, scale
		}
		r.say(r.u(1)) // fixed_frame_rate_flag
	}
	nal := r.flag()
	if nal {
		h264HRD(r)
	}
	vcl := r.flag()
	if vcl {
		h264HRD(r)
	}
	if nal || vcl {
		r.say(r.u(1)) // low_delay_hrd_flag
	}
	r.say(r.u(1))  // pic_struct_present_flag
	if !r.flag() { // bitstream_restriction_flag
		return
	}
	r.say(r.u(1), r.ue(), r.ue(), r.ue(), r.ue())
	reorder, buffering := r.ue(), r.ue()
	r.say(buffering)
	if !r.short && reorder <= 16 {
		s.reorder = int(reorder)
	}
}

// vuiPicture reads the elements that both codecs' VUI begin with: they say how the
// picture looks. An element that is absent says what its default says.
func vuiPicture(r *bitReader, s *sps) {
	var aspect, sarW, sarH, overscan uint32
	if r.flag() {
		if aspect = r.u(8); aspect == 255 {
			sarW, sarH = r.u(16), r.u(16)
		}
		s.pixelW, s.pixelH = pixelShape(aspect, sarW, sarH)
	}
	if r.flag() {
		overscan = 1 + r.u(1)
	}
	format, full, primaries, transfer, matrix := uint32(5), uint32(0), uint32(2), uint32(2), uint32(2)
	if r.flag() { // video_signal_type_present_flag
		format, full = r.u(3), r.u(1)
		if r.flag() {
			primaries, transfer, matrix = r.u(8), r.u(8), r.u(8)
		}
	}
	var top, bottom uint32
	if r.flag() { // chroma_loc_info_present_flag
		top, bottom = r.ue(), r.ue()
	}
	r.say(aspect, sarW, sarH, overscan, format, full, primaries, transfer, matrix, top, bottom)
}

// pixelShape is the shape that an aspect_ratio_idc stands for (table E-1 of both codecs).
func pixelShape(aspect, w, h uint32) (uint32, uint32) {
	known := [...][2]uint32{
		{}, {1, 1}, {12, 11}, {10, 11}, {16, 11}, {40, 33}, {24, 11}, {20, 11}, {32, 11},
		{80, 33}, {18, 11}, {15, 11}, {64, 33}, {160, 99}, {4, 3}, {3, 2}, {2, 1},
	}
	switch {
	case aspect < uint32(len(known)):
		return known[aspect][0], known[aspect][1]
	case aspect == 255 && w > 0 && h > 0:
		return w, h
	}
	return 0, 0
}

// h264HRD reads the buffering model (E.1.2).
func h264HRD(r *bitReader) {
	n := r.ue()
	r.say(n, r.u(4), r.u(4))
	for i := uint32(0); i <= n && i < 32 && !r.short; i++ {
		r.say(r.ue(), r.ue(), r.u(1))
	}
	r.say(r.u(20))
}
