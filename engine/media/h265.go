package media

import "rtsprec/engine/fault"

// NAL unit types of H.265 (table 7-1).
const (
	h265BLA = 16 // the first of the IRAP types
	h265CRA = 21 // the last that is in use
	h265VCL = 31 // the last that carries picture data
	h265VPS = 32
	h265SPS = 33
	h265PPS = 34
	h265SEI = 39 // prefix
)

// h265Type returns the type of a NAL unit; -1 for one without a whole header.
func h265Type(nal []byte) int {
	if len(nal) < 2 {
		return -1
	}
	return int(nal[0] >> 1 & 0x3f)
}

// parseSPS265 decodes a sequence parameter set (H.265 7.3.2.2.1).
func parseSPS265(nal []byte) (sps, error) {
	if h265Type(nal) != h265SPS {
		return sps{}, fault.New(fault.Protocol, "not a SPS")
	}
	r := &bitReader{data: rbsp(nal)}
	r.skip(16)
	s := sps{vps: r.u(4)}
	layers := int(r.u(3)) // sps_max_sub_layers_minus1
	r.say(r.u(1))         // sps_temporal_id_nesting_flag
	h265ProfileTierLevel(r, &s, layers)
	s.id = r.ue()
	chroma := r.ue()
	r.say(chroma)
	separate := chroma == 3 && r.flag()
	if separate {
		r.say(1)
	}
	width, height := uint64(r.ue()), uint64(r.ue())
	if r.flag() { // conformance_window_flag
		x, y := uint64(1), uint64(1)
		if chroma == 1 || chroma == 2 {
			x = 2
		}
		if chroma == 1 {
			y = 2
		}
		left, right, top, bottom := r.ue(), r.ue(), r.ue(), r.ue()
		width -= min(width, x*(uint64(left)+uint64(right)))
		height -= min(height, y*(uint64(top)+uint64(bottom)))
		if left != 0 || top != 0 {
			r.say(left, top)
		}
	}
	r.say(r.ue(), r.ue()) // bit depths
	pocBits := r.ue() + 4
	r.say(pocBits)
	h265SubLayerOrder(r, &s, layers)
	if r.short || s.id > 15 || chroma > 3 || pocBits > 16 {
		return sps{}, fault.New(fault.Protocol, "a broken SPS")
	}
	if width == 0 || height == 0 || width > maxSide || height > maxSide {
		return sps{}, fault.New(fault.Protocol, "a SPS with pictures of %dx%d", width, height)
	}
	s.width, s.height = uint32(width), uint32(height)
	h265Tools(r, int(pocBits))
	if r.flag() && !r.short {
		h265VUI(r, &s)
	}
	if r.flag() && !r.short { // sps_extension_present_flag
		r.sayRest()
	}
	s.rest = string(r.said)
	return s, nil
}

// h265ProfileTierLevel reads profile_tier_level() (7.3.3).
func h265ProfileTierLevel(r *bitReader, s *sps, layers int) {
	r.say(r.u(2)) // general_profile_space
	s.constraints, s.profile = r.u(1), r.u(5)
	r.say(r.u(32)) // compatibility
	flags := r.u(32)
	r.say(flags, r.u(16))
	s.interlaced = flags>>30 == 1 // general_interlaced_source_flag alone
	s.level = r.u(8)
	var profiles, levels [8]bool
	for i := range layers {
		profiles[i], levels[i] = r.flag(), r.flag()
	}
	if layers > 0 {
		r.skip(2 * (8 - layers))
	}
	for i := range layers {
		if profiles[i] {
			r.say(r.u(32), r.u(32), r.u(24))
		}
		if levels[i] {
			r.say(r.u(8))
		}
	}
}

// h265SubLayerOrder reads the buffering of each sub-layer; that of the highest counts.
func h265SubLayerOrder(r *bitReader, s *sps, layers int) {
	first := layers
	if r.flag() { // sps_sub_layer_ordering_info_present_flag
		first = 0
	}
	for i := first; i <= layers; i++ {
		buffering, reorder, latency := r.ue(), r.ue(), r.ue()
		if i == layers {
			r.say(buffering, latency)
			s.reorder = int(min(reorder, 16))
		}
	}
}

// h265Tools reads the coding tools, from the block sizes to the last flag before the
// VUI.
func h265Tools(r *bitReader, pocBits int) {
	r.say(r.ue(), r.ue(), r.ue(), r.ue(), r.ue(), r.ue())
	if r.flag() { // scaling_list_enabled_flag
		r.say(1)
		if r.flag() {
			h265ScalingLists(r)
		}
	}
	r.say(r.u(2)) // amp_enabled_flag, sample_adaptive_offset_enabled_flag
	if r.flag() { // pcm_enabled_flag
		r.say(r.u(8), r.ue(), r.ue(), r.u(1))
	}
	h265RefPicSets(r)
	if r.flag() { // long_term_ref_pics_present_flag
		n := r.ue()
		r.say(1, n)
		for i := uint32(0); i < n && i < 33 && !r.short; i++ {
			r.say(r.u(pocBits), r.u(1))
		}
	}
	r.say(r.u(2)) // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
}

// h265ScalingLists reads scaling_list_data() (7.3.4).
func h265ScalingLists(r *bitReader) {
	for size := range 4 {
		step := 1
		if size == 3 {
			step = 3
		}
		for matrix := 0; matrix < 6 && !r.short; matrix += step {
			explicit := r.u(1)
			r.say(explicit)
			if explicit == 0 {
				r.say(r.ue())
				continue
			}
			n := min(64, 1<<(4+2*size))
			if size > 1 {
				n++ // the DC coefficient
			}
			for range n {
				r.say(r.ue())
			}
		}
	}
}

// h265RefPicSets reads the short-term reference picture sets (7.3.7). They have to be
// worked out, because how long a set is depends on the one that it is predicted from.
func h265RefPicSets(r *bitReader) {
	n := r.ue()
	r.say(n)
	var set refPicSet
	for i := uint32(0); i < n && i < 65 && !r.short; i++ {
		if i > 0 && r.flag() { // inter_ref_pic_set_prediction_flag
			set = set.predict(r)
			continue
		}
		before, after := r.ue(), r.ue()
		r.say(before, after)
		if before > 16 || after > 16 { // sps_max_dec_pic_buffering is 16 at most
			r.short = true
			return
		}
		set = refPicSet{before: refPicDeltas(r, before, -1), after: refPicDeltas(r, after, 1)}
	}
}

// refPicSet holds distances in output order, the nearest first.
type refPicSet struct{ before, after []int32 }

// refPicDeltas reads n distances in the direction of sign.
func refPicDeltas(r *bitReader, n uint32, sign int32) (deltas []int32) {
	at := int32(0)
	for range n {
		step := r.ue()
		r.say(step, r.u(1))
		at += sign * (int32(step&0x7fff) + 1) // a distance has 15 bits (7.4.8)
		deltas = append(deltas, at)
	}
	return deltas
}

// predict reads a set that is given as a change of s (formulas 7-61 and 7-62): each
// picture of s and the one that s belongs to, moved by one distance, unless left out.
func (s refPicSet) predict(r *bitReader) (p refPicSet) {
	sign, size := r.u(1), r.ue()
	r.say(sign, size)
	move := int32(size&0x7fff) + 1
	if sign == 1 {
		move = -move
	}
	keep := make([]bool, len(s.before)+len(s.after)+1)
	for j := range keep {
		used := r.flag()
		keep[j] = used || r.flag()
		switch {
		case used:
			r.say(2)
		case keep[j]:
			r.say(1)
		default:
			r.say(0)
		}
	}
	add := func(delta int32, kept bool, to *[]int32, sign int32) {
		if kept && delta*sign > 0 {
			*to = append(*to, delta)
		}
	}
	first, own := len(s.before), keep[len(keep)-1]
	for j := len(s.after) - 1; j >= 0; j-- {
		add(s.after[j]+move, keep[first+j], &p.before, -1)
	}
	add(move, own, &p.before, -1)
	for j, delta := range s.before {
		add(delta+move, keep[j], &p.before, -1)
	}
	for j := len(s.before) - 1; j >= 0; j-- {
		add(s.before[j]+move, keep[j], &p.after, 1)
	}
	add(move, own, &p.after, 1)
	for j, delta := range s.after {
		add(delta+move, keep[first+j], &p.after, 1)
	}
	if len(p.before)+len(p.after) > 32 {
		r.short = true
	}
	return p
}

// h265VUI reads the video usability information (E.2.1).
func h265VUI(r *bitReader, s *sps) {
	vuiPicture(r, s)
	r.say(r.u(3)) // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
	if r.flag() { // default_display_window_flag
		r.say(r.ue(), r.ue(), r.ue(), r.ue())
	}
	if r.flag() { // vui_timing_info_present_flag
		if units, scale := r.u(32), r.u(32); !r.short {
			s.units, s.scale = units, scale
		}
		if r.flag() {
			r.say(r.ue())
		}
		if r.flag() { // hrd_parameters() are long and tell us nothing
			r.sayRest()
			return
		}
	}
	if r.flag() { // bitstream_restriction_flag
		r.say(r.u(3), r.ue(), r.ue(), r.ue(), r.ue(), r.ue())
	}
}
