package engine

import (
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/testcard"
)

// testSound is the sound of a test source.
type testSound struct {
	encoder media.SoundEncoder
	format  media.SoundFormat
	start   time.Time // of sample 0
	made    int64     // samples so far
}

func newTestSound(coder media.Coder, codec media.Codec) (*testSound, error) {
	format := media.SoundFormat{Rate: 48000, Channels: 1}
	if codec == media.PCMA || codec == media.PCMU {
		format.Rate = 8000
	}
	encoder, err := coder.SoundEncoder(media.SoundEncodeOptions{Codec: codec, Format: format})
	return &testSound{encoder: encoder, format: format}, err
}

// begin says when sound begins.
func (t *testSound) begin(at time.Time) { t.start = at }

// until returns the units that are ready when all sound before a time was made.
func (t *testSound) until(at time.Time) ([]media.AccessUnit, error) {
	n := media.FromDuration(at.Sub(t.start), t.format.Rate) - t.made
	if n <= 0 {
		return nil, nil
	}
	wall := t.start.Add(media.ToDuration(t.made, t.format.Rate))
	sound := media.Sound{SoundFormat: t.format, PTS: t.made, Wall: wall, Samples: make([]float32, int(n)*t.format.Channels)}
	testcard.Tone(sound.Samples, t.format.Rate, t.format.Channels, wall)
	t.made += n
	return t.encoder.Encode(sound)
}
