//go:build cgo

package av

import (
	"encoding/binary"

	"rtsprec/engine/media"
)

// decoderConfig turns Track.Config into what FFmpeg's decoders take: avcC for H.264, hvcC
// for H.265 (ISO 14496-15), which also say that units are NAL units behind lengths of 4
// bytes; as it is for all others. Without a configuration H.264 and H.265 get an empty
// one: the parameter sets may yet come within the stream.
func decoderConfig(codec media.Codec, config []byte) []byte {
	switch codec {
	case media.H264:
		return avcC(config)
	case media.H265:
		return hvcC(config)
	}
	return config
}

// avcC is an AVCDecoderConfigurationRecord (5.3.3.1). Profile and level are those of the
// first SPS; decoders read them there.
func avcC(config []byte) []byte {
	_, sps, pps := media.SplitConfig(media.H264, config)
	sps, pps = sps[:min(len(sps), 31)], pps[:min(len(pps), 255)]
	record := []byte{1, 0, 0, 0, 0xff, 0xe0 | byte(len(sps))}
	if len(sps) > 0 && len(sps[0]) >= 4 {
		copy(record[1:4], sps[0][1:4])
	}
	record = appendSets(record, sps)
	record = append(record, byte(len(pps)))
	return appendSets(record, pps)
}

// hvcC is an HEVCDecoderConfigurationRecord (8.3.3.1) whose profile and level are left
// out: decoders read them in the SPS.
func hvcC(config []byte) []byte {
	record := make([]byte, 23)
	record[0], record[21] = 1, 0xff
	vps, sps, pps := media.SplitConfig(media.H265, config)
	for _, array := range []struct {
		kind byte
		sets [][]byte
	}{{32, vps}, {33, sps}, {34, pps}} {
		if len(array.sets) == 0 {
			continue
		}
		record[22]++
		record = append(record, 0x80|array.kind)
		record = binary.BigEndian.AppendUint16(record, uint16(len(array.sets)))
		record = appendSets(record, array.sets)
	}
	return record
}

// appendSets appends parameter sets, each behind its length of two bytes. A set is never
// longer: package media bounds it.
func appendSets(record []byte, sets [][]byte) []byte {
	for _, set := range sets {
		if len(set) > 0xffff {
			set = set[:0xffff]
		}
		record = binary.BigEndian.AppendUint16(record, uint16(len(set)))
		record = append(record, set...)
	}
	return record
}
