package media

// JoinConfig puts parameter sets into the form of [Track.Config]: each behind its
// length, trailing zero bytes removed, empty ones left out. H.264: SPS then PPS;
// H.265: VPS, SPS, PPS.
func JoinConfig(sets ...[]byte) []byte {
	var config []byte
	for _, set := range sets {
		config = AppendNAL(config, set)
	}
	return config
}

// SplitConfig sorts the parameter sets of an H.264 or H.265 configuration by kind. vps
// is always empty for H.264. The slices share config's memory.
func SplitConfig(codec Codec, config []byte) (vps, sps, pps [][]byte) {
	return nil, nil, nil
}

// ConfigOf returns the configuration that is in force from unit on, when the
// parameter sets or headers in it change what old, the configuration so far, says;
// nil when unit carries none or nothing changes once decoded ([SameConfig]). Of each
// parameter set id the newest is kept. The result shares no memory with unit or old.
//
// Sets that do not parse are passed over. The result may still be incomplete (an SPS
// without a PPS): ask [ValidConfig].
func ConfigOf(codec Codec, unit, old []byte) []byte {
	return nil
}

// SameConfig reports whether a and b mean the same to a decoder. They are compared
// decoded: trailing zeros, order and repetition of parameter sets make no difference;
// another resolution, profile or VUI timing does. What does not parse is compared by
// bytes.
func SameConfig(codec Codec, a, b []byte) bool {
	return string(a) == string(b)
}

// ValidConfig says whether a decoder can start with config. An SDP is a hint and may
// hold anything. The error is of kind fault.Protocol and says what is wrong, for
// people. Codecs without a configuration accept an empty one only.
func ValidConfig(codec Codec, config []byte) error {
	return nil
}
