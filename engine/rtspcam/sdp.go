package rtspcam

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"strings"

	"rtsprec/engine/media"
)

// description is the SDP and what its wording depends on.
type description struct {
	base   string // URL of the path, with a slash at the end
	host   net.IP // ours
	params string // "none", "garbage" or ""
	style  string // of control URLs
	mode0  bool
	origin bool // a broken o= line
}

// sdp describes a path (RFC 8866).
func (d description) sdp(p *path) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("v=0")
	family, host := "IP4", d.host.String()
	if d.host.To4() == nil {
		family = "IP6"
	}
	if d.origin {
		line("o=- 1 1 IN")
	} else {
		line("o=- 1 1 IN %s %s", family, host)
	}
	line("s=%s", p.name)
	line("c=IN %s %s", family, map[string]string{"IP4": "0.0.0.0", "IP6": "::"}[family])
	line("t=0 0")
	if d.style == "star" {
		line("a=control:*")
	}
	for i, t := range p.tracks {
		f := t.format
		line("m=%s 0 RTP/AVP %d", kindOf(t), f.payload)
		line("a=rtpmap:%d %s", f.payload, f.encoding())
		if s := d.fmtp(t); s != "" {
			line("a=fmtp:%d %s", f.payload, s)
		}
		if t.video && f.codec != unknown {
			line("a=framerate:%d", int64(f.rate)/t.clip.frames[0].duration)
		}
		switch d.style {
		case "absent":
		case "absolute":
			line("a=control:%strackID=%d", d.base, i)
		case "query":
			line("a=control:trackID=%d?channel=1&subtype=0", i)
		default:
			line("a=control:trackID=%d", i)
		}
		line("a=sendonly")
	}
	return b.String()
}

func kindOf(t *track) string {
	switch {
	case t.format.codec == metadata:
		return "application"
	case t.video:
		return "video"
	}
	return "audio"
}

// encoding is the a=rtpmap value.
func (f format) encoding() string {
	switch f.codec {
	case media.H264, media.H265:
		return fmt.Sprintf("%s/90000", strings.ToUpper(string(f.codec)))
	case media.MPEG4:
		return "MP4V-ES/90000"
	case media.MJPEG:
		return "JPEG/90000"
	case media.AAC:
		if f.latm {
			return fmt.Sprintf("MP4A-LATM/%d/%d", f.rate, f.channels)
		}
		return fmt.Sprintf("mpeg4-generic/%d/%d", f.rate, f.channels)
	case media.Opus:
		return "opus/48000/2"
	case media.G726:
		if f.name == "g726aal2" {
			return "AAL2-G726-32/8000"
		}
		return "G726-32/8000"
	case metadata:
		return "vnd.onvif.metadata/90000"
	case unknown:
		return "X-NOBODY/90000"
	}
	return fmt.Sprintf("%s/%d", strings.ToUpper(string(f.codec)), f.rate)
}

// fmtp is the a=fmtp value.
func (d description) fmtp(t *track) string {
	var sets []string
	for _, set := range t.clip.sets {
		if d.params == "garbage" {
			set = []byte("not a parameter set")
		}
		sets = append(sets, base64.StdEncoding.EncodeToString(set))
	}
	said := d.params != "none"
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	switch t.format.codec {
	case media.H264:
		mode := 1
		if d.mode0 {
			mode = 0
		}
		add("packetization-mode=%d", mode)
		if said {
			add("profile-level-id=%s", strings.ToUpper(hex.EncodeToString(t.clip.sets[0][1:4])))
			add("sprop-parameter-sets=%s", strings.Join(sets, ","))
		}
	case media.H265:
		if said {
			add("sprop-vps=%s", sets[0])
			add("sprop-sps=%s", sets[1])
			add("sprop-pps=%s", sets[2])
		}
	case media.MPEG4:
		add("profile-level-id=1")
		if said {
			add("config=%s", d.hex(t.clip.sets[0]))
		}
	case media.AAC:
		if t.format.latm {
			add("profile-level-id=15")
			add("object=2")
			add("cpresent=0")
			if said {
				add("config=%s", d.hex(streamMux(t.clip.sets[0])))
			}
			break
		}
		add("streamtype=5")
		add("profile-level-id=1")
		add("mode=AAC-hbr")
		add("sizelength=13")
		add("indexlength=3")
		add("indexdeltalength=3")
		if said {
			add("config=%s", d.hex(t.clip.sets[0]))
		}
	case media.Opus:
		add("sprop-stereo=1")
	}
	return strings.Join(list, "; ")
}

// streamMux is a StreamMuxConfig (ISO 14496-3 1.7.3.1) of one program, one layer and one frame, around a
// 16-bit AudioSpecificConfig: 15 bits before it, and after it no fixed length, a full buffer,
// no other data and no CRC.
func streamMux(config []byte) []byte {
	const before = 0b0_1_000000_0000_000
	const after = 0b000_11111111_0_0
	bits := uint64(before)<<29 | uint64(binary.BigEndian.Uint16(config))<<13 | after
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], bits<<20)
	return b[:6]
}

func (d description) hex(b []byte) string {
	if d.params == "garbage" {
		b = []byte{0xff, 0xff, 0xff}
	}
	return strings.ToUpper(hex.EncodeToString(b))
}
