package engine

import (
	"context"
	"slices"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// soundLane codes a track of sound anew, while its caller waits: that takes next to
// nothing.
type soundLane struct {
	t        *transcoder
	id       media.TrackID
	from     media.Track
	dec      media.SoundDecoder
	enc      media.SoundEncoder
	remarks  remarks
	failures repeats
}

func newSoundLane(t *transcoder, from media.Track, to media.Codec) (*soundLane, error) {
	o := t.o.soundOptions(from, to)
	l := &soundLane{t: t, id: from.ID, from: from}
	var err error
	if l.dec, err = t.deps.Coder.SoundDecoder(from, o.Format); err != nil {
		return nil, err
	}
	if l.enc, err = t.deps.Coder.SoundEncoder(o); err != nil {
		l.dec.Close()
		return nil, err
	}
	return l, nil
}

// aacRates are the rates that AAC has (ISO 14496-3 table 1.18), rising.
var aacRates = []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000}

// soundOptions say how a track is encoded: at the rate it has, where the coding has it,
// and never with more channels than it has or a higher rate of bits than makes a difference.
func (o TranscodeOptions) soundOptions(from media.Track, to media.Codec) media.SoundEncodeOptions {
	info, _ := media.Inspect(from)
	rate, channels := max(info.SampleRate, from.SampleRate), min(max(info.Channels, from.Channels, 1), 2)
	switch {
	case to == media.Opus:
		rate = 48000
	case !slices.Contains(aacRates, rate):
		i, _ := slices.BinarySearch(aacRates, rate)
		rate = aacRates[min(i, 8)]
	}
	settings := o.settings()
	if settings.Channels > 0 {
		channels = min(channels, settings.Channels)
	}
	bitrate := 48000 * channels
	if settings.AudioBitrate > 0 && settings.Audio == to {
		bitrate = settings.AudioBitrate
		if settings.Channels == 2 && channels == 1 {
			bitrate = bitrate * 5 / 8
		}
	}
	return media.SoundEncodeOptions{
		Codec: to, Format: media.SoundFormat{Rate: rate, Channels: channels},
		Bitrate: min(bitrate, max(32000, 4*rate)*channels),
	}
}

// write implements trackCoder.
func (l *soundLane) write(ctx context.Context, au media.AccessUnit) error {
	l.remarks.note(au)
	if au.Damaged {
		l.remarks.add(remark{at: au.Wall, damaged: true})
	}
	blocks, err := l.dec.Decode(au)
	if err != nil {
		l.fails("sound cannot be decoded", err)
	}
	l.encode(ctx, blocks)
	return nil
}

func (l *soundLane) encode(ctx context.Context, blocks []media.Sound) {
	for _, b := range blocks {
		units, err := l.enc.Encode(b)
		if err != nil {
			l.fails("sound cannot be encoded", err)
		}
		l.emit(ctx, units)
	}
}

func (l *soundLane) emit(ctx context.Context, units []media.AccessUnit) {
	for _, au := range units {
		au.Track, au.Key, au.Arrival = l.id, true, l.t.deps.Clock.Now()
		l.remarks.settle(&au)
		l.t.emit(ctx, au)
	}
}

func (l *soundLane) fails(what string, err error) {
	l.failures.tell(l.t.deps, 1, Notice{Camera: l.t.o.name, Message: fault.Redact(what + ": " + err.Error())})
}

// end implements trackCoder.
func (l *soundLane) end(ctx context.Context) bool {
	blocks, err := l.dec.Flush()
	if err == nil {
		l.encode(ctx, blocks)
		var units []media.AccessUnit
		if units, err = l.enc.Flush(); err == nil {
			l.emit(ctx, units)
		}
	}
	if err != nil {
		l.fails("the end of the sound is lost", err)
	}
	l.failures.rest(l.t.deps)
	l.dec.Close()
	l.enc.Close()
	return false
}
