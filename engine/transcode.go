package engine

import (
	"fmt"
	"image"
	"math"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/presets"
)

// Coding says what becomes of the tracks of a kind on their way: that they are copied, or
// what they are coded to.
type Coding string

// The codings. Copy and Auto are for pictures and for sound.
const (
	Copy   Coding = "copy" // as they come
	Auto   Coding = "auto" // copied where the other end can hold them, else coded to what it can
	ToH264 Coding = "h264"
	ToH265 Coding = "h265"
	ToAAC  Coding = "aac"
	ToOpus Coding = "opus"
)

// VideoCodings and AudioCodings list them.
var (
	VideoCodings = []Coding{Copy, Auto, ToH264, ToH265}
	AudioCodings = []Coding{Copy, Auto, ToAAC, ToOpus}
)

// TranscodeOptions say which tracks are coded anew, and how. The zero value copies all.
type TranscodeOptions struct {
	Video, Audio Coding // empty: Copy
	// Size is the box that pictures are made to fit, their shape kept; they are never
	// enlarged. A side of 0 follows from the other; both: as large as they come.
	Size image.Point
	FPS  float64 // pictures a second at most, picked by their times; 0: all
	// Encoder is the settings; the zero value is [DefaultEncoder]. Its Size and FPS bound
	// the pictures too.
	Encoder presets.Encoder
	Device  string // as media.DecodeOptions.Device, for decoding and encoding
	// Accept says whether the other end can hold a track, for Auto; nil: every track.
	Accept func(t media.Track) bool `json:"-"`

	name    string // of the input, for what is told
	because string // why Accept refuses, for what is told
	taste   *taste // what the other end has refused so far; nil: nothing is found out
	direct  bool   // the Sink never waits: it is a queue
	quiet   bool   // what is coded anew is told by others
	wait    bool   // as fast as it goes, and nothing is dropped: the input is not live
	// between is when pictures are encoded, by PTS; those outside are only decoded. nil: always.
	between *[2]time.Duration
	same    bool      // pictures are coded to the codec they have
	since   time.Time // pictures captured before are only decoded; zero: none are
	// cut is the length of a recording's files: there is a key frame at each multiple of it.
	cut time.Duration
}

// DefaultEncoder is the settings where none are named: H.264 that every device plays, at a
// quality that one does not see the difference of, for little work.
var DefaultEncoder = presets.Encoder{
	Video: media.H264, Speed: "veryfast", GOP: 2e9, Quality: 23, Peak: 1.5,
	Rates:  []presets.Rate{{Height: 360, Bitrate: 1_500_000}, {Height: 720, Bitrate: 4_000_000}, {Height: 1080, Bitrate: 8_000_000}, {Height: 2160, Bitrate: 24_000_000}},
	Buffer: 1e9, Audio: media.AAC, AudioBitrate: 128_000, Channels: 2,
}

// needsNothing reports whether every track is copied whatever it is.
func (o TranscodeOptions) needsNothing() bool {
	return (o.Video == "" || o.Video == Copy) && (o.Audio == "" || o.Audio == Copy)
}

// shapes reports whether pictures are to be made different.
func (o TranscodeOptions) shapes() bool {
	return o.Size != image.Point{} || o.FPS > 0
}

// check refuses what makes no sense (fault.Usage) and what this build cannot do
// (fault.Unsupported).
func (o TranscodeOptions) check(coder media.Coder) error {
	o.Video, o.Audio = orCopy(o.Video), orCopy(o.Audio)
	switch {
	case !slices.Contains(VideoCodings, o.Video):
		return fault.New(fault.Usage, "pictures cannot be coded to %q", o.Video)
	case !slices.Contains(AudioCodings, o.Audio):
		return fault.New(fault.Usage, "sound cannot be coded to %q", o.Audio)
	case o.Size.X < 0 || o.Size.Y < 0 || o.Size.X > 8192 || o.Size.Y > 8192:
		return fault.New(fault.Usage, "pictures of %dx%d", o.Size.X, o.Size.Y)
	case o.FPS < 0 || o.FPS > 1000 || math.IsNaN(o.FPS):
		return fault.New(fault.Usage, "%g pictures a second", o.FPS)
	case o.Video == Copy && o.shapes():
		return fault.New(fault.Usage, "pictures that are copied keep their size and pace")
	}
	explicit := o.Video != Copy && o.Video != Auto || o.Audio != Copy && o.Audio != Auto || o.shapes()
	if coder == nil && explicit {
		return errNoCodecs
	}
	if o.Video == Copy || o.Video == Auto || coder == nil {
		return nil
	}
	encoder, err := coder.PictureEncoder(o.pictureOptions(media.Track{}, media.Codec(o.Video), image.Pt(640, 360)))
	if err != nil {
		return err
	}
	encoder.Close()
	return nil
}

// planned is the options as they stand in a plan; nil: everything is copied.
func (o TranscodeOptions) planned() *journal.Coding {
	if o.needsNothing() {
		return nil
	}
	return &journal.Coding{
		Video: string(orCopy(o.Video)), Audio: string(orCopy(o.Audio)), Width: o.Size.X, Height: o.Size.Y,
		FPS: o.FPS, Device: o.Device, Encoder: o.settings(),
	}
}

// plannedCoding is what a plan says.
func plannedCoding(c *journal.Coding) TranscodeOptions {
	if c == nil {
		return TranscodeOptions{}
	}
	return TranscodeOptions{
		Video: Coding(c.Video), Audio: Coding(c.Audio), Size: image.Pt(c.Width, c.Height), FPS: c.FPS,
		Device: c.Device, Encoder: c.Encoder,
	}
}

// errNoCodecs is what a build without codecs says when it is asked to code.
var errNoCodecs = fault.Wrap(fault.Unsupported, "", fmt.Errorf("%w: it can only copy", ErrNoCodecs))

func orCopy(c Coding) Coding {
	if c == "" {
		return Copy
	}
	return c
}

// settings are the encoder's.
func (o TranscodeOptions) settings() presets.Encoder {
	if o.Encoder.Video == "" {
		return DefaultEncoder
	}
	return o.Encoder
}

// target is what a track is coded to; empty: it is copied. why is set where that is the
// choice of Auto.
func (o TranscodeOptions) target(t media.Track) (to media.Codec, why string) {
	coding := orCopy(o.Audio)
	if o.same && t.Codec.Video() {
		return t.Codec, ""
	}
	if t.Codec.Video() {
		coding = orCopy(o.Video)
	}
	switch coding {
	case Copy:
		return "", ""
	case Auto:
		shaped := t.Codec.Video() && o.shapes()
		if !shaped && o.accepts(t) {
			return "", ""
		}
		if to = o.choice(t); to == t.Codec && !shaped {
			return "", "" // there is nothing better
		}
		if !shaped {
			why = o.because
		}
		return to, why
	}
	to = media.Codec(coding)
	if to == t.Codec && !t.Codec.Video() {
		return "", "" // it would be the same, only worse
	}
	return to, ""
}

// choice is what Auto codes a track to: the preset's codec, if the other end holds it.
func (o TranscodeOptions) choice(t media.Track) media.Codec {
	to, other := o.settings().Audio, media.AAC
	if t.Codec.Video() {
		to, other = o.settings().Video, media.H264
	}
	if to == "" || !o.accepts(media.Track{Codec: to, ClockRate: 90000, SampleRate: t.SampleRate, Channels: t.Channels}) {
		return other
	}
	return to
}

// better reports whether there is another codec for a track that is refused.
func (o TranscodeOptions) better(t media.Track) bool {
	o.Accept = func(other media.Track) bool { return other.Codec != t.Codec }
	return o.choice(t) != t.Codec
}

// accepts reports whether the other end holds a track, as far as one knows.
func (o TranscodeOptions) accepts(t media.Track) bool {
	return (o.Accept == nil || o.Accept(t)) && (o.taste == nil || !o.taste.dislikes(t.Codec))
}

// told is a line about a track that is coded anew.
func told(t media.Track, to media.Codec, why string) string {
	s := fmt.Sprintf("%s is re-encoded to %s", t.Codec.Title(), to.Title())
	if why != "" {
		s += ": " + why
	}
	return s
}

// pictureSize is the size at which a picture is encoded: in the box, never larger than
// it is, with even sides.
func (o TranscodeOptions) pictureSize(width, height int) (int, int) {
	scale := 1.0
	if o.Size.X > 0 {
		scale = min(scale, float64(o.Size.X)/float64(width))
	}
	if o.Size.Y > 0 {
		scale = min(scale, float64(o.Size.Y)/float64(height))
	}
	even := func(side int) int { return max(2, int(math.Round(float64(side)*scale/2))*2) }
	if scale == 1 {
		even = func(side int) int { return max(2, side&^1) }
	}
	w, h, _ := o.settings().Within(even(width), even(height), 0)
	return w, h
}

// pace is how many pictures a second are encoded at most; 0: all.
func (o TranscodeOptions) pace() float64 {
	_, _, fps := o.settings().Within(16, 16, o.FPS)
	return fps
}
