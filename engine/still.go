package engine

import (
	"path/filepath"
	"strings"

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

// still is a key unit as a file of a picture.
func (d Deps) still(track media.Track, key media.AccessUnit, o media.StillOptions) (file []byte, width, height int, err error) {
	p, err := d.keyPicture(track, key)
	if err != nil {
		return nil, 0, 0, err
	}
	defer p.Release()
	width, height = p.Size()
	if o.Width > width {
		o.Width = 0 // what there is is not made larger
	}
	if file, err = d.Coder.Still(p, o); err != nil {
		return nil, 0, 0, err
	}
	if o.Width > 0 {
		width, height = o.Width, (height*o.Width+width/2)/width
	}
	return file, width, height, nil
}
