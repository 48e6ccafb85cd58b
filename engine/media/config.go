package media

import (
	"bytes"

	"rtsprec/engine/fault"
)

// JoinConfig puts parameter sets into the form of [Track.Config]: each behind its
// length, trailing zero bytes removed, empty ones left out. H.264: SPS then PPS;
// H.265: VPS, SPS, PPS.
func JoinConfig(sets ...[]byte) []byte {
	var config []byte
	for _, set := range sets {
		config = AppendNAL(config, bytes.TrimRight(set, "\x00"))
	}
	return config
}

// SplitConfig sorts the parameter sets of an H.264 or H.265 configuration by kind. vps
// is always empty for H.264. The slices share config's memory.
func SplitConfig(codec Codec, config []byte) (vps, sps, pps [][]byte) {
	for nal := range NALs(config) {
		switch setKindOf(codec, nal) {
		case vpsSet:
			vps = append(vps, nal)
		case spsSet:
			sps = append(sps, nal)
		case ppsSet:
			pps = append(pps, nal)
		}
	}
	return vps, sps, pps
}

// ConfigOf returns the configuration that is in force from unit on, when the
// parameter sets or headers in it change what old, the configuration so far, says;
// nil when unit carries none or nothing changes once decoded ([SameConfig]). Of each
// parameter set id the newest is kept. The result shares no memory with unit or old.
//
// Sets that do not parse are passed over. The result may still be incomplete (an SPS
// without a PPS): ask [ValidConfig].
func ConfigOf(codec Codec, unit, old []byte) []byte {
	switch {
	case codec.NALs():
		return setsAfter(codec, unit, old)
	case codec == MPEG4:
		now := mpeg4HeadersOf(unit)
		if _, err := parseVOL(now.layer); err != nil {
			return nil
		}
		before := mpeg4HeadersOf(old)
		if now = now.or(before); now.same(before) {
			return nil
		}
		return now.bytes()
	}
	return nil
}

// setsAfter is ConfigOf for parameter sets. Most units carry none, so that is found out
// without decoding or allocating.
func setsAfter(codec Codec, unit, old []byte) []byte {
	var sets []paramSet
	changed := false
	for nal := range NALs(unit) {
		if setKindOf(codec, nal) == noSet {
			continue
		}
		p, err := parseSet(codec, nal)
		if err != nil {
			continue
		}
		if sets == nil {
			sets = setsOf(codec, old)
		}
		known := false
		for _, have := range sets {
			known = known || have.same(p)
		}
		if !known {
			changed = true
			sets = putSet(sets, p)
		}
	}
	if !changed {
		return nil
	}
	return joinSets(sets)
}

// SameConfig reports whether a and b mean the same to a decoder. They are compared
// decoded: trailing zeros, order and repetition of parameter sets make no difference;
// another resolution, profile or VUI timing does. What does not parse is compared by
// bytes.
func SameConfig(codec Codec, a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	switch {
	case codec.NALs():
		x, y := setsOf(codec, a), setsOf(codec, b)
		return len(x) > 0 && sameSets(x, y)
	case codec == MPEG4:
		x, y := mpeg4HeadersOf(a), mpeg4HeadersOf(b)
		return x.layer != nil && x.same(y)
	case codec == AAC:
		x, errX := parseAAC(a)
		y, errY := parseAAC(b)
		return errX == nil && errY == nil && x == y
	}
	return false
}

// ValidConfig says whether a decoder can start with config. An SDP is a hint and may
// hold anything. The error is of kind fault.Protocol and says what is wrong, for
// people. Codecs without a configuration accept an empty one only.
func ValidConfig(codec Codec, config []byte) error {
	switch {
	case !codec.NeedsConfig():
		if len(config) > 0 {
			return fault.New(fault.Protocol, "a configuration where %s has none", codec.Title())
		}
		return nil
	case len(config) == 0:
		return fault.New(fault.Protocol, "no decoder configuration for %s", codec.Title())
	case codec == MPEG4:
		_, err := parseVOL(mpeg4HeadersOf(config).layer)
		return err
	case codec == AAC:
		_, err := parseAAC(config)
		return err
	}
	return validSets(codec, config)
}

// validSets is ValidConfig for parameter sets: one of each kind, and all of them sound.
func validSets(codec Codec, config []byte) error {
	if ValidNALs(config) != nil {
		return fault.New(fault.Protocol, "not a SPS")
	}
	var have [ppsSet + 1]bool
	for nal := range NALs(config) {
		p, err := parseSet(codec, nal)
		if err != nil {
			return err
		}
		have[p.kind] = true
	}
	switch {
	case have[noSet] && !have[spsSet]:
		return fault.New(fault.Protocol, "not a SPS")
	case have[noSet]:
		return fault.New(fault.Protocol, "something else among the parameter sets")
	case !have[spsSet]:
		return fault.New(fault.Protocol, "no SPS")
	case !have[ppsSet]:
		return fault.New(fault.Protocol, "no PPS")
	case codec == H265 && !have[vpsSet]:
		return fault.New(fault.Protocol, "no VPS")
	}
	return nil
}

// WithConfig puts a decoder configuration in front of a key frame that does not hold it.
// The unit that is given is not changed.
func WithConfig(au AccessUnit, codec Codec, config []byte) AccessUnit {
	if len(config) == 0 || SameConfig(codec, ConfigOf(codec, au.Data, nil), config) {
		return au
	}
	au.Data = append(append(make([]byte, 0, len(config)+len(au.Data)), config...), au.Data...)
	return au
}
