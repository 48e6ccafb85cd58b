package presets

import (
	"image"
	"time"

	"rtsprec/engine/media"
)

// Encoder is settings of an encoder for a purpose. Rates follow the size of the picture:
// see Bitrate.
type Encoder struct {
	Name  string // what --preset takes
	About string
	Origin
	Video      media.Codec // H264, H265 or MJPEG
	Speed      string      // x264's words, "ultrafast" to "veryslow"; of hardware the nearest
	Profile    string      // of the codec; empty: what fits the settings
	GOP        time.Duration
	BFrames    int
	LowLatency bool // a picture comes out for each one that goes in
	// Quality is held where the rate allows it: x264's CRF, 1 best to 51; 0: the rate is.
	Quality int
	Rates   []Rate        // by height, rising; the mean, or with Quality the most
	Peak    float64       // the most over Buffer, as a multiple of the mean; at least 1
	Buffer  time.Duration // of the rate control
	// Size is the largest picture; zero: any. FPS is the most pictures a second; 0: any.
	Size         image.Point
	FPS          float64
	Audio        media.Codec // AAC or Opus; empty: none
	AudioBitrate int         // bit/s
	Channels     int         // of the sound, 1 or 2
}

func (e Encoder) called() string { return e.Name }

// Rate is the rate of a picture of 16:9 with Height lines at 30 pictures a second.
type Rate struct {
	Height  int
	Bitrate int // bit/s
}

// Ladder is what a link that narrows is given: steps from the best to the least.
type Ladder struct {
	Name  string // what --ladder takes
	About string
	Origin
	Rungs []Rung // bitrates fall from one to the next; 2 to MaxRungs
}

func (l Ladder) called() string { return l.Name }

// Rung is a step of a ladder.
type Rung struct {
	Width, Height int     // the largest picture; zero where KeyFramesOnly
	FPS           float64 // the most pictures a second; zero where KeyFramesOnly
	Bitrate       int     // bit/s that it wants, sound included
	// KeyFramesOnly is the last step: one picture a GOP, and all of the sound.
	KeyFramesOnly bool
}

// MaxRungs bounds a ladder.
const MaxRungs = 16

// Bitrate is the mean rate in bit/s of a picture of a size and pace, at least 16 kbit/s:
// between two of Rates by area, and beyond them with the power 3/4 of the area; pictures a
// second count with the square root of their ratio to 30, as most of a picture is in the
// one before.
func (e Encoder) Bitrate(width, height int, fps float64) int { return e.bitrate(width, height, fps) }

// Picture is what the codec engine is told for a picture of this size and pace; zero
// values of the size and pace are not replaced. See Within for the preset's own bounds.
func (e Encoder) Picture(width, height int, fps float64) media.EncodeOptions {
	o := media.EncodeOptions{
		Codec: e.Video, Width: width, Height: height, FPS: fps,
		Buffer: e.Buffer, Quality: e.Quality, GOP: e.GOP, BFrames: e.BFrames,
		Preset: e.Speed, LowLatency: e.LowLatency, Profile: e.Profile,
	}
	mean := e.Bitrate(width, height, fps)
	o.MaxBitrate = int(float64(mean) * e.Peak)
	if e.Quality == 0 {
		o.Bitrate = mean
	}
	return o
}

// Within makes a size and pace small enough for the preset: the shape is kept, sides
// are even.
func (e Encoder) Within(width, height int, fps float64) (int, int, float64) {
	if e.FPS > 0 && (fps > e.FPS || fps <= 0) {
		fps = e.FPS
	}
	width, height = within(width, height, e.Size)
	return width, height, fps
}

// Sound is what the codec engine is told for sound of this rate in Hz; 0 is 48000. The
// Codec is empty where the preset has no sound.
func (e Encoder) Sound(rate int) media.SoundEncodeOptions {
	if rate <= 0 {
		rate = 48000
	}
	return media.SoundEncodeOptions{
		Codec: e.Audio, Bitrate: e.AudioBitrate,
		Format: media.SoundFormat{Rate: rate, Channels: e.Channels},
	}
}
