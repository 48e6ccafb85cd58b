package media

// Codec names a coding. Its value is what JSON and people see.
//
// For each codec: what AccessUnit.Data is (always exactly the MP4 sample), and what
// Track.Config is.
type Codec string

// The codecs that are recorded.
const (
	// H264 units are NAL units as received, parameter sets, AUD and SEI included, each
	// behind a 4-byte big-endian length (ISO 14496-15 5.3.2). Config is the SPS and
	// PPS in the same form.
	H264 Codec = "h264"
	// H265 is as H264; Config is VPS, SPS and PPS.
	H265 Codec = "h265"
	// MPEG4 (Part 2, ISO 14496-2) units are VOPs with their start codes and whatever
	// headers came with them. Config is the bytes from the first start code up to, and
	// without, the first GOP or VOP: visual object sequence, object and layer.
	MPEG4 Codec = "mpeg4"
	// MJPEG units are whole JFIF pictures. No Config.
	MJPEG Codec = "mjpeg"
	// AAC units are raw access units without ADTS or LATM. Config is the
	// AudioSpecificConfig (ISO 14496-3 1.6.2.1).
	AAC Codec = "aac"
	// Opus units are Opus packets (RFC 6716). ClockRate is always 48000. No Config.
	Opus Codec = "opus"
	// PCMA is G.711 A-law, a byte a sample and channel. No Config.
	PCMA Codec = "pcma"
	// PCMU is G.711 µ-law, a byte a sample and channel. No Config.
	PCMU Codec = "pcmu"
	// L16 is linear PCM, 16 bits, big-endian, channels interleaved (RFC 3551). No Config.
	L16 Codec = "l16"
	// G722 has a ClockRate of 8000 and a SampleRate of 16000 (RFC 3551 4.5.2). No Config.
	G722 Codec = "g722"
	// G726 is ADPCM of Track.Bits bits a sample; Track.AAL2 tells the bit order. No Config.
	G726 Codec = "g726"
)

// Codecs lists every codec, video first.
var Codecs = []Codec{H264, H265, MPEG4, MJPEG, AAC, Opus, PCMA, PCMU, L16, G722, G726}

// Video reports whether units are pictures.
func (c Codec) Video() bool {
	switch c {
	case H264, H265, MPEG4, MJPEG:
		return true
	}
	return false
}

// NALs reports whether units are length-prefixed NAL units.
func (c Codec) NALs() bool { return c == H264 || c == H265 }

// NeedsConfig reports whether nothing can be decoded without Track.Config.
func (c Codec) NeedsConfig() bool {
	switch c {
	case H264, H265, MPEG4, AAC:
		return true
	}
	return false
}

// Title is the name people use.
func (c Codec) Title() string {
	switch c {
	case H264:
		return "H.264"
	case H265:
		return "H.265"
	case MPEG4:
		return "MPEG-4"
	case MJPEG:
		return "MJPEG"
	case AAC:
		return "AAC"
	case Opus:
		return "Opus"
	case PCMA:
		return "G.711 A-law"
	case PCMU:
		return "G.711 µ-law"
	case L16:
		return "L16"
	case G722:
		return "G.722"
	case G726:
		return "G.726"
	}
	return string(c)
}
