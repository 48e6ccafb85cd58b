package rtspcam_test

import (
	"path/filepath"
	"strings"
	"testing"

	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
)

func TestACameraBecomesAnother(t *testing.T) {
	t.Parallel()
	cam := start(t, "h264+aac", "")
	c := dial(t, cam.URL("live"))
	c.play()
	var last uint64
	c.rtp(func(p packet) bool {
		m, ok := p.mark()
		last = m.Counter
		return !ok
	})
	if err := cam.Misbehave("live", "become=h265"); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := c.frame(); err != nil {
			break
		}
	}
	c = dial(t, cam.URL("live"))
	if r := c.do("DESCRIBE", c.url); !strings.Contains(r.body, "H265/90000") || strings.Contains(r.body, "m=audio") {
		t.Fatal(r.body)
	}
	c.play()
	c.rtp(func(p packet) bool {
		m, ok := p.mark()
		if ok && m.Counter <= last {
			t.Errorf("unit %d after unit %d", m.Counter, last)
		}
		return !ok
	})
}

func TestMarksOfSound(t *testing.T) {
	ffmpeg := tool(t, "ffmpeg")
	for stream, codec := range map[rtspcam.Stream]media.Codec{
		"pcma": media.PCMA, "pcmu16": media.PCMU, "l16": media.L16, "aac": media.AAC, "opus": media.Opus, "aac3": media.AAC,
	} {
		t.Run(string(stream), func(t *testing.T) {
			t.Parallel()
			c := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": stream}})
			gapless(t, codec, record(t, ffmpeg, c.URL("live"), "1.5"), 60)
		})
	}
}

func TestGStreamerHearsMulticast(t *testing.T) {
	gst := tool(t, "gst-launch-1.0")
	c, stop := serve(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": "h264"}})
	picture := filepath.Join(t.TempDir(), "picture")
	cmd := command(t, gst, "rtspsrc", "location="+c.URL("live"), "protocols=udp-mcast", "multicast-iface=lo", "latency=100",
		"!", "decodebin", "!", "videoscale", "!", "videoconvert", "!", "video/x-raw,format=GRAY8,width=32,height=16", "!", "filesink", "buffer-mode=unbuffered", "location="+picture)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "20 pictures", func() bool { return fileSize(picture) >= 20*32*16 })
	stop()
	err := cmd.Wait()
	endsWell(t, err, out.String())
}
