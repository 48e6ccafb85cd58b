package media

import "rtsprec/engine/fault"

// setKind is the kind of a parameter set; its order is that of a configuration.
type setKind uint8

const (
	noSet setKind = iota
	vpsSet
	spsSet
	ppsSet
)

// maxSet bounds a parameter set: MP4 boxes count its bytes in 16 bits.
const maxSet = 1<<16 - 1

// paramSet is one parameter set and what it means.
type paramSet struct {
	kind setKind
	id   uint32
	nal  []byte
	sps  sps    // what it means, for an SPS
	rbsp string // and for the others
}

// same reports whether a decoder sees no difference between p and o.
func (p paramSet) same(o paramSet) bool {
	return p.kind == o.kind && p.id == o.id && p.sps == o.sps && p.rbsp == o.rbsp
}

// setKindOf tells parameter sets from other NAL units.
func setKindOf(codec Codec, nal []byte) setKind {
	switch {
	case codec == H264 && len(nal) > 1:
		switch nal[0] & 0x1f {
		case h264SPS:
			return spsSet
		case h264PPS:
			return ppsSet
		}
	case codec == H265:
		switch h265Type(nal) {
		case h265VPS:
			return vpsSet
		case h265SPS:
			return spsSet
		case h265PPS:
			return ppsSet
		}
	}
	return noSet
}

// parseSet decodes nal as a parameter set. Kind is noSet when it is another NAL unit.
func parseSet(codec Codec, nal []byte) (paramSet, error) {
	p := paramSet{kind: setKindOf(codec, nal)}
	if p.kind == noSet {
		return p, nil
	}
	for len(nal) > 0 && nal[len(nal)-1] == 0 {
		nal = nal[:len(nal)-1] // trailing_zero_8bits of a byte stream, not part of the unit
	}
	if len(nal) > maxSet {
		return paramSet{}, fault.New(fault.Protocol, "a parameter set of %d bytes", len(nal))
	}
	p.nal = nal
	var err error
	switch {
	case p.kind == spsSet && codec == H264:
		p.sps, err = parseSPS264(nal)
		p.id = p.sps.id
	case p.kind == spsSet:
		p.sps, err = parseSPS265(nal)
		p.id = p.sps.id
	default:
		header, limit := 1, uint32(255)
		if codec == H265 {
			header, limit = 2, 63
		}
		body := rbsp(nal)
		r := &bitReader{data: body[min(header, len(body)):]}
		p.rbsp = string(r.data)
		if p.kind == vpsSet {
			p.id = r.u(4)
		} else {
			p.id = r.ue()
		}
		if r.short || p.id > limit {
			err = fault.New(fault.Protocol, "a broken parameter set")
		}
	}
	if err != nil {
		return paramSet{}, err
	}
	return p, nil
}

// setsOf collects the parameter sets in a unit or configuration that parse: of each id
// the last, in order of kind and then of appearance.
func setsOf(codec Codec, data []byte) []paramSet {
	var sets []paramSet
	for nal := range NALs(data) {
		if p, err := parseSet(codec, nal); err == nil && p.kind != noSet {
			sets = putSet(sets, p)
		}
	}
	return sets
}

// putSet replaces the set of p's kind and id, or inserts p behind those of its kind.
func putSet(sets []paramSet, p paramSet) []paramSet {
	at := len(sets)
	for i, have := range sets {
		if have.kind == p.kind && have.id == p.id {
			sets[i] = p
			return sets
		}
		if have.kind > p.kind && at == len(sets) {
			at = i
		}
	}
	sets = append(sets, paramSet{})
	copy(sets[at+1:], sets[at:])
	sets[at] = p
	return sets
}

// joinSets is JoinConfig for decoded sets.
func joinSets(sets []paramSet) []byte {
	var config []byte
	for _, p := range sets {
		config = AppendNAL(config, p.nal)
	}
	return config
}

// sameSets reports whether a and b hold sets that mean the same, in whatever order.
func sameSets(a, b []paramSet) bool {
	if len(a) != len(b) {
		return false
	}
	for _, p := range a {
		found := false
		for _, o := range b {
			found = found || p.same(o)
		}
		if !found {
			return false
		}
	}
	return true
}
