//go:build cgo

package av

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// fakeDevice is software that calls itself a device and does what fail says.
func fakeDevice(fail func(op deviceOp) error) *device {
	return &device{
		name: "fake", format: -1, takesOur: true,
		decoders: map[media.Codec]string{media.H264: "h264", media.H265: "hevc"},
		encoders: map[media.Codec]string{media.H264: "libx264"},
		look:     func() (string, error) { return "a device of a test", nil },
		fail:     fail,
	}
}

// after fails an operation from its nth time on, counted from 0.
func after(op deviceOp, n int, why error) func(deviceOp) error {
	return func(now deviceOp) error {
		if now == op {
			if n--; n < 0 {
				return why
			}
		}
		return nil
	}
}

var errGone = errors.New("the device is gone")

// watched returns what was observed.
func watched(notes *[]string) func(string) {
	return func(note string) { *notes = append(*notes, note) }
}

// 37: a hardware decoder lost in mid-run.
func TestCase37ADecoderThatIsLostLosesNoPicture(t *testing.T) {
	for _, name := range []string{"h264", "h264b"} {
		c := newCoder(t)
		want := pictures(t, c, name, media.H264)
		track, units := clip(t, name, media.H264)
		for _, n := range []int{0, 1, 7, 29, 30, 31, len(units) - 1} {
			c.known = []*device{fakeDevice(after(decodeUnit, n, errGone))}
			var notes []string
			d, err := c.PictureDecoder(track, media.DecodeOptions{Device: "fake", Observe: watched(&notes)})
			if err != nil {
				t.Fatal(err)
			}
			if d.Device() != "fake" {
				t.Error("it must begin on the device")
			}
			var got []media.Picture
			for _, au := range units {
				out, err := d.Decode(au)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, out...)
			}
			out, _ := d.Flush()
			got = append(got, out...)
			if len(notes) != 1 || d.Device() != "" {
				t.Errorf("%s, unit %d: on %q; said: %q", name, n, d.Device(), notes)
			}
			if len(got) != len(want) {
				t.Fatalf("%s, unit %d: %d pictures instead of %d", name, n, len(got), len(want))
			}
			for i, p := range got {
				if p.PTS() != want[i].PTS() || !p.Wall().Equal(want[i].Wall()) || !bytes.Equal(pixels(p), pixels(want[i])) {
					t.Fatalf("%s, unit %d: picture %d differs", name, n, i)
				}
			}
			release(got)
			d.Close()
		}
	}
}

// 37: out of sessions, or not for this profile.
func TestCase37ADeviceThatCannotBeOpenedIsReplacedBySoftware(t *testing.T) {
	c := newCoder(t)
	c.known = []*device{fakeDevice(func(op deviceOp) error {
		if op == openDecoder || op == openEncoder {
			return errGone
		}
		return nil
	})}
	track, units := clip(t, "h264", media.H264)
	var notes []string
	d, err := c.PictureDecoder(track, media.DecodeOptions{Device: "fake", Observe: watched(&notes)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, au := range units[:5] {
		out, err := d.Decode(au)
		if err != nil {
			t.Fatal(err)
		}
		release(out)
	}
	if len(notes) != 1 || d.Device() != "" {
		t.Errorf("on %q; said: %q", d.Device(), notes)
	}
	e, err := c.PictureEncoder(media.EncodeOptions{Codec: media.H264, Width: 320, Height: 240, Device: "fake", Observe: watched(&notes)})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if len(notes) != 2 || e.Device() != "" {
		t.Errorf("on %q; said: %q", e.Device(), notes)
	}
}

// 37: where nothing is left to begin with, software begins at the next key.
func TestCase37WithoutTheGroupSoftwareWaitsForAKey(t *testing.T) {
	c := newCoder(t)
	track, units := clip(t, "h264", media.H264)
	c.known = []*device{fakeDevice(after(decodeUnit, 2, errGone))}
	var notes []string
	d, err := c.PictureDecoder(track, media.DecodeOptions{Device: "fake", Observe: watched(&notes)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	second := 1 + slices.IndexFunc(units[1:], func(au media.AccessUnit) bool { return au.Key })
	if second < 10 {
		t.Fatal("the clip has no second key far enough")
	}
	var got []media.Picture
	defer func() { release(got) }()
	for i, au := range units {
		if i < 3 {
			continue // it begins in the middle of a group
		}
		out, err := d.Decode(au)
		if err != nil && !fault.Is(err, fault.Damaged) {
			t.Fatal(err)
		}
		got = append(got, out...)
	}
	out, _ := d.Flush()
	got = append(got, out...)
	var after int
	for _, p := range got {
		if p.PTS() >= units[second].PTS {
			after++
		}
	}
	if after != len(units)-second {
		t.Errorf("%d pictures from the key on, of %d", after, len(units)-second)
	}
	if len(notes) != 1 {
		t.Errorf("said: %q", notes)
	}
}

// 37: a hardware encoder lost in mid-run.
func TestCase37AnEncoderThatIsLostLosesNoPicture(t *testing.T) {
	c := newCoder(t)
	in := pictures(t, c, "h264", media.H264)
	w, h := in[0].Size()
	for _, latency := range []bool{true, false} {
		for _, n := range []int{0, 1, 10, len(in) - 1} {
			c.known = []*device{fakeDevice(after(encodePicture, n, errGone))}
			var notes []string
			e, err := c.PictureEncoder(media.EncodeOptions{
				Codec: media.H264, Width: w, Height: h, FPS: 25, Bitrate: 2_000_000, Preset: "ultrafast",
				LowLatency: latency, BFrames: 2, Device: "fake", Observe: watched(&notes),
			})
			if err != nil {
				t.Fatal(err)
			}
			units := encodeAll(t, e, in, nil)
			if len(notes) != 1 || e.Device() != "" {
				t.Errorf("picture %d: on %q; said: %q", n, e.Device(), notes)
			}
			if len(units) != len(in) {
				t.Errorf("picture %d: %d units of %d pictures", n, len(units), len(in))
			}
			seen := map[media.Ticks]bool{}
			last := units[0].DTS
			for _, au := range units {
				if seen[au.PTS] || au.DTS < last || au.PTS < au.DTS {
					t.Fatalf("picture %d: a unit at %d, %d after %d", n, au.PTS, au.DTS, last)
				}
				seen[au.PTS], last = true, au.DTS
				if au.PTS == in[0].PTS() && !au.Key {
					t.Error("the first unit is no key")
				}
			}
			track := e.Track()
			e.Close()
			// All of it can be decoded.
			d, err := c.PictureDecoder(track, media.DecodeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			count := 0
			for _, au := range units {
				out, err := d.Decode(au)
				if err != nil {
					t.Fatal(err)
				}
				count += len(out)
				release(out)
			}
			out, _ := d.Flush()
			count += len(out)
			release(out)
			d.Close()
			if count != len(in) {
				t.Errorf("picture %d: %d pictures can be decoded, of %d", n, count, len(in))
			}
		}
	}
}

// 37: absent.
func TestCase37AutoTakesADeviceOnlyIfItWorks(t *testing.T) {
	c := newCoder(t)
	track, _ := clip(t, "h264", media.H264)
	for _, k := range []struct {
		device *device
		works  bool
	}{
		{fakeDevice(nil), true},
		{fakeDevice(after(decodeUnit, 3, errGone)), false},
		{fakeDevice(after(openDecoder, 0, errGone)), false},
	} {
		c.known = []*device{k.device}
		var notes []string
		d, err := c.PictureDecoder(track, media.DecodeOptions{Device: "auto", Observe: watched(&notes)})
		if err != nil {
			t.Fatal(err)
		}
		if (d.Device() == "fake") != k.works || len(notes) > 0 {
			t.Errorf("on %q; said: %q", d.Device(), notes)
		}
		d.Close()
	}
	if _, err := c.PictureDecoder(track, media.DecodeOptions{Device: "voodoo"}); !fault.Is(err, fault.Usage) {
		t.Error(err)
	}
}

func TestDevicesAreReallyTried(t *testing.T) {
	c := newCoder(t)
	var asked atomic.Int32
	works := fakeDevice(func(deviceOp) error { asked.Add(1); return nil })
	broken := fakeDevice(after(encodePicture, 2, errGone))
	broken.decoders, broken.name = nil, "broken"
	absent := fakeDevice(nil)
	absent.look = func() (string, error) { return "", fault.New(fault.Unsupported, "not plugged in") }
	c.known = []*device{works, broken, absent}
	for range 2 {
		all := c.Devices(t.Context())
		if len(all) != 4 {
			t.Fatal(all)
		}
		if w := all[0]; !slices.Equal(w.Decode, []media.Codec{media.H264, media.H265}) || !slices.Equal(w.Encode, []media.Codec{media.H264}) || w.Why != "" || w.Detail == "" {
			t.Errorf("%+v", w)
		}
		if b := all[1]; len(b.Encode) > 0 || b.Why != errGone.Error() {
			t.Errorf("%+v", b)
		}
		if a := all[2]; a.Why != "not plugged in" {
			t.Errorf("%+v", a)
		}
		if s := all[3]; s.Name != "software" || len(s.Decode) != 11 || len(s.Encode) != 11 || s.Why != "" {
			t.Errorf("%+v", s)
		}
	}
	if n := asked.Load(); n > 100 {
		t.Errorf("a device was asked %d times: it is tried once", n)
	}
}

func TestADeviceThatHangsHoldsNobodyUp(t *testing.T) {
	c := newCoder(t)
	go1 := make(chan struct{})
	hung := fakeDevice(func(deviceOp) error { <-go1; return nil })
	c.known = []*device{hung}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.try(ctx, hung, media.H264, decoding); !fault.Is(err, fault.Timeout) {
		t.Error(err)
	}
	close(go1)
	if err := c.try(t.Context(), hung, media.H264, decoding); err != nil {
		t.Error("it works after all:", err)
	}
}

// What this machine has, whatever it is, is said in full, and what it says works.
func TestTheDevicesOfThisMachineAreListed(t *testing.T) {
	c := newCoder(t)
	for _, d := range c.Devices(t.Context()) {
		t.Logf("%+v", d)
		if d.Why == "" && len(d.Decode)+len(d.Encode) == 0 || d.Why != "" && len(d.Decode)+len(d.Encode) > 0 {
			t.Errorf("%+v", d)
		}
	}
}

func TestWhatCarriesNoNumberIsFoundByItsTime(t *testing.T) {
	var f flights
	for i := range 600 {
		f.depart(media.Ticks(3000*i), start.Add(time.Duration(i)), i%2 == 1)
	}
	if u, ok := f.at(3000 * 599); !ok || !u.wall.Equal(start.Add(599)) || !u.damaged {
		t.Error("the last one is not found")
	}
	if _, ok := f.at(3000 * 5); ok {
		t.Error("what was long ago is forgotten")
	}
	if _, ok := f.at(1); ok {
		t.Error("nothing went in then")
	}
}
