//go:build cgo

package av

import (
	"bytes"
	"image"
	"testing"

	"rtsprec/engine/media"
)

// matches holds the small copy of a picture, if there is one, against the whole made
// smaller, and reports whether there is one.
func matches(t testing.TB, c *coder, m media.Picture) bool {
	t.Helper()
	p := m.(*picture)
	if p.small == nil {
		return false
	}
	size := image.Pt(int(p.small.width), int(p.small.height))
	drawn := func() []byte {
		v := newCanvas(t, c, size.X&^1, size.Y&^1, nil)
		if err := v.Draw(p, image.Rectangle{}, image.Rectangle{Max: image.Pt(size.X&^1, size.Y&^1)}); err != nil {
			t.Fatal(err)
		}
		q := taken(t, v)
		defer q.Release()
		return rawOf(q)
	}
	with := drawn()
	small := p.small
	p.small = nil
	without := drawn()
	p.small = small
	if !bytes.Equal(with, without) {
		t.Errorf("the small copy of the picture at %d is of another picture", p.PTS())
	}
	return true
}

func TestASmallCopyIsThePictureMadeSmaller(t *testing.T) {
	for _, name := range []string{"h264", "h264b", "h264refresh", "heavy"} {
		t.Run(name, func(t *testing.T) {
			coder := newCoder(t)
			track, units := clip(t, name, media.H264)
			units = units[:min(len(units), 40)]
			info, _ := media.Inspect(track)
			whole := image.Pt(info.Width, info.Height)
			d, err := coder.PictureDecoder(track, media.DecodeOptions{Shown: whole.Div(2)})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			copies, seen := 0, 0
			take := func(list []media.Picture, err error) {
				if err != nil {
					t.Error(err)
				}
				for _, p := range list {
					if seen++; matches(t, coder, p) {
						copies++
					}
					p.Release()
				}
			}
			for i, au := range units {
				if i == len(units)/2 {
					d.Resize(whole)
				}
				take(d.Decode(au))
			}
			take(d.Flush())
			if copies < seen/3 || copies > 2*seen/3 {
				t.Errorf("%d of %d pictures have a small copy, and half of them were shown small", copies, seen)
			}
		})
	}
}

func TestABrokenPictureIsNotShownByACopyOfAnother(t *testing.T) {
	coder := newCoder(t)
	track, units := clip(t, "h264", media.H264)
	info, _ := media.Inspect(track)
	d, err := coder.PictureDecoder(track, media.DecodeOptions{Shown: image.Pt(info.Width/2, info.Height/2)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	copies, seen := 0, 0
	for i, au := range units {
		if i%3 == 1 {
			au.Data = bytes.Clone(au.Data)
			for at := len(au.Data) / 2; at < len(au.Data); at += 5 {
				au.Data[at] ^= 0x55
			}
		}
		out, _ := d.Decode(au) // some say that they are broken
		for _, p := range out {
			if seen++; matches(t, coder, p) {
				copies++
			}
			p.Release()
		}
	}
	if seen < len(units)/2 || copies == 0 || copies == seen {
		t.Errorf("%d of %d pictures have a small copy", copies, seen)
	}
}

// What has a small copy is nothing but that where little memory is to be taken, also when it
// outlives its decoder, and whole again once it is shown larger.
func TestALightPictureIsItsSmallCopyAndNothingElse(t *testing.T) {
	coder := newCoder(t)
	track, units := clip(t, "h264b", media.H264)
	units = units[:min(len(units), 40)]
	info, _ := media.Inspect(track)
	whole := image.Pt(info.Width, info.Height)
	var shown [2][]media.Picture
	for i, light := range []bool{false, true} {
		d, err := coder.PictureDecoder(track, media.DecodeOptions{Shown: whole.Div(2), Light: light})
		if err != nil {
			t.Fatal(err)
		}
		for n, au := range units {
			if n == len(units)/2 {
				d.Resize(whole)
			}
			list, err := d.Decode(au)
			if err != nil {
				t.Error(err)
			}
			shown[i] = append(shown[i], list...)
		}
		list, err := d.Flush()
		if shown[i] = append(shown[i], list...); err != nil {
			t.Error(err)
		}
		d.Close()
	}
	drawn := func(p media.Picture) []byte {
		v := newCanvas(t, coder, whole.X/2&^1, whole.Y/2&^1, nil)
		if err := v.Draw(p, image.Rectangle{}, image.Rect(0, 0, whole.X/2&^1, whole.Y/2&^1)); err != nil {
			t.Fatal(err)
		}
		q := taken(t, v)
		defer q.Release()
		return rawOf(q)
	}
	small := 0
	for i, p := range shown[1] {
		other := shown[0][i].(*picture)
		switch w, h := p.Size(); {
		case other.small != nil && image.Pt(w, h) == whole.Div(2):
			small++
		case image.Pt(w, h) != whole || other.small != nil && i < len(units)/3:
			t.Errorf("picture %d is %dx%d", i, w, h)
		}
		if !bytes.Equal(drawn(p), drawn(other)) {
			t.Errorf("picture %d is another one", i)
		}
		p.Release()
		other.Release()
	}
	if len(shown[0]) != len(shown[1]) || small < len(shown[0])/3 {
		t.Errorf("%d and %d pictures, %d of them small", len(shown[0]), len(shown[1]), small)
	}
}
