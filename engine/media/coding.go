package media

import (
	"context"
	"image"
	"image/color"
	"time"
)

// Coder turns access units into pictures and sound, and back. Package av makes the only
// one there is; a build without cgo has none, and who needs one says fault.Unsupported.
// Its methods may be called from many goroutines, those of what it returns from one at a
// time. Everything it returns is closed or released by whoever got it.
type Coder interface {
	// PictureDecoder decodes a track of video. A codec that this build lacks, or a
	// configuration that cannot be decoded, is fault.Unsupported.
	PictureDecoder(t Track, o DecodeOptions) (PictureDecoder, error)
	// PictureEncoder encodes video. What this build or machine lacks is
	// fault.Unsupported, and the error names what there is.
	PictureEncoder(o EncodeOptions) (PictureEncoder, error)
	// SoundDecoder decodes a track of sound, resampled and mixed to the format asked for.
	SoundDecoder(t Track, to SoundFormat) (SoundDecoder, error)
	// SoundEncoder encodes sound to AAC, Opus or any PCM of Codecs.
	SoundEncoder(o SoundEncodeOptions) (SoundEncoder, error)
	// Canvas is what pictures are drawn on.
	Canvas(o CanvasOptions) (Canvas, error)
	// Still encodes one picture as an image file.
	Still(p Picture, o StillOptions) ([]byte, error)
	// File opens a plain media file (MP4, Matroska, MPEG-TS, ...) as one run: units as fast
	// as they are asked for, Wall from start on.
	File(ctx context.Context, path string, start time.Time) (Source, error)
	// Devices says what decodes and encodes here, software last; each was really tried.
	Devices(ctx context.Context) []Device
}

// Picture is a decoded picture: counted references to memory of the codec engine, or of
// a device. It is immutable.
type Picture interface {
	Size() (width, height int) // shown pixels
	PTS() Ticks                // in 1/90000 s, from the start of its run
	Wall() time.Time           // capture time
	Damaged() bool             // decoded from damaged units, concealed
	Device() string            // where it lives: "" is main memory
	Retain() Picture           // another reference, to be released as well
	Release()
}

// Lumaer is optional on a Picture: its brightness as it lies in main memory, in the range
// of video (16 to 235) for most. It is only read, and only while a reference is held; nil:
// the picture is elsewhere, or has no plane of 8 bits.
type Lumaer interface{ Luma() *image.Gray }

// Shaped is optional on a Picture: how many times as wide as high each pixel is to be shown,
// as ITU-T H.264 E.2.1 (sample aspect ratio) has it; 0: nobody said, they are square.
type Shaped interface{ Pixel() float64 }

// PixelOf is the shape of a picture's pixels; 1 where nobody said, or what was said cannot be.
func PixelOf(p Picture) float64 {
	if s, ok := p.(Shaped); ok {
		if pixel := s.Pixel(); pixel > 0.01 && pixel < 100 {
			return pixel
		}
	}
	return 1
}

// ShownSize is the size of a picture in square pixels, its height kept: as it is to be shown.
func ShownSize(p Picture) (width, height int) {
	w, h := p.Size()
	return max(1, int(float64(w)*PixelOf(p)+0.5)), h
}

// DecodeOptions say how pictures are decoded.
type DecodeOptions struct {
	Device  string // "" or "none": software; "auto": the first device that can; or a device's name
	Threads int    // of software; 0: 1. More hold as many pictures back.
	// Shown is the largest size at which the pictures are shown; zero: their own. A
	// decoder may then leave out what cannot be seen, or scale where that costs nothing.
	Shown image.Point
	// Light says that pictures may come smaller by a whole number then, not below Shown,
	// and take as much less memory. What is shown larger afterwards is blurred until the
	// next one.
	Light bool
	// Observe is told, once each, what a person should know: that a device failed and
	// software went on. May be nil.
	Observe func(note string)
}

// PictureDecoder decodes one track.
type PictureDecoder interface {
	// Decode takes the next unit and returns the pictures that came out, in order of
	// presentation. au.Config, when present, reconfigures it. A unit that cannot be
	// decoded is an error of fault.Damaged; the next one may be given all the same.
	Decode(au AccessUnit) ([]Picture, error)
	// Flush returns what is still inside; the next unit must be a key. Between the units of
	// two runs it is called, as their times have nothing to do with each other.
	Flush() ([]Picture, error)
	// Resize says that pictures are shown at another largest size from now on.
	Resize(shown image.Point)
	Device() string // in use; "" is software
	Close()
}

// EncodeOptions say how pictures become a track. Zero values are the codec engine's
// choice unless said otherwise.
type EncodeOptions struct {
	Codec         Codec         // H264, H265, MJPEG or MPEG4
	Width, Height int           // even; pictures of another size are scaled, where they live
	Pixel         float64       // how many times as wide as high a pixel is to be shown; 0: they are square
	FPS           float64       // nominal; times come from the pictures
	Bitrate       int           // mean, bit/s; 0 with Quality
	MaxBitrate    int           // bit/s over Buffer; 0: not bounded
	Buffer        time.Duration // of the rate control; 0: 1 s
	Quality       int           // CRF, 1 best to 51; 0: by Bitrate
	GOP           time.Duration // longest between key frames; 0: 2 s
	BFrames       int
	Preset        string // of x264 and x265 ("ultrafast" to "placebo"), mapped for devices
	LowLatency    bool   // a unit comes out for each picture that goes in
	Profile       string
	Device        string // as DecodeOptions.Device
	Threads       int    // of software; 0: 1. More hold pictures back, except with LowLatency.
	Observe       func(note string)
}

// PictureEncoder encodes one track. Units carry PTS (1/90000 s), Wall and Damaged of
// their pictures, Arrival is left zero.
type PictureEncoder interface {
	// Track is Codec, ClockRate 90000 and Config; ID is 0. Config may change with the first
	// picture, which says its colours; then the first unit has it, too.
	Track() Track
	// Encode takes the next picture, whose PTS rises, and makes a key frame of it when
	// asked. It keeps its own reference.
	Encode(p Picture, key bool) ([]AccessUnit, error)
	// SetBitrate changes the rate from the next picture on, without a key frame where the
	// encoder can.
	SetBitrate(bitrate, maxBitrate int) error
	Flush() ([]AccessUnit, error) // ends the stream
	Device() string
	Close()
}

// SoundFormat is what decoded sound looks like: interleaved 32-bit floats in [-1, 1].
type SoundFormat struct {
	Rate     int // Hz; 0: the track's own
	Channels int // 1 or 2; 0: the track's own, two at most
}

// Sound is a block of decoded sound.
type Sound struct {
	SoundFormat
	PTS     Ticks // in 1/Rate s from the start of its run
	Wall    time.Time
	Samples []float32
}

// SoundDecoder decodes one track.
type SoundDecoder interface {
	Decode(au AccessUnit) ([]Sound, error) // the samples are the caller's
	Flush() ([]Sound, error)
	Close()
}

// SoundEncodeOptions say how sound becomes a track.
type SoundEncodeOptions struct {
	Codec Codec
	// Format of the track; sound of another one is converted. Zeros, and what a codec
	// cannot do, become the nearest that it can: ask Track.
	Format  SoundFormat
	Bitrate int  // bit/s of AAC and Opus; 0: 64000 a channel
	Bits    int  // G.726: bits a sample, 2 to 5; 0: 4
	AAL2    bool // G.726: the bit order, see Track.AAL2
}

// SoundEncoder encodes one track. Blocks of any length are taken; a jump of PTS by more
// than a frame goes on at the new time. Times of units allow for what the encoder puts in
// front (AAC: 1024 samples), so that decoded sound is in time: that of the first one can be
// negative.
type SoundEncoder interface {
	Track() Track
	Encode(s Sound) ([]AccessUnit, error)
	Flush() ([]AccessUnit, error)
	Close()
}

// CanvasOptions are the size of what is drawn.
type CanvasOptions struct {
	Width, Height int // even, 16 to 8192
	Background    color.Color
}

// Canvas is a picture being drawn, 4:2:0. Rectangles are clipped to it; odd edges are
// moved to the next even pixel.
type Canvas interface {
	// Draw scales the part src of a picture (empty: all of it) into dst.
	Draw(p Picture, src, dst image.Rectangle) error
	// Fill paints a rectangle; a colour with alpha is blended.
	Fill(r image.Rectangle, c color.Color)
	// Stamp blends an image, whose top left corner is put at a point. An image is
	// converted once and remembered by its pointer: do not change it afterwards.
	Stamp(img *image.NRGBA, at image.Point)
	// Picture hands over what was drawn. What is on the canvas afterwards is undefined:
	// draw all of it again, the background first where no cell covers it.
	Picture(pts Ticks, wall time.Time) (Picture, error)
	Close()
}

// StillOptions say how an image file is made.
type StillOptions struct {
	Format  string // "jpeg" (default) or "png"
	Width   int    // pixels; 0: the picture's own. The height follows.
	Quality int    // of JPEG, 1 to 100; 0: 85
}

// Device is one way to decode and encode.
type Device struct {
	Name   string // what DecodeOptions.Device takes: "cuda", "vaapi", "v4l2", "software"
	Detail string // what it calls itself
	Decode []Codec
	Encode []Codec
	Why    string // it does not work, and why; or empty
}
