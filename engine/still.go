package engine

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// stillFormat is the format that a file's name asks for.
func stillFormat(name string) (string, error) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".jpg", ".jpeg":
		return "jpeg", nil
	case ".png":
		return "png", nil
	}
	return "", fault.New(fault.Usage, "%s: a picture ends in .jpg or .png", name)
}

// keyUnit is a unit that decoding may start at, and what is needed to decode it.
type keyUnit struct {
	track media.Track
	unit  media.AccessUnit
}

// keysBefore calls do with the key units of the picture that was recorded under a path, the
// newest at or before a time first, until it is done; a zero time is the end. It is no error
// when there is none.
func keysBefore(ctx context.Context, l *archive.Library, path string, at time.Time, do func(keyUnit) (done bool)) error {
	_, _, tracks, err := l.DescribeAt(path, at)
	if err != nil {
		return err
	}
	source, err := l.Replay(ctx, path, archive.PlayOptions{From: at, Reverse: true, Tracks: tracks})
	if err != nil {
		return err
	}
	defer source.Close()
	return eachKey(ctx, source, func(k keyUnit) bool {
		return (at.IsZero() || !k.unit.Wall.After(at)) && do(k)
	})
}

// eachKey calls do with the units of a source that has only those of one picture, each of
// them a key, until it is done.
func eachKey(ctx context.Context, source media.Source, do func(keyUnit) (done bool)) error {
	tracks := slices.Clone(source.Run().Tracks)
	for {
		au, err := source.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		track := &tracks[au.Track]
		if au.Config != nil {
			track.Config = au.Config
		}
		if !track.Codec.Video() || do(keyUnit{*track, au}) {
			return nil
		}
	}
}

// keyPicture decodes one key unit of a track, whose Config is in force there. Who calls
// releases it.
func (d Deps) keyPicture(track media.Track, key media.AccessUnit) (media.Picture, error) {
	if err := d.needCodecs("decode a picture"); err != nil {
		return nil, err
	}
	if key.Config != nil {
		track.Config = key.Config
	}
	decoder, err := d.Coder.PictureDecoder(track, media.DecodeOptions{})
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	pictures, err := decoder.Decode(key)
	if err == nil && len(pictures) == 0 {
		pictures, err = decoder.Flush()
	}
	for i, p := range pictures {
		if i > 0 || err != nil {
			p.Release()
		}
	}
	switch {
	case err != nil:
		return nil, err
	case len(pictures) == 0:
		return nil, fault.New(fault.Damaged, "no picture came out of a key frame of %s", track.Codec.Title())
	}
	return pictures[0], nil
}

// stillFile is a key unit as the file of a picture.
type stillFile struct {
	data          []byte
	width, height int
	drawn         time.Time // that a test card in it shows; zero: there is none
}

// still decodes a key unit and makes a file of it. What there is is not made larger.
func (d Deps) still(k keyUnit, o media.StillOptions) (f stillFile, err error) {
	p, err := d.keyPicture(k.track, k.unit)
	if err != nil {
		return f, err
	}
	defer p.Release()
	f.width, f.height = media.ShownSize(p)
	if o.Width >= f.width {
		o.Width = 0
	}
	if f.data, err = d.Coder.Still(p, o); err != nil {
		return f, err
	}
	if o.Width > 0 {
		f.width, f.height = o.Width, (f.height*o.Width+f.width/2)/f.width
	}
	// What only looks like a code says anything.
	if drawn, ok := readCard(p, nil); ok && drawn.Sub(k.unit.Wall).Abs() < 24*time.Hour {
		f.drawn = drawn
	}
	return f, nil
}
