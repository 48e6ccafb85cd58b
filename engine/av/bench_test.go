//go:build cgo

package av

import (
	"image"
	"syscall"
	"testing"
	"time"

	"rtsprec/engine/media"
)

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkDecoding reports the cores that one camera of 1080p, 30 pictures a second and
// 4 Mbit/s costs.
func BenchmarkDecoding(b *testing.B) {
	for name, shown := range map[string]image.Point{"whole": {}, "half": image.Pt(960, 540)} {
		b.Run(name, func(b *testing.B) {
			c := newCoder(b)
			track, units := clip(b, "heavy", media.H264)
			d, err := c.PictureDecoder(track, media.DecodeOptions{Shown: shown})
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			n, before := 0, cpu()
			for b.Loop() {
				for _, au := range units {
					out, err := d.Decode(au)
					if err != nil {
						b.Fatal(err)
					}
					for _, p := range out {
						p.Release()
						n++
					}
				}
				out, _ := d.Flush()
				for _, p := range out {
					p.Release()
					n++
				}
			}
			b.ReportMetric((cpu()-before).Seconds()/(float64(n)/30), "cores")
		})
	}
}

// BenchmarkEncoding reports the cores that 1080p at 30 pictures a second costs, ultrafast,
// without delay, at 4 Mbit/s.
func BenchmarkEncoding(b *testing.B) {
	c := newCoder(b)
	in := pictures(b, c, "heavy", media.H264)
	e, err := c.PictureEncoder(media.EncodeOptions{Codec: media.H264, Width: 1920, Height: 1080, FPS: 30, Preset: "ultrafast", LowLatency: true, Bitrate: 4_000_000})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	n, before := 0, cpu()
	for b.Loop() {
		for _, p := range in {
			// The same pixels at another time.
			again := c.newPicture(p.(*picture).frame.Clone(), media.Ticks(n)*3000, start)
			c.live.add(frames)
			if _, err := e.Encode(again, false); err != nil {
				b.Fatal(err)
			}
			again.Release()
			n++
		}
	}
	b.ReportMetric((cpu()-before).Seconds()/(float64(n)/30), "cores")
}
