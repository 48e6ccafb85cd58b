package rtsp

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"

	"rtsprec/engine/media"
)

// stream is one media of a description that is going to be recorded.
type stream struct {
	track   media.Track
	pt      uint8
	control string
	rate    float64 // frames a second as announced; 0: not said
	fmtp    sdpFormat
	media   sdpMedia
	make    func(*stream, emit) depacketiser
}

// streamsOf chooses the media that can be recorded, in order, and says of the others why not.
func streamsOf(s sdpSession) (streams []*stream, skipped []string) {
	// Some cameras call what they send "sendonly". It means a back channel only beside
	// something that is called otherwise.
	mixed := false
	for _, m := range s.media {
		mixed = mixed || m.direction != "sendonly"
	}
	for _, m := range s.media {
		if m.kind == "audio" && m.direction == "sendonly" && mixed {
			skipped = append(skipped, "audio: a back channel, for sound to the camera")
			continue
		}
		st, why := streamOf(m)
		if st == nil {
			skipped = append(skipped, m.kind+": "+why)
			continue
		}
		st.track.ID = media.TrackID(len(streams))
		streams = append(streams, st)
	}
	return streams, skipped
}

// streamOf takes the first format of a media that is known.
func streamOf(m sdpMedia) (*stream, string) {
	if m.direction == "inactive" {
		return nil, "inactive"
	}
	why := "no format"
	for _, f := range m.formats {
		name, rate, channels := f.coding()
		st := &stream{pt: f.pt, control: m.control, rate: m.rate, fmtp: f, media: m}
		st.track.ClockRate = rate
		reason := st.fill(name, channels)
		if reason == "" {
			return st, ""
		}
		why = reason
	}
	return nil, why
}

// coding takes an rtpmap apart, or knows the static payload types (RFC 3551 6).
func (f *sdpFormat) coding() (name string, rate, channels int) {
	parts := strings.Split(f.rtpmap, "/")
	name = strings.ToUpper(strings.TrimSpace(parts[0]))
	if len(parts) > 1 {
		rate, _ = strconv.Atoi(strings.TrimSpace(parts[1]))
	}
	channels = 1
	if len(parts) > 2 {
		channels, _ = strconv.Atoi(strings.TrimSpace(parts[2]))
	}
	if name == "" {
		switch f.pt {
		case 0:
			name, rate = "PCMU", 8000
		case 2:
			name, rate = "G726-32", 8000
		case 8:
			name, rate = "PCMA", 8000
		case 9:
			name, rate = "G722", 8000
		case 10:
			name, rate, channels = "L16", 44100, 2
		case 11:
			name, rate = "L16", 44100
		case 26:
			name, rate = "JPEG", 90000
		}
	}
	return name, rate, min(max(channels, 1), 255)
}

// fill makes a track of a coding; an empty reason means that it is known.
func (st *stream) fill(name string, channels int) (reason string) {
	t := &st.track
	rate := t.ClockRate
	if rate < 0 || rate > 1<<30 {
		return "a clock of " + strconv.Itoa(rate) + " Hz"
	}
	sound := func(codec media.Codec, defaultRate int) {
		if rate == 0 {
			t.ClockRate = defaultRate
		}
		t.Codec, t.SampleRate, t.Channels = codec, t.ClockRate, channels
		st.make = newPacketSound
	}
	picture := func(codec media.Codec, make func(*stream, emit) depacketiser) {
		if rate == 0 {
			t.ClockRate = 90000
		}
		t.Codec = codec
		st.make = make
	}
	switch name {
	case "H264":
		picture(media.H264, newH264)
		t.Config = sets(media.H264, st.fmtp.fmtp["sprop-parameter-sets"])
	case "H265", "HEVC":
		picture(media.H265, newH265)
		p := st.fmtp.fmtp
		t.Config = sets(media.H265, p["sprop-vps"], p["sprop-sps"], p["sprop-pps"])
	case "MP4V-ES":
		picture(media.MPEG4, newMPEG4)
		config, _ := hex.DecodeString(st.fmtp.fmtp["config"])
		t.Config = media.ConfigOf(media.MPEG4, config, nil)
	case "JPEG":
		picture(media.MJPEG, newMJPEG)
	case "MPEG4-GENERIC":
		return st.fillAAC(channels)
	case "MP4A-LATM":
		return st.fillLATM(channels)
	case "OPUS":
		sound(media.Opus, 48000)
		t.ClockRate, t.SampleRate, t.Channels = 48000, 48000, 2
		if st.fmtp.fmtp["sprop-stereo"] == "0" {
			t.Channels = 1
		}
	case "PCMA":
		sound(media.PCMA, 8000)
	case "PCMU":
		sound(media.PCMU, 8000)
	case "L16":
		sound(media.L16, 44100)
		t.Bits = 16
	case "G722":
		sound(media.G722, 8000)
		t.ClockRate, t.SampleRate = 8000, 16000
	case "G726-16", "G726-24", "G726-32", "G726-40", "AAL2-G726-16", "AAL2-G726-24", "AAL2-G726-32", "AAL2-G726-40":
		sound(media.G726, 8000)
		kbit, _ := strconv.Atoi(name[len(name)-2:])
		t.Bits, t.AAL2 = kbit/8, strings.HasPrefix(name, "AAL2-")
	case "VND.ONVIF.METADATA":
		return "metadata"
	case "":
		return "payload type " + strconv.Itoa(int(st.pt)) + " without a name"
	default:
		return name + " is not known"
	}
	if t.Codec.NeedsConfig() && media.ValidConfig(t.Codec, t.Config) != nil {
		t.Config = nil // a hint that is none: what comes in band will do
	}
	return ""
}

// sets decodes comma-separated parameter sets in base 64. What cannot be decoded is left out.
func sets(codec media.Codec, lists ...string) []byte {
	var nals [][]byte
	for _, list := range lists {
		for _, s := range strings.Split(list, ",") {
			nal, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
			if err != nil {
				nal, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(s), "="))
			}
			if err == nil {
				nal = trimStart(nal)
				nals = append(nals, nal)
			}
		}
	}
	unit := []byte(nil)
	for _, nal := range nals {
		unit = media.AppendNAL(unit, nal)
	}
	return media.ConfigOf(codec, unit, nil)
}
