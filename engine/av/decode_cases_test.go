//go:build cgo

package av

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// decodeAll decodes units, errors being allowed, and returns what came out.
func decodeAll(t testing.TB, d media.PictureDecoder, units []media.AccessUnit) (out []media.Picture, broken int) {
	t.Helper()
	for _, au := range units {
		pictures, err := d.Decode(au)
		if err != nil {
			if broken++; !fault.Is(err, fault.Damaged) {
				t.Errorf("%v is %v", err, fault.KindOf(err))
			}
		}
		out = append(out, pictures...)
	}
	pictures, _ := d.Flush()
	out = append(out, pictures...)
	t.Cleanup(func() {
		for _, p := range out {
			p.Release()
		}
	})
	return out, broken
}

func TestAStreamMayChangeItsSizeEachSecond(t *testing.T) {
	for _, c := range []struct {
		name, other string
		codec       media.Codec
	}{{"h264", "h264-other", media.H264}, {"h264b", "h264b-other", media.H264}, {"h265", "h265-other", media.H265}, {"mpeg4", "mpeg4-other", media.MPEG4}, {"mjpeg", "mjpeg-other", media.MJPEG}} {
		t.Run(c.name, func(t *testing.T) {
			coder := newCoder(t)
			track, first := clip(t, c.name, c.codec)
			_, second := clip(t, c.other, c.codec)
			first, second = first[:min(25, len(first))], second[:min(25, len(second))]
			var units []media.AccessUnit
			at := media.Ticks(0)
			for i := range 6 {
				part := first
				if i%2 == 1 {
					part = second
				}
				end := at
				for j, au := range part {
					if j == 0 && i > 0 && c.codec != media.MJPEG {
						// Only beside the stream, as in a recording.
						au.Config = media.ConfigOf(c.codec, au.Data, nil)
						au.Data = withoutSets(c.codec, au.Data)
					}
					end = max(end, at+au.PTS+3600)
					au.PTS, au.DTS = at+au.PTS, at+au.DTS
					units = append(units, au)
				}
				at = end
			}
			d, err := coder.PictureDecoder(track, media.DecodeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			out, broken := decodeAll(t, d, units)
			changes, before := 0, image.Point{}
			for _, p := range out {
				w, h := p.Size()
				if now := image.Pt(w, h); now != before {
					changes, before = changes+1, now
				}
			}
			if changes != 6 || broken > 0 || len(out) != len(units) {
				t.Errorf("%d sizes, %d pictures of %d units, %d broken", changes, len(out), len(units), broken)
			}
		})
	}
}

// withoutSets leaves the parameter sets out of a unit.
func withoutSets(codec media.Codec, data []byte) []byte {
	if !codec.NALs() {
		return data
	}
	var out []byte
	for nal := range media.NALs(data) {
		one := media.AppendNAL(nil, nal)
		if vps, sps, pps := media.SplitConfig(codec, one); len(vps)+len(sps)+len(pps) == 0 {
			out = append(out, one...)
		}
	}
	return out
}

func TestDamageIsToldOfThePicturesOfDamagedUnits(t *testing.T) {
	coder := newCoder(t)
	track, units := clip(t, "h264b", media.H264)
	marked := map[media.Ticks]bool{}
	for i := range units {
		if i%7 == 3 {
			units[i].Damaged = true
			units[i].Data = units[i].Data[:len(units[i].Data)*3/4]
			marked[units[i].PTS] = true
		}
	}
	d, err := coder.PictureDecoder(track, media.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	out, _ := decodeAll(t, d, units)
	if len(out) < len(units)*3/4 {
		t.Errorf("%d pictures of %d units", len(out), len(units))
	}
	for _, p := range out {
		if marked[p.PTS()] && !p.Damaged() {
			t.Errorf("the picture at %d is not damaged", p.PTS())
		}
	}
}

func TestWhatIsShownSmallIsDecodedForLess(t *testing.T) {
	coder := newCoder(t)
	track, units := clip(t, "mjpeg", media.MJPEG)
	d, err := coder.PictureDecoder(track, media.DecodeOptions{Shown: image.Pt(80, 60)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	sizes := map[image.Point]int{}
	for i, au := range units {
		if i == 5 {
			d.Resize(image.Pt(320, 240))
		}
		out, _ := decodeAll(t, d, []media.AccessUnit{au})
		for _, p := range out {
			w, h := p.Size()
			sizes[image.Pt(w, h)]++
		}
	}
	// The first picture tells how large they are.
	if sizes[image.Pt(80, 60)] != 4 || sizes[image.Pt(320, 240)] != len(units)-4 {
		t.Errorf("%v", sizes)
	}

	track, units = clip(t, "h264", media.H264)
	whole := pictures(t, coder, "h264", media.H264)
	small, err := coder.PictureDecoder(track, media.DecodeOptions{Shown: image.Pt(160, 90)})
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	out, _ := decodeAll(t, small, units)
	var sum, n float64
	for i, p := range out {
		a, b := pixels(p), pixels(whole[i])
		for j := range a {
			d := float64(a[j]) - float64(b[j])
			sum, n = sum+d*d, n+1
		}
	}
	if db := 10 * math.Log10(255*255*n/max(sum, 1e-9)); db > 60 || db < 25 {
		t.Errorf("%.1f dB without the loop filter: it was not left out, or more was", db)
	}
}

func TestADecoderGoesOnAfterAFlush(t *testing.T) {
	coder := newCoder(t)
	track, units := clip(t, "h265b", media.H265)
	d, err := coder.PictureDecoder(track, media.DecodeOptions{Threads: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for range 3 {
		if out, broken := decodeAll(t, d, units); len(out) != len(units) || broken > 0 {
			t.Errorf("%d pictures of %d units, %d broken", len(out), len(units), broken)
		}
	}
}

func TestPicturesOutliveTheirDecoder(t *testing.T) {
	coder := newCoder(t)
	track, units := clip(t, "h264", media.H264)
	d, err := coder.PictureDecoder(track, media.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out, _ := decodeAll(t, d, units[:10])
	before := pixels(out[9])
	d.Close()
	d.Close()
	another := out[9].Retain()
	if after := pixels(another); string(after) != string(before) {
		t.Error("the picture changed")
	}
	another.Release()
	if _, err := d.Decode(units[0]); err == nil {
		t.Error("a closed decoder decodes")
	}
	if out, err := d.Flush(); len(out) != 0 || err != nil {
		t.Error("a closed decoder flushes", out, err)
	}
}

// jpegOf is a picture of that size.
func jpegOf(t *testing.T, width, height int) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAStreamCannotTakeAllMemory(t *testing.T) {
	coder := newCoder(t)
	coder.memory = 4 << 20
	data := jpegOf(t, 640, 480) // 450 kB, and nobody gives any back
	d, err := coder.PictureDecoder(media.Track{Codec: media.MJPEG, ClockRate: 90000}, media.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	held := []media.Picture{}
	for i := range 20 {
		out, err := d.Decode(media.AccessUnit{PTS: media.Ticks(i), Key: true, Data: data})
		if held = append(held, out...); err != nil {
			break
		}
	}
	if n := len(held); n < 4 || n > 9 {
		t.Errorf("%d pictures of 450 kB are out", n)
	}
	for _, p := range held {
		p.Release()
	}
	if out, err := d.Decode(media.AccessUnit{PTS: 100, Key: true, Data: data}); err != nil || len(out) != 1 {
		t.Errorf("nothing is decoded once there is room: %v", err)
	} else {
		out[0].Release()
	}
	at := bytes.Index(data, []byte{0xff, 0xc0})
	copy(data[at+5:], []byte{0x20, 0, 0x40, 0}) // says that it is 16384x8192
	if out, err := d.Decode(media.AccessUnit{PTS: 101, Key: true, Data: data}); !fault.Is(err, fault.Damaged) || len(out) != 0 {
		t.Errorf("a picture of 16384x8192: %d, %v", len(out), err)
	}
}

func TestPicturesOfOneByOneAreDecoded(t *testing.T) {
	coder := newCoder(t)
	data := jpegOf(t, 1, 1)
	d, err := coder.PictureDecoder(media.Track{Codec: media.MJPEG, ClockRate: 90000}, media.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	out, broken := decodeAll(t, d, []media.AccessUnit{{Key: true, Data: data}})
	if len(out) != 1 || broken > 0 {
		t.Fatalf("%d pictures", len(out))
	}
	e, err := coder.PictureEncoder(media.EncodeOptions{Codec: media.H264, Width: 64, Height: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if units := encodeAll(t, e, out, nil); len(units) != 1 {
		t.Errorf("%d units", len(units))
	}
}

func TestWhatCannotBeDecodedIsRefused(t *testing.T) {
	coder := newCoder(t)
	for _, track := range []media.Track{{Codec: media.AAC, ClockRate: 48000}, {Codec: "vp9", ClockRate: 90000}} {
		if d, err := coder.PictureDecoder(track, media.DecodeOptions{}); err == nil {
			d.Close()
			t.Errorf("%s is taken", track.Codec)
		} else if k := fault.KindOf(err); k != fault.Usage && k != fault.Unsupported {
			t.Error(err)
		}
	}
	d, err := coder.PictureDecoder(media.Track{Codec: media.H264, ClockRate: 90000}, media.DecodeOptions{})
	if err != nil {
		t.Fatal("without a configuration: ", err)
	}
	defer d.Close()
	if _, err := d.Decode(media.AccessUnit{Wall: time.Unix(0, 0)}); !fault.Is(err, fault.Damaged) {
		t.Error("an empty unit: ", err)
	}
}
