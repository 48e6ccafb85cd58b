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
	"rtsprec/engine/vfs"
)

// PictureOptions says which pictures [Pictures] writes where.
type PictureOptions struct {
	Dir     string
	Cameras []string // none: all
	// At says of when, given what the recording is about; nil, and a zero time: its beginning.
	At        func(w archive.Window) (time.Time, error)
	Output    string // a .jpg or .png file, in which {camera} and {recording} are replaced
	Overwrite bool
}

// ExportedPicture is a picture that was written.
type ExportedPicture struct {
	Camera string    `json:"camera"`
	File   string    `json:"file"`
	At     time.Time `json:"at"` // when it was captured
	Width  int       `json:"width"`
	Height int       `json:"height"`
}

// IsPicture reports whether a file's name is that of a picture.
func IsPicture(name string) bool {
	_, err := stillFormat(name)
	return err == nil
}

// Pictures writes the picture of each camera that was to be seen at a time: the last one
// captured until then. fault.NotFound: there was none.
func Pictures(ctx context.Context, d Deps, o PictureOptions) ([]ExportedPicture, error) {
	if err := d.needCodecs("take a picture"); err != nil {
		return nil, err
	}
	format, err := stillFormat(o.Output)
	if err != nil {
		return nil, err
	}
	library, rec, err := d.onlyRecording(o.Dir)
	if err != nil {
		return nil, err
	}
	if o.Cameras, err = someCameras(rec, o.Cameras); err != nil {
		return nil, err
	}
	if len(o.Cameras) > 1 && !strings.Contains(o.Output, "{camera}") {
		return nil, fault.New(fault.Usage, "%s are %d cameras and %s is one file", strings.Join(o.Cameras, ", "), len(o.Cameras), o.Output)
	}
	at := rec.Window.From
	if o.At != nil {
		if asked, err := o.At(rec.Window); err != nil || !asked.IsZero() {
			at = asked
			if err != nil {
				return nil, err
			}
		}
	}
	var list []ExportedPicture
	for _, camera := range o.Cameras {
		name, err := fileName(o.Dir, camera, o.Output)
		if err == nil {
			err = d.vacant(name, o.Overwrite)
		}
		if err != nil {
			return list, err
		}
		p, err := d.pictureAt(ctx, library, rec.Name+"/"+camera, at)
		if err != nil {
			return list, err
		}
		e := ExportedPicture{Camera: camera, File: name, At: p.Wall().UTC()}
		e.Width, e.Height = media.ShownSize(p)
		data, err := d.Coder.Still(p, media.StillOptions{Format: format})
		p.Release()
		if err == nil {
			err = d.writeFile(name, o.Overwrite, data)
		}
		if err != nil {
			return list, err
		}
		list = append(list, e)
	}
	return list, nil
}

// slack is how much later than asked for a picture may have been captured: between the
// beginning of a recording and its first picture.
const slack = time.Second

// pictureAt decodes the last picture of a path that was captured until a time, or else the
// first after it. Who calls releases it.
func (d Deps) pictureAt(ctx context.Context, l *archive.Library, path string, at time.Time) (found media.Picture, err error) {
	defer func() {
		if err != nil && found != nil {
			found.Release()
			found = nil
		}
	}()
	_, _, tracks, err := l.DescribeAt(path, at)
	if err != nil {
		return nil, err
	}
	source, err := l.Replay(ctx, path, archive.PlayOptions{From: at, Tracks: tracks})
	if err != nil {
		return nil, err
	}
	defer source.Close()
	video := slices.IndexFunc(source.Run().Tracks, func(t media.Track) bool { return t.Codec.Video() })
	if video < 0 {
		return nil, fault.New(fault.NotFound, "%s has no picture, only sound", path)
	}
	decoder, err := d.Coder.PictureDecoder(source.Run().Tracks[video], media.DecodeOptions{})
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	enough := false
	take := func(pictures []media.Picture) {
		for _, p := range pictures {
			if late := p.Wall().After(at); enough || late && (found != nil || p.Wall().After(at.Add(slack))) {
				enough = true
				p.Release()
				continue
			}
			if found != nil {
				found.Release()
			}
			found = p
		}
	}
	for !enough {
		au, err := source.Next(ctx)
		if errors.Is(err, io.EOF) {
			pictures, err := decoder.Flush()
			take(pictures)
			if err != nil && !fault.Is(err, fault.Damaged) {
				return found, err
			}
			break
		}
		if err != nil {
			return found, err
		}
		if int(au.Track) != video {
			continue
		}
		pictures, err := decoder.Decode(au)
		take(pictures)
		if err != nil && !fault.Is(err, fault.Damaged) {
			return found, err
		}
	}
	if found == nil {
		return nil, fault.New(fault.NotFound, "%s has no picture of %s", path, at.UTC().Format(time.RFC3339))
	}
	return found, nil
}

// onlyRecording opens the recording that is in a directory.
func (d Deps) onlyRecording(dir string) (*archive.Library, *archive.Recording, error) {
	library := archive.NewLibrary(d.FS, d.Clock, dir)
	all := library.Recordings()
	switch {
	case len(all) == 1:
		return library, all[0], nil
	case len(all) > 1:
		return nil, nil, fault.New(fault.Usage, "%s is no recording, but holds %d", dir, len(all))
	}
	_, err := archive.Load(d.FS, dir)
	if err == nil {
		err = fault.New(fault.NotFound, "%s is no recording", dir)
	}
	return nil, nil, err
}

// someCameras checks names of cameras; none are all.
func someCameras(rec *archive.Recording, names []string) ([]string, error) {
	var all []string
	for _, c := range rec.Cameras {
		all = append(all, c.Name)
	}
	for _, name := range names {
		if !slices.Contains(all, name) {
			return nil, fault.New(fault.Usage, "%s has no camera %q: it has %s", rec.Dir, name, strings.Join(all, ", "))
		}
	}
	switch {
	case len(names) > 0:
		return names, nil
	case len(all) == 0:
		return nil, fault.New(fault.NotFound, "%s has no camera", rec.Dir)
	}
	return all, nil
}

// fileName replaces what stands for names in that of a file, which must not be in the
// recording.
func fileName(dir, camera, pattern string) (string, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return "", vfs.Fault("find "+dir, err)
	}
	name := strings.NewReplacer("{camera}", camera, "{recording}", filepath.Base(path)).Replace(pattern)
	return name, outside(path, name)
}

// writeFile writes a file, which is there when it is complete.
func (d Deps) writeFile(name string, overwrite bool, data []byte) error {
	return d.aside(name, overwrite, func(w io.Writer) error {
		_, err := w.Write(data)
		return vfs.Fault("write "+name, err)
	})
}
