//go:build cgo

package av

import (
	"bytes"
	"testing"

	"rtsprec/engine/media"
)

var videoClips = []struct {
	name  string
	codec media.Codec
	delay int // pictures that are held back for reordering
}{
	{"h264", media.H264, 0}, {"h264b", media.H264, 2}, {"h264refresh", media.H264, 0}, {"h265", media.H265, 0},
	{"h265b", media.H265, 2}, {"mpeg4", media.MPEG4, 0}, {"mpeg4b", media.MPEG4, 1}, {"mjpeg", media.MJPEG, 0},
}

func TestPicturesAreThoseThatFFmpegDecodes(t *testing.T) {
	for _, c := range videoClips {
		t.Run(c.name, func(t *testing.T) {
			coder := newCoder(t)
			track, units := clip(t, c.name, c.codec)
			units = units[:min(len(units), 80)]
			d, err := coder.PictureDecoder(track, media.DecodeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			want := reference(t, c.codec, nil, units)
			walls := map[media.Ticks]media.AccessUnit{}
			var count, inside int
			last := media.Ticks(-1)
			take := func(pictures []media.Picture, err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range pictures {
					got := pixels(p)
					if len(want) < len(got) || !bytes.Equal(got, want[:len(got)]) {
						t.Fatalf("picture %d differs from ffmpeg's", count)
					}
					want = want[len(got):]
					au, ok := walls[p.PTS()]
					if !ok || !au.Wall.Equal(p.Wall()) || p.PTS() <= last || p.Damaged() {
						t.Fatalf("picture %d has time %d, %v, damaged %v", count, p.PTS(), p.Wall(), p.Damaged())
					}
					last = p.PTS()
					p.Release()
					count++
				}
			}
			for i, au := range units {
				walls[au.PTS] = au
				take(d.Decode(au))
				inside = max(inside, i+1-count)
			}
			take(d.Flush())
			if count != len(units) || len(want) != 0 {
				t.Errorf("%d pictures of %d units, %d bytes of ffmpeg's are left", count, len(units), len(want))
			}
			if inside != c.delay {
				t.Errorf("%d pictures are held back, %d have to be", inside, c.delay)
			}
		})
	}
}
