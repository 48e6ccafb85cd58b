package engine

import (
	"context"
	"runtime"
	"strings"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// encoders are what a composition is encoded by.
type encoders struct {
	pictures media.PictureEncoder
	sounds   media.SoundEncoder // nil: no sound
	missing  *media.Gap         // to be told with the next unit that is not before its end
}

// The tracks of a composition.
const (
	pictureTrack media.TrackID = 0
	soundTrack   media.TrackID = 1
)

// composeSound is the form in which sound is mixed.
var composeSound = media.SoundFormat{Rate: 48000, Channels: 2}

// prepareEncoders makes the encoders and the canvas.
func (c *composer) prepareEncoders() (err error) {
	o := c.o
	options := o.Encoder.Picture(o.Size.X, o.Size.Y, o.FPS)
	if c.steered() && o.Bitrate == 0 { // a constant quality has no rate that could follow a way
		o.Bitrate = o.Encoder.Bitrate(o.Size.X, o.Size.Y, o.FPS)
	}
	if o.Bitrate > 0 {
		ratio := 1.25
		if options.Bitrate > 0 && options.MaxBitrate > 0 {
			ratio = float64(options.MaxBitrate) / float64(options.Bitrate)
		}
		options.Bitrate, options.MaxBitrate, options.Quality = o.Bitrate, int(float64(o.Bitrate)*ratio), 0
	}
	if c.steered() {
		adaptable(&options)
	}
	c.mostRate = options.Bitrate
	options.Device = o.Device
	options.Threads = EncoderThreads(options)
	options.Observe = func(note string) { c.deps.observe(Notice{Camera: o.Out.Name, Message: note}) }
	if c.encoders.pictures, err = c.deps.Coder.PictureEncoder(options); err != nil {
		return err
	}
	if !c.silent() {
		sound := o.Encoder.Sound(composeSound.Rate)
		if sound.Codec == "" {
			sound.Codec = media.AAC
		}
		sound.Format = composeSound
		if c.encoders.sounds, err = c.deps.Coder.SoundEncoder(sound); err != nil {
			return err
		}
	}
	c.canvas, err = c.deps.Coder.Canvas(media.CanvasOptions{Width: o.Size.X, Height: o.Size.Y, Background: o.Layout.Background})
	return err
}

// EncoderThreads is how many threads encode a composition: one is a quarter cheaper than two, and enough
// for 1080p at the speeds that are meant for live pictures.
func EncoderThreads(o media.EncodeOptions) int {
	quick := o.Codec != media.H265 && (o.Preset == "ultrafast" || o.Preset == "superfast")
	if quick && o.Width*o.Height <= 1920*1088 {
		return 1
	}
	return min(8, runtime.NumCPU())
}

func (e *encoders) close() {
	if e.pictures != nil {
		e.pictures.Close()
	}
	if e.sounds != nil {
		e.sounds.Close()
	}
}

// composedRun is the one run of a composition.
func (c *composer) composedRun() media.Run {
	var names []string
	for _, in := range c.inputs {
		names = append(names, in.Name)
	}
	run := media.Run{ID: 1, Start: c.deps.Clock.Now(), Origin: "live", Peer: "composed of " + strings.Join(names, ", ")}
	picture := c.encoders.pictures.Track()
	picture.ID = pictureTrack
	run.Tracks = append(run.Tracks, picture)
	if c.encoders.sounds != nil {
		sound := c.encoders.sounds.Track()
		sound.ID = soundTrack
		run.Tracks = append(run.Tracks, sound)
	}
	return run
}

// encode encodes what compose draws and mixes, and hands it on, until there is no more.
// After an error it only lets go.
func (c *composer) encode(work context.Context, failed func()) (err error) {
	for what := range c.encoded {
		if err == nil {
			if err = c.encodeOne(work, what); err != nil {
				failed()
			}
		}
		if what.picture != nil {
			what.picture.Release()
		}
	}
	if err != nil {
		return err
	}
	list, err := c.encoders.pictures.Flush()
	if err = c.hand(work, pictureTrack, list, err); err != nil || c.encoders.sounds == nil {
		return err
	}
	list, err = c.encoders.sounds.Flush()
	return c.hand(work, soundTrack, list, err)
}

func (c *composer) encodeOne(work context.Context, what composed) error {
	if what.picture == nil {
		list, err := c.encoders.sounds.Encode(what.sound)
		return c.hand(work, soundTrack, list, err)
	}
	if rate := int(c.wantRate.Swap(0)); rate > 0 {
		if err := c.encoders.pictures.SetBitrate(rate, rate); err != nil {
			return fault.Because("encode the composition", err)
		}
	}
	if what.missing != nil {
		c.missing = what.missing
	}
	list, err := c.encoders.pictures.Encode(what.picture, c.wantKey.Swap(false))
	return c.hand(work, pictureTrack, list, err)
}

// hand gives units to where the composition goes.
func (c *composer) hand(work context.Context, track media.TrackID, list []media.AccessUnit, err error) error {
	if err != nil {
		return fault.Because("encode the composition", err)
	}
	now := c.deps.Clock.Now()
	for _, au := range list {
		au.Track, au.Arrival = track, now
		if track == pictureTrack && c.missing != nil && !au.Wall.Before(c.missing.To) {
			au.Missing, c.missing = c.missing, nil
		}
		if err := c.out.write(work, au); err != nil {
			return err
		}
	}
	return nil
}

// RequestKey implements media.KeyRequester: the next picture becomes a key frame.
func (c *composer) RequestKey() { c.wantKey.Store(true) }

// steered reports whether the composition's own encoder follows the way to a target: while
// nobody else gets what it makes.
func (c *composer) steered() bool {
	o := c.o.Out
	return len(c.o.Adapt.Ladder.Rungs) > 0 && len(o.Targets) == 1 && o.Dir == "" && o.File == "" && len(o.Listen) == 0
}

// adaptable makes settings those of a picture whose way is narrow: none waits for the next,
// and a key frame is not many times what the way takes in its time.
func adaptable(o *media.EncodeOptions) {
	o.MaxBitrate, o.Buffer, o.LowLatency = o.Bitrate, adaptBuffer, true
}

// most implements steerable.
func (c *composer) most() int { return c.mostRate }

// steer implements steerable.
func (c *composer) steer(bitrate int) { c.wantRate.Store(int64(bitrate)) }
