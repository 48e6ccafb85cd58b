package media

import (
	"fmt"
	"strconv"
)

// Info is what a track's configuration says of itself. Zero means "not said".
type Info struct {
	Profile       string  // "High", "Main 10", "AAC-LC", "Advanced Simple"
	Level         string  // "4.1"; H.265 with the tier: "4.1 High"
	Width, Height int     // of the picture after cropping
	Pixel         float64 // how many times as wide as high a pixel is shown
	FPS           float64 // nominal frames a second; true ones differ, nothing may depend on it
	Interlaced    bool    // fields may occur
	Reorder       int     // pictures that may precede another in decoding and follow it in output; -1: not said
	SampleRate    int     // Hz of decoded sound
	Channels      int     // of decoded sound
	ObjectType    int     // AAC: audio object type (ISO 14496-3 table 1.17)
	FrameSize     int     // AAC: samples a unit and channel, at the track's SampleRate
}

// Inspect decodes a track's configuration, or returns what is known without one. The
// error is that of [ValidConfig]; what can be told is told beside it.
func Inspect(t Track) (Info, error) {
	info := Info{SampleRate: t.SampleRate, Channels: t.Channels, Reorder: -1}
	switch t.Codec {
	case H264, H265:
		inspectNALs(t, &info)
	case MPEG4:
		inspectMPEG4(t.Config, &info)
	case MJPEG:
		info.Reorder = 0
	case AAC:
		inspectAAC(t.Config, &info)
	case Opus:
		info.SampleRate = 48000
	}
	return info, ValidConfig(t.Codec, t.Config)
}

func inspectNALs(t Track, info *Info) {
	for _, p := range setsOf(t.Codec, t.Config) {
		if p.kind != spsSet {
			continue
		}
		s := p.sps
		info.Width, info.Height = int(s.width), int(s.height)
		info.Interlaced, info.Reorder = s.interlaced, s.reorder
		if s.pixelH > 0 {
			info.Pixel = float64(s.pixelW) / float64(s.pixelH)
		}
		if s.units > 0 {
			info.FPS = float64(s.scale) / float64(s.units)
		}
		if t.Codec == H264 {
			info.FPS /= 2 // the unit is a field (E.2.1)
			info.Profile, info.Level = h264Profile(s), h264Level(s)
		} else {
			info.Profile, info.Level = h265Profile(s), h265Level(s)
		}
		return
	}
}

// h264Profile names a profile as Annex A does.
func h264Profile(s sps) string {
	set := func(i int) bool { return s.constraints>>(7-i)&1 == 1 }
	switch s.profile {
	case 66:
		if set(1) {
			return "Constrained Baseline"
		}
		return "Baseline"
	case 77:
		return "Main"
	case 88:
		return "Extended"
	case 100:
		switch {
		case set(4) && set(5):
			return "Constrained High"
		case set(4):
			return "Progressive High"
		}
		return "High"
	case 110:
		return intra("High 10", set(3))
	case 122:
		return intra("High 4:2:2", set(3))
	case 244:
		return intra("High 4:4:4 Predictive", set(3))
	case 44:
		return "CAVLC 4:4:4 Intra"
	}
	return fmt.Sprintf("profile %d", s.profile)
}

func intra(name string, only bool) string {
	if only {
		return name + " Intra"
	}
	return name
}

// h264Level gives level 1b by its own name: it is 11 with constraint_set3_flag in the
// profiles that had no number for it (A.3.4.1).
func h264Level(s sps) string {
	if s.level == 9 || s.level == 11 && s.constraints>>4&1 == 1 && s.profile <= 88 {
		return "1b"
	}
	return tenths(s.level)
}

func h265Profile(s sps) string {
	switch s.profile {
	case 1:
		return "Main"
	case 2:
		return "Main 10"
	case 3:
		return "Main Still Picture"
	case 4:
		return "Range Extensions"
	case 9, 11:
		return "Screen Content Coding"
	}
	return fmt.Sprintf("profile %d", s.profile)
}

func h265Level(s sps) string {
	if s.constraints == 1 {
		return tenths(s.level/3) + " High"
	}
	return tenths(s.level / 3)
}

// tenths writes 40 as "4" and 41 as "4.1".
func tenths(n uint32) string { return strconv.FormatFloat(float64(n)/10, 'f', -1, 64) }

func inspectMPEG4(config []byte, info *Info) {
	h := mpeg4HeadersOf(config)
	if len(h.sequence) > 4 {
		info.Profile, info.Level = mpeg4Profile(h.sequence[4])
	}
	v, err := parseVOL(h.layer)
	if err != nil {
		return
	}
	info.Width, info.Height, info.Interlaced = int(v.width), int(v.height), v.interlaced
	if v.units > 0 {
		info.FPS = float64(v.scale) / float64(v.units)
	}
	switch {
	case v.lowDelay == 1 || v.lowDelay < 0 && v.simple:
		info.Reorder = 0
	case v.lowDelay == 0:
		info.Reorder = 1 // a B-VOP follows the one picture it points forward to
	}
}

// mpeg4Profile reads profile_and_level_indication (table G.1).
func mpeg4Profile(b byte) (profile, level string) {
	low := int(b & 0xf)
	switch {
	case b == 0x08:
		return "Simple", "0"
	case b == 0x09:
		return "Simple", "0b"
	case b>>4 == 0:
		return "Simple", strconv.Itoa(low)
	case b>>4 == 1:
		return "Simple Scalable", strconv.Itoa(low)
	case b>>4 == 2:
		return "Core", strconv.Itoa(low)
	case b>>4 == 3:
		return "Main", strconv.Itoa(low)
	case b == 0xf7:
		return "Advanced Simple", "3b"
	case b>>4 == 0xf && low < 8:
		return "Advanced Simple", strconv.Itoa(low)
	}
	return fmt.Sprintf("profile 0x%02x", b), ""
}

func inspectAAC(config []byte, info *Info) {
	c, err := parseAAC(config)
	if err != nil {
		return
	}
	info.Profile, info.ObjectType, info.SampleRate, info.FrameSize = aacProfile(c), c.object, c.output, c.frame
	if c.channels > 0 {
		info.Channels = c.channels
	}
}

func aacProfile(c aacConfig) string {
	switch {
	case c.object == 2 && c.output != c.rate:
		return "HE-AAC"
	case c.object == 1:
		return "AAC Main"
	case c.object == 2:
		return "AAC-LC"
	case c.object == 3:
		return "AAC-SSR"
	case c.object == 4:
		return "AAC-LTP"
	case c.object == 23:
		return "AAC-LD"
	case c.object == 39:
		return "AAC-ELD"
	}
	return fmt.Sprintf("object type %d", c.object)
}
