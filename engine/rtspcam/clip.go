package rtspcam

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"sync"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/testdata/clips"
)

// format is a codec name of a [Stream] and everything that follows from it.
type format struct {
	name     string
	codec    media.Codec
	payload  uint8 // RTP payload type
	rate     int   // RTP clock
	samples  int   // Hz of the sound
	channels int
	frame    int    // bytes of 20 ms, of sound without frames
	together int    // units in a packet; 0 and 1: one
	latm     bool   // AAC by RFC 6416 and not RFC 3640
	clip     string // when its name is another
	help     string
}

func (f format) clipName() string {
	if f.clip != "" {
		return f.clip
	}
	return f.name
}

// Tracks that no recorder wants.
const (
	metadata media.Codec = "metadata"
	unknown  media.Codec = "unknown"
)

// formats are the codec names. Payload types below 96 are those of RFC 3551.
func formats() []format {
	return []format{
		{name: "h264", codec: media.H264, payload: 96, rate: 90000, help: "320x180, 25 fps, a key frame a second"},
		{name: "h264b", codec: media.H264, payload: 96, rate: 90000, help: "the same with two B-frames"},
		{name: "h264long", codec: media.H264, payload: 96, rate: 90000, help: "a key frame every 20 s"},
		{name: "h264refresh", codec: media.H264, payload: 96, rate: 90000, help: "intra refresh: an IDR every 10 s, recovery points between"},
		{name: "heavy", codec: media.H264, payload: 96, rate: 90000, help: "1080p, 30 fps, 4 Mbit/s"},
		{name: "h265", codec: media.H265, payload: 98, rate: 90000, help: "320x180, 25 fps, a key frame a second"},
		{name: "h265b", codec: media.H265, payload: 98, rate: 90000, help: "the same with B-frames, CRA and leading pictures"},
		{name: "mpeg4", codec: media.MPEG4, payload: 99, rate: 90000, help: "part 2, 320x180, 25 fps"},
		{name: "mpeg4b", codec: media.MPEG4, payload: 99, rate: 90000, help: "the same with B-frames"},
		{name: "mjpeg", codec: media.MJPEG, payload: 26, rate: 90000, help: "320x240, 10 fps"},
		{name: "aac", codec: media.AAC, payload: 100, rate: 48000, samples: 48000, channels: 2, help: "48 kHz stereo"},
		{name: "aac16", codec: media.AAC, payload: 100, rate: 16000, samples: 16000, channels: 1, help: "16 kHz mono"},
		{name: "aac3", codec: media.AAC, payload: 100, rate: 48000, samples: 48000, channels: 2, clip: "aac", together: 3, help: "48 kHz stereo, three units a packet"},
		{name: "aaclatm", codec: media.AAC, payload: 108, rate: 48000, samples: 48000, channels: 2, clip: "aac", latm: true, help: "48 kHz stereo, LATM"},
		{name: "opus", codec: media.Opus, payload: 101, rate: 48000, samples: 48000, channels: 2, help: "48 kHz stereo"},
		{name: "pcma", codec: media.PCMA, payload: 8, rate: 8000, samples: 8000, channels: 1, frame: 160, help: "8 kHz"},
		{name: "pcmu", codec: media.PCMU, payload: 0, rate: 8000, samples: 8000, channels: 1, frame: 160, help: "8 kHz"},
		{name: "pcma16", codec: media.PCMA, payload: 102, rate: 16000, samples: 16000, channels: 1, frame: 320, help: "16 kHz"},
		{name: "pcmu16", codec: media.PCMU, payload: 103, rate: 16000, samples: 16000, channels: 1, frame: 320, help: "16 kHz"},
		{name: "l16", codec: media.L16, payload: 104, rate: 16000, samples: 16000, channels: 1, frame: 640, help: "linear PCM, 16 kHz"},
		{name: "g722", codec: media.G722, payload: 9, rate: 8000, samples: 16000, channels: 1, frame: 160, help: "16 kHz under a clock of 8 kHz"},
		{name: "g726", codec: media.G726, payload: 105, rate: 8000, samples: 8000, channels: 1, frame: 80, help: "32 kbit/s, RFC 3551 bit order"},
		{name: "g726aal2", codec: media.G726, payload: 106, rate: 8000, samples: 8000, channels: 1, frame: 80, help: "32 kbit/s, AAL2 bit order"},
		{name: "metadata", codec: metadata, payload: 107, rate: 90000, help: "an ONVIF metadata track, XML twice a second"},
		{name: "unknown", codec: unknown, payload: 120, rate: 90000, help: "a video codec that nobody knows"},
	}
}

// Codecs lists the codec names of a [Stream], each with a word of explanation.
func Codecs() [][2]string {
	var list [][2]string
	for _, f := range formats() {
		about := f.codec.Title()
		if f.help != "" {
			about += ": " + f.help
		}
		list = append(list, [2]string{f.name, about})
	}
	return list
}

// clip is what a track sends over and over.
type clip struct {
	frames []frame
	length int64    // of one round, in ticks of the RTP clock
	delay  int64    // the most that a pts is behind its dts
	sets   [][]byte // decoder configuration for the SDP: the parameter sets, or one element
}

// frame is one unit without its mark.
type frame struct {
	dts, pts, duration int64 // ticks; dts of the first is 0
	key                bool
	restart            bool     // a key frame that needs nothing before it: no mere recovery point
	nals               [][]byte // of H.264 and H.265
	data               []byte   // of all others
	sum                uint32   // of the coded picture: NAL units of slices, or all data
}

// library keeps the clips of a camera: any number of paths send the same bytes.
type library struct {
	mu    sync.Mutex
	clips map[string]*clip
}

// clip returns the clip of a format, or its variant. Nil without an error when there is none.
func (l *library) clip(f format, variant string) (*clip, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := f.name + variant
	if c, ok := l.clips[name]; ok {
		return c, nil
	}
	c, err := makeClip(f, variant)
	if err == nil {
		l.clips[name] = c
	}
	return c, err
}

func makeClip(f format, variant string) (*clip, error) {
	switch f.codec {
	case media.PCMA, media.PCMU, media.L16:
		if variant == "" {
			return loadSound(f), nil
		}
	case metadata, unknown:
		if variant == "" {
			return loadOther(f), nil
		}
	}
	return loadClip(f, f.clipName()+variant)
}

// loadClip reads testdata/clips/name. Nil without an error when there is no such clip.
func loadClip(f format, name string) (*clip, error) {
	data, err := clips.Files.ReadFile(name + ".bin")
	if err != nil {
		return nil, nil
	}
	if f.frame > 0 {
		return cutSound(f, data), nil
	}
	index, err := clips.Files.ReadFile(name + ".idx")
	if err != nil {
		return nil, fault.Wrap(fault.Bug, "load clip "+name, err)
	}
	c, err := cutFrames(f, string(index), data)
	return c, fault.Wrap(fault.Bug, "load clip "+name, err)
}

// cutFrames cuts data into the packets of a framecrc listing.
func cutFrames(f format, index string, data []byte) (*clip, error) {
	c := &clip{}
	num, den := int64(1), int64(f.rate)
	var first int64
	for line := range strings.Lines(index) {
		if tb, ok := strings.CutPrefix(line, "#tb 0: "); ok {
			if _, err := fmt.Sscanf(tb, "%d/%d", &num, &den); err != nil {
				return nil, fmt.Errorf("time base %q", tb)
			}
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		field := strings.Split(strings.TrimSpace(line), ", ")
		if len(field) < 6 {
			return nil, fmt.Errorf("line %q", line)
		}
		var v [4]int64 // dts, pts, duration, size
		for i := range v {
			n, err := strconv.ParseInt(field[i+1], 10, 64)
			if err != nil {
				return nil, err
			}
			v[i] = n
		}
		if v[3] < 1 || v[3] > int64(len(data)) {
			return nil, fmt.Errorf("a unit of %d bytes", v[3])
		}
		ticks := func(t int64) int64 { return t * num * int64(f.rate) / den }
		if len(c.frames) == 0 {
			first = v[0]
		}
		fr := frame{dts: ticks(v[0] - first), pts: ticks(v[1] - first), duration: ticks(v[2]), data: data[:v[3]]}
		fr.key = len(field) < 7 || !strings.HasPrefix(field[6], "F=")
		data = data[v[3]:]
		c.frames = append(c.frames, fr)
	}
	if len(c.frames) < 2 {
		return nil, fmt.Errorf("%d units", len(c.frames))
	}
	c.finish(f)
	return c, nil
}

// finish derives what follows from the frames.
func (c *clip) finish(f format) {
	for i := range c.frames {
		fr := &c.frames[i]
		if fr.duration == 0 { // not every muxer says it
			fr.duration = c.frames[1].dts
		}
		c.length += fr.duration
		c.delay = max(c.delay, fr.pts-fr.dts)
		if !f.codec.NALs() {
			fr.restart = fr.key
			if f.codec == media.MJPEG {
				fr.data = bytes.TrimSuffix(fr.data, []byte{0xff, 0xd9})
			}
			fr.sum = crc32.ChecksumIEEE(fr.data)
			if f.codec == media.MJPEG { // RFC 2435 carries nothing but the scan as it is
				fr.sum = crc32.ChecksumIEEE(parseScan(fr.data))
			}
			continue
		}
		fr.nals = splitAnnexB(fr.data)
		fr.restart = fr.key && f.codec != media.H264
		for _, nal := range fr.nals {
			fr.restart = fr.restart || f.codec == media.H264 && nal[0]&0x1f == 5
			if slice(f.codec, nal) {
				fr.sum = crc32.Update(fr.sum, crc32.IEEETable, nal)
			}
		}
	}
	c.sets = configuration(f, c.frames[0])
}

// slice reports whether a NAL unit is part of the coded picture.
func slice(codec media.Codec, nal []byte) bool {
	if codec == media.H265 {
		return nal[0]>>1&0x3f < 32
	}
	return nal[0]&0x1f >= 1 && nal[0]&0x1f <= 5
}

// parameterSet reports whether a NAL unit is SPS, PPS or VPS.
func parameterSet(codec media.Codec, nal []byte) bool {
	if codec == media.H265 {
		t := nal[0] >> 1 & 0x3f
		return t >= 32 && t <= 34
	}
	return nal[0]&0x1f == 7 || nal[0]&0x1f == 8
}

// configuration is what the SDP says to the decoder.
func configuration(f format, key frame) [][]byte {
	switch f.clipName() {
	case "aac":
		return [][]byte{{0x11, 0x90}} // AAC LC, 48 kHz, two channels
	case "aac16":
		return [][]byte{{0x14, 0x08}} // AAC LC, 16 kHz, one channel
	}
	switch f.codec {
	case media.H264, media.H265:
		var sets [][]byte
		for _, nal := range key.nals {
			if parameterSet(f.codec, nal) {
				sets = append(sets, nal)
			}
		}
		return sets
	case media.MPEG4:
		return [][]byte{key.data[:beforePicture(key.data)]}
	}
	return nil
}

// beforePicture is where the first GOP or VOP of an MPEG-4 unit begins.
func beforePicture(data []byte) int {
	end := len(data)
	for _, code := range [][]byte{{0, 0, 1, 0xb3}, {0, 0, 1, 0xb6}} {
		if i := bytes.Index(data, code); i >= 0 {
			end = min(end, i)
		}
	}
	return end
}

// splitAnnexB cuts at start codes of three and four bytes.
func splitAnnexB(b []byte) [][]byte {
	var nals [][]byte
	code := []byte{0, 0, 1}
	i := bytes.Index(b, code)
	for i >= 0 {
		b = b[i+3:]
		i = bytes.Index(b, code)
		nal := b
		if i >= 0 {
			nal = b[:i]
		}
		if nal = bytes.TrimRight(nal, "\x00"); len(nal) > 0 {
			nals = append(nals, nal)
		}
	}
	return nals
}
