package segment

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// Object types of ISO 14496-1 table 5 and stream types of table 6.
const (
	objectMPEG4, objectMJPEG, objectAAC = 0x20, 0x6C, 0x40
	streamVisual, streamAudio           = 4, 5
)

// NAL unit types of parameter sets.
const (
	typeSPS264, typePPS264             = 7, 8
	typeVPS265, typeSPS265, typePPS265 = 32, 33, 34
)

// Storable says whether a track can be stored. The error is of kind fault.Unsupported
// and says what is missing; the track is then left out and the others are recorded.
func Storable(t media.Track) error {
	if why := unstorable(t); why != "" {
		return fault.New(fault.Unsupported, "store %s: %s", t.Codec.Title(), why)
	}
	return nil
}

func unstorable(t media.Track) string {
	switch {
	case t.ClockRate < 1 || t.ClockRate > 1<<31-1:
		return "no clock rate"
	case t.Codec.NeedsConfig() && len(t.Config) == 0:
		return "no decoder configuration yet"
	case len(t.Config) > maxConfig:
		return "decoder configuration too long"
	case !t.Codec.Video() && (t.Channels < 1 || t.Channels > 255):
		return "number of channels unknown"
	case !t.Codec.Video() && t.SampleRate < 1:
		return "sample rate unknown"
	case t.SampleRate > maxSampleRate && t.SampleRate != t.ClockRate:
		return "sample rate too high"
	}
	switch t.Codec {
	case media.H264:
		if len(sets(t, typeSPS264)) == 0 || len(sets(t, typePPS264)) == 0 {
			return "no sequence or no picture parameter set"
		}
	case media.H265:
		if len(sets(t, typeVPS265)) == 0 || len(sets(t, typeSPS265)) == 0 || len(sets(t, typePPS265)) == 0 {
			return "no video, no sequence or no picture parameter set"
		}
	case media.Opus:
		if t.Channels > 2 {
			return "more than two channels"
		}
	case media.G726:
		if t.Bits < 2 || t.Bits > 5 {
			return "bits a sample unknown"
		}
	case media.MPEG4, media.MJPEG, media.AAC, media.PCMA, media.PCMU, media.L16, media.G722:
	default:
		return "no box for it"
	}
	return ""
}

// Limits of the sample entry's fields. A rate that does not fit its 16 bits is written
// as 0, which readers take as "the track's time scale".
const (
	maxConfig     = 1 << 13
	maxSampleRate = 1<<16 - 1
	maxSets       = 255 // of a kind
	maxSPS        = 31  // avcC counts sequence parameter sets in 5 bits
)

// sets returns the parameter sets of one NAL unit type in a configuration.
func sets(t media.Track, kind byte) [][]byte {
	var list [][]byte
	for nal := range media.NALs(t.Config) {
		if len(nal) > 0 && nalType(t.Codec, nal) == kind && len(list) < maxSets {
			list = append(list, nal)
		}
	}
	return list
}

func nalType(codec media.Codec, nal []byte) byte {
	if codec == media.H264 {
		return nal[0] & 0x1F
	}
	return nal[0] >> 1 & 0x3F
}

// pixels is a picture's size in pixels; 0 when it is not known yet.
type pixels struct{ width, height int }

// entry appends the sample entry of a track that is Storable (ISO 14496-12 8.5.2).
func (b *builder) entry(t media.Track, pic pixels) {
	switch t.Codec {
	case media.H264:
		b.visual("avc1", pic, func() { b.avcC(t) })
	case media.H265:
		b.visual("hvc1", pic, func() { b.hvcC(t) })
	case media.MPEG4:
		b.visual("mp4v", pic, func() { b.esds(objectMPEG4, streamVisual, t.Config) })
	case media.MJPEG:
		b.visual("mp4v", pic, func() { b.esds(objectMJPEG, streamVisual, nil) })
	case media.AAC:
		b.audio("mp4a", t, 16, func() { b.esds(objectAAC, streamAudio, t.Config) })
	case media.Opus:
		b.audio("Opus", t, 16, func() { b.dOps(t) })
	case media.PCMA:
		b.audio("alaw", t, 16, func() {})
	case media.PCMU:
		b.audio("ulaw", t, 16, func() {})
	case media.L16:
		b.audio("twos", t, 16, func() {})
	case media.G722:
		b.audio(entryG722, t, 16, func() {})
	case media.G726:
		b.audio(entryG726, t, t.Bits, func() {})
	case FLAC:
		b.audio("fLaC", t, 16, func() { b.dfLa(t) })
	}
}

// The forms that carry a wave format tag.
const (
	entryG722 = "ms\x02\x8F"
	entryG726 = "ms\x00\x45"
)

func (b *builder) visual(kind string, pic pixels, config func()) {
	b.box(kind, func() {
		b.zeros(6)
		b.u16(1) // data reference
		b.zeros(16)
		b.u16(uint16(pic.width))
		b.u16(uint16(pic.height))
		b.u32(72 << 16) // dots an inch
		b.u32(72 << 16)
		b.u32(0)
		b.u16(1) // frames a sample
		b.zeros(32)
		b.u16(24)
		b.u16(0xFFFF)
		config()
	})
}

func (b *builder) audio(kind string, t media.Track, bits int, config func()) {
	rate := t.SampleRate
	if rate > maxSampleRate {
		rate = 0
	}
	b.box(kind, func() {
		b.zeros(6)
		b.u16(1) // data reference
		b.zeros(8)
		b.u16(uint16(t.Channels))
		b.u16(uint16(bits))
		b.u32(0)
		b.u32(uint32(rate) << 16)
		config()
	})
}

// esds appends an elementary stream descriptor (ISO 14496-1 7.2.6.5).
func (b *builder) esds(object, stream uint8, config []byte) {
	descriptor := func(tag uint8, length int) {
		b.u8(tag)
		b.u32(0x80808000 | uint32(length>>7)<<8 | uint32(length&0x7F))
	}
	info := 0
	if len(config) > 0 {
		info = 5 + len(config)
	}
	b.full("esds", 0, 0, func() {
		descriptor(3, 3+5+13+info+5+1)
		b.u16(0) // ES_ID: that of the track
		b.u8(0)
		descriptor(4, 13+info)
		b.u8(object)
		b.u8(stream<<2 | 1)
		b.zeros(11) // buffer size and bit rates: not known
		if len(config) > 0 {
			descriptor(5, len(config))
			b.bytes(config)
		}
		descriptor(6, 1)
		b.u8(2) // timing is the file's
	})
}

// dOps appends Opus' configuration ("Encapsulation of Opus in ISO BMFF" 4.3.2). RTP says
// nothing of the encoder's delay, so nothing is skipped.
func (b *builder) dOps(t media.Track) {
	b.box("dOps", func() {
		b.u8(0)
		b.u8(uint8(t.Channels))
		b.u16(0)
		b.u32(uint32(t.SampleRate))
		b.u16(0)
		b.u8(0)
	})
}

// avcC appends the H.264 configuration (ISO 14496-15 5.3.3.1).
func (b *builder) avcC(t media.Track) {
	sps := sets(t, typeSPS264)
	sps = sps[:min(len(sps), maxSPS)]
	list := func(sets [][]byte) {
		for _, set := range sets {
			b.u16(uint16(len(set)))
			b.bytes(set)
		}
	}
	b.box("avcC", func() {
		b.u8(1)
		b.bytes(append(sps[0], 0, 0, 0, 0)[1:4]) // profile, compatibility, level
		b.u8(0xFC | 3)                           // lengths of 4 bytes
		b.u8(0xE0 | uint8(len(sps)))
		list(sps)
		pps := sets(t, typePPS264)
		b.u8(uint8(len(pps)))
		list(pps)
		b.highProfile(sps[0])
	})
}

// highProfile appends what avcC carries for the profiles that have other formats than
// 4:2:0 with 8 bits.
func (b *builder) highProfile(set []byte) {
	if len(set) < 2 {
		return
	}
	switch set[1] {
	case 100, 110, 122, 144, 244:
	default:
		return
	}
	var sps h264.SPS
	if sps.Unmarshal(set) != nil {
		sps.ChromaFormatIdc = 1
	}
	b.u8(0xFC | uint8(sps.ChromaFormatIdc&3))
	b.u8(0xF8 | uint8(sps.BitDepthLumaMinus8&7))
	b.u8(0xF8 | uint8(sps.BitDepthChromaMinus8&7))
	b.u8(0)
}

// hvcC appends the H.265 configuration (ISO 14496-15 8.3.3.1).
func (b *builder) hvcC(t media.Track) {
	set := sets(t, typeSPS265)[0]
	var sps h265.SPS
	if sps.Unmarshal(set) != nil {
		sps.ChromaFormatIdc = 1
	}
	// profile_tier_level begins at the third byte behind the NAL unit header.
	raw := append(h264.EmulationPreventionRemove(set), make([]byte, 15)...)
	kinds := []byte{typeVPS265, typeSPS265, typePPS265}
	b.box("hvcC", func() {
		b.u8(1)
		b.bytes(raw[3:15]) // profile, tier, compatibility, constraints, level
		b.u16(0xF000)      // spatial segmentation not said
		b.u8(0xFC)         // nor parallelism
		b.u8(0xFC | uint8(sps.ChromaFormatIdc&3))
		b.u8(0xF8 | uint8(sps.BitDepthLumaMinus8&7))
		b.u8(0xF8 | uint8(sps.BitDepthChromaMinus8&7))
		b.u16(0) // frame rate not said
		b.u8((raw[2]>>1&7+1)<<3 | raw[2]&1<<2 | 3)
		b.u8(uint8(len(kinds)))
		for _, kind := range kinds {
			list := sets(t, kind)
			b.u8(kind) // in band too: array_completeness is 0
			b.u16(uint16(len(list)))
			for _, set := range list {
				b.u16(uint16(len(set)))
				b.bytes(set)
			}
		}
	})
}
