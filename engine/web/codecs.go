package web

import (
	"fmt"
	"math/bits"
	"strings"

	"rtsprec/engine/media"
	"rtsprec/engine/segment"
)

// How a browser gets a track.
const (
	AsRecorded = "as recorded"
	Converted  = "converted" // to FLAC, losslessly
	NotPlayed  = "no"
)

// Codecs names a track's coding as RFC 6381 does, for the CODECS attribute of a playlist
// and a browser's media source; empty for codings without such a name and for a
// configuration that makes no sense.
func Codecs(t media.Track) string {
	switch t.Codec {
	case media.H264:
		return avcCodecs(t.Config)
	case media.H265:
		return hevcCodecs(t.Config)
	case media.MPEG4:
		return "mp4v.20"
	case media.MJPEG:
		return "mp4v.6C"
	case media.AAC:
		return aacCodecs(t.Config)
	case media.Opus:
		return "opus"
	case segment.FLAC:
		return "fLaC" // as the sample entry spells it; Chromium takes it like "flac"
	}
	return ""
}

// avcCodecs writes avc1.PPCCLL (ISO 14496-15 annex E.3): profile_idc, the constraint
// flags, level_idc of the first SPS.
func avcCodecs(config []byte) string {
	_, sets, _ := media.SplitConfig(media.H264, config)
	if len(sets) == 0 || len(sets[0]) < 4 {
		return ""
	}
	return fmt.Sprintf("avc1.%02x%02x%02x", sets[0][1], sets[0][2], sets[0][3])
}

// hevcCodecs writes hvc1.P.C.TL.B... (ISO 14496-15 annex E.3) from the first SPS: profile
// space and profile, compatibility flags in reverse bit order, tier and level, and the
// constraint bytes up to the last that is not zero.
func hevcCodecs(config []byte) string {
	_, sets, _ := media.SplitConfig(media.H265, config)
	if len(sets) == 0 {
		return ""
	}
	sps := unescape(sets[0], 32)
	if len(sps) < 15 {
		return ""
	}
	level := sps[3:] // behind the NAL header and one byte of ids: profile_tier_level
	space := [...]string{"", "A", "B", "C"}[level[0]>>6]
	tier := "L"
	if level[0]&0x20 != 0 {
		tier = "H"
	}
	flags := uint32(level[1])<<24 | uint32(level[2])<<16 | uint32(level[3])<<8 | uint32(level[4])
	var b strings.Builder
	fmt.Fprintf(&b, "hvc1.%s%d.%X.%s%d", space, level[0]&0x1F, bits.Reverse32(flags), tier, level[11])
	constraints := level[5:11]
	for len(constraints) > 0 && constraints[len(constraints)-1] == 0 {
		constraints = constraints[:len(constraints)-1]
	}
	for _, c := range constraints {
		fmt.Fprintf(&b, ".%X", c)
	}
	return b.String()
}

// unescape removes emulation prevention bytes (ISO 23008-2 7.4.2) from the first n bytes.
func unescape(nal []byte, n int) []byte {
	out := make([]byte, 0, n)
	zeros := 0
	for _, b := range nal[:min(n, len(nal))] {
		if zeros >= 2 && b == 3 {
			zeros = 0
			continue
		}
		if zeros++; b != 0 {
			zeros = 0
		}
		out = append(out, b)
	}
	return out
}

// aacCodecs writes mp4a.40.N, N being the audio object type (ISO 14496-3 1.6.2.1).
func aacCodecs(config []byte) string {
	if len(config) < 2 {
		return ""
	}
	object := int(config[0] >> 3)
	if object == 31 {
		object = 32 + int(config[0]&7)<<3 + int(config[1]>>5)
	}
	return fmt.Sprintf("mp4a.40.%d", object)
}

// TrackOf describes a track for the API.
func TrackOf(t media.Track) Track {
	d := Track{
		Kind: "audio", Codec: string(t.Codec), Title: t.Codec.Title(), Codecs: Codecs(t),
		SampleRate: t.SampleRate, Channels: t.Channels, Browser: AsRecorded,
	}
	if t.Codec.Video() {
		d.Kind = "video"
		if info, err := media.Inspect(t); err == nil && info.Width > 0 {
			d.Width, d.Height = info.Width, info.Height
			d.Title = fmt.Sprintf("%s %dx%d", d.Title, d.Width, d.Height)
		}
	} else if t.SampleRate > 0 {
		d.Title = fmt.Sprintf("%s %d Hz", d.Title, t.SampleRate)
	}
	switch t.Codec {
	case media.PCMA, media.PCMU, media.L16, media.G726:
		d.Browser = Converted
	case media.MPEG4, media.MJPEG, media.G722:
		d.Browser = NotPlayed
		d.Why = fmt.Sprintf("no browser plays %s; the recording is whole, and ffmpeg and VLC play it", t.Codec.Title())
	}
	return d
}
