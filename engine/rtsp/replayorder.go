package rtsp

import (
	"math"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// playOrder is what the headers of a PLAY request ask for.
type playOrder struct {
	Range    timeRange
	hasRange bool
	scale    float64       // one of playScales
	scaled   bool          // the request names a Scale
	speed    float64       // how fast the same is to be sent; 1 unless asked for otherwise
	sped     bool          // the request names a Speed
	unpaced  bool          // Rate-Control: no
	onvif    bool          // Require: onvif-replay
	keys     bool          // Frames: intra
	every    time.Duration // the least distance of those key frames, in recorded time
	seq      uint8         // low byte of CSeq
}

// playScales are the values of Scale (RFC 2326 12.34) there are; others become the nearest.
var playScales = []float64{-1, 1, 2, 4, 8}

// maxSpeed bounds Speed (RFC 2326 12.35) to both sides.
const maxSpeed = 16

// featureReplay is the feature tag of ONVIF replay.
const featureReplay = "onvif-replay"

// parsePlay reads the headers of a PLAY. The error is a *rangeError.
func parsePlay(header textproto.MIMEHeader) (playOrder, error) {
	o := playOrder{scale: 1, speed: 1}
	var err error
	if v := header.Get("Range"); strings.TrimSpace(v) != "" {
		o.hasRange = true
		if o.Range, err = parseRange(v); err != nil {
			return o, err
		}
	}
	if o.scale, o.scaled, err = parseFactor(header, "Scale"); err != nil {
		return o, err
	}
	if o.speed, o.sped, err = parseFactor(header, "Speed"); err != nil {
		return o, err
	}
	if o.speed < 0 {
		return o, badRange("a Speed below 0: to play backwards is Scale: -1")
	}
	o.speed = min(max(o.speed, 1.0/maxSpeed), maxSpeed)
	o.scale = nearestScale(o.scale)
	o.unpaced = strings.EqualFold(strings.TrimSpace(header.Get("Rate-Control")), "no")
	o.onvif = slices.Contains(features(header), featureReplay)
	if err := o.frames(header.Get("Frames")); err != nil {
		return o, err
	}
	seq, _ := strconv.ParseUint(strings.TrimSpace(header.Get("Cseq")), 10, 64)
	o.seq = uint8(seq)
	return o, nil
}

// features lists the feature tags that a request requires (RFC 2326 12.32).
func features(header textproto.MIMEHeader) []string {
	var list []string
	for _, v := range append(header.Values("Require"), header.Values("Proxy-Require")...) {
		for tag := range strings.SplitSeq(v, ",") {
			if tag = strings.ToLower(strings.TrimSpace(tag)); tag != "" {
				list = append(list, tag)
			}
		}
	}
	return list
}

// parseFactor reads a header that is a number other than 0; 1 when it is absent.
func parseFactor(header textproto.MIMEHeader, name string) (float64, bool, error) {
	v := strings.TrimSpace(header.Get(name))
	if v == "" {
		return 1, false, nil
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || f == 0 || math.IsNaN(f) || math.IsInf(f, 0) {
		return 1, false, badRange("%s is %.20q, which is no number to play by", name, v)
	}
	return f, true, nil
}

func nearestScale(f float64) float64 {
	best := 1.0
	for _, s := range playScales {
		if f < 0 && s < 0 || f > 0 && math.Abs(f-s) < math.Abs(f-best) {
			best = s
		}
	}
	return best
}

// frames reads the ONVIF header Frames: "all", "intra", "intra/4000". "predicted" leaves
// nothing out, as it may.
func (o *playOrder) frames(v string) error {
	kind, interval, has := strings.Cut(strings.ToLower(strings.TrimSpace(v)), "/")
	switch kind {
	case "", "all", "predicted":
		return nil
	case "intra":
		o.keys = true
	default:
		return badRange("Frames is %.20q: all, intra, intra/4000", v)
	}
	if has {
		ms, err := strconv.ParseUint(interval, 10, 31)
		if err != nil {
			return badRange("Frames is %.20q: all, intra, intra/4000", v)
		}
		o.every = time.Duration(ms) * time.Millisecond
	}
	return nil
}

// keysOnly reports whether only key frames are to be played: a Scale other than 1 shows
// more of the recording in the same time, not more in each second of it.
func (o playOrder) keysOnly() bool { return o.keys || o.scale != 1 }

func (o playOrder) reverse() bool { return o.scale < 0 }
