package rtsp

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"rtsprec/engine/media"
)

// sdpOptions is what a description says beside its tracks.
type sdpOptions struct {
	Name    string   // s=; "": "rtsprec"
	Base    string   // a=control of the session; "": "*", the address that was asked
	Ranges  []string // values of a=range, the first being what counts for who reads only one
	Capture bool     // a=x-rtsprec-clock:capture: sender reports carry capture times to be believed
	Group   string   // multicast: address of c=, with TTL for IPv4 ("239.0.0.1/16"); "": none
	Ports   []int    // multicast: of RTP, by track
}

// captureClock is the attribute of the session that says that sender reports carry true
// capture times, however far back they lie.
const captureClock = "x-rtsprec-clock:capture"

// payloadType is the payload type that we give to a track: the static one of RFC 3551
// where it means exactly this coding, because there are peers that ask nothing else.
func payloadType(t media.Track) uint8 {
	switch {
	case t.Codec == media.PCMU && t.ClockRate == 8000 && t.Channels <= 1:
		return 0
	case t.Codec == media.PCMA && t.ClockRate == 8000 && t.Channels <= 1:
		return 8
	case t.Codec == media.G722 && t.Channels <= 1:
		return 9
	case t.Codec == media.L16 && t.ClockRate == 44100 && t.Channels == 2:
		return 10
	case t.Codec == media.L16 && t.ClockRate == 44100 && t.Channels <= 1:
		return 11
	case t.Codec == media.MJPEG:
		return 26
	}
	return 96 + uint8(t.ID)%32
}

// trackControl is the control attribute of a track.
func trackControl(id media.TrackID) string { return fmt.Sprintf("trackID=%d", id) }

// writeSDP describes tracks (RFC 4566) with all that Track.Config tells. Each track's
// payload type is payloadType's, its control attribute trackControl's.
func writeSDP(tracks []media.Track, o sdpOptions) []byte {
	name, base, address := oneLine(o.Name), o.Base, "0.0.0.0"
	if name == "" {
		name = "rtsprec"
	}
	if base == "" {
		base = "*"
	}
	if o.Group != "" {
		address = o.Group
	}
	family := "IP4"
	if strings.Contains(address, ":") {
		family = "IP6"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=%s\r\nc=IN %s %s\r\nt=0 0\r\n", name, family, address)
	fmt.Fprintf(&b, "a=tool:rtsprec\r\na=control:%s\r\n", oneLine(base))
	for _, r := range o.Ranges {
		fmt.Fprintf(&b, "a=range:%s\r\n", oneLine(r))
	}
	if o.Capture {
		b.WriteString("a=" + captureClock + "\r\n")
	}
	for i, t := range tracks {
		kind, port, pt := "audio", 0, payloadType(t)
		if t.Codec.Video() {
			kind = "video"
		}
		if i < len(o.Ports) {
			port = o.Ports[i]
		}
		fmt.Fprintf(&b, "m=%s %d RTP/AVP %d\r\na=rtpmap:%d %s\r\n", kind, port, pt, pt, codingOf(t))
		if f := fmtpOf(t); f != "" {
			fmt.Fprintf(&b, "a=fmtp:%d %s\r\n", pt, f)
		}
		fmt.Fprintf(&b, "a=control:%s\r\n", trackControl(t.ID))
	}
	return []byte(b.String())
}

// oneLine keeps what is between the lines out of a line.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}, s)
}

// codingOf is the rtpmap of a track: name, clock rate and channels.
func codingOf(t media.Track) string {
	name, channels := "", t.Channels
	switch t.Codec {
	case media.H264:
		name = "H264"
	case media.H265:
		name = "H265"
	case media.MPEG4:
		name = "MP4V-ES"
	case media.MJPEG:
		name = "JPEG"
	case media.AAC:
		return fmt.Sprintf("mpeg4-generic/%d/%d", t.ClockRate, max(channels, 1))
	case media.Opus:
		return "opus/48000/2" // whatever the channels (RFC 7587 7)
	case media.PCMA:
		name = "PCMA"
	case media.PCMU:
		name = "PCMU"
	case media.L16:
		name = "L16"
	case media.G722:
		name = "G722"
	case media.G726:
		name = fmt.Sprintf("G726-%d", 8*t.Bits)
		if t.AAL2 {
			name = "AAL2-" + name
		}
	}
	if channels > 1 {
		return fmt.Sprintf("%s/%d/%d", name, t.ClockRate, channels)
	}
	return fmt.Sprintf("%s/%d", name, t.ClockRate)
}

// fmtpOf is the fmtp of a track; "" where there is nothing to say.
func fmtpOf(t media.Track) string {
	switch t.Codec {
	case media.H264:
		_, sps, pps := media.SplitConfig(t.Codec, t.Config)
		f := "packetization-mode=1"
		if len(sps) > 0 && len(sps[0]) >= 4 {
			f += fmt.Sprintf("; profile-level-id=%X; sprop-parameter-sets=%s", sps[0][1:4], inBase64(sps, pps))
		}
		return f
	case media.H265:
		vps, sps, pps := media.SplitConfig(t.Codec, t.Config)
		if len(vps) == 0 || len(sps) == 0 || len(pps) == 0 {
			return ""
		}
		return fmt.Sprintf("sprop-vps=%s; sprop-sps=%s; sprop-pps=%s", inBase64(vps), inBase64(sps), inBase64(pps))
	case media.MPEG4:
		if len(t.Config) == 0 {
			return ""
		}
		level := 1 // simple profile, level 1 (ISO 14496-2 annex G), where the headers do not say
		if len(t.Config) > 4 && t.Config[3] == 0xb0 {
			level = int(t.Config[4])
		}
		return fmt.Sprintf("profile-level-id=%d; config=%s", level, strings.ToUpper(hex.EncodeToString(t.Config)))
	case media.AAC:
		return fmt.Sprintf("streamtype=5; profile-level-id=1; mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; config=%s",
			hex.EncodeToString(t.Config))
	case media.Opus:
		return fmt.Sprintf("sprop-stereo=%d", max(min(t.Channels, 2), 1)-1)
	}
	return ""
}

func inBase64(lists ...[][]byte) string {
	var all []string
	for _, list := range lists {
		for _, nal := range list {
			all = append(all, base64.StdEncoding.EncodeToString(nal))
		}
	}
	return strings.Join(all, ",")
}
