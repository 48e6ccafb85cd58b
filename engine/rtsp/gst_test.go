package rtsp

import (
	"bytes"
	"context"
	"encoding/binary"
	"os/exec"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/testdata/peers"
)

// units reads until enough says so.
func units(t *testing.T, c *Client, limit time.Duration, enough func([]media.AccessUnit) bool) []media.AccessUnit {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var list []media.AccessUnit
	for !enough(list) {
		au, err := c.Next(ctx)
		if err != nil {
			t.Fatalf("after %d units: %v; %+v", len(list), err, c.Stats())
		}
		list = append(list, au)
	}
	return list
}

// count counts the units of a track.
func count(list []media.AccessUnit, id media.TrackID) int {
	n := 0
	for _, au := range list {
		if au.Track == id {
			n++
		}
	}
	return n
}

func annexB(config []byte, list []media.AccessUnit, id media.TrackID) []byte {
	var b bytes.Buffer
	write := func(data []byte) {
		for len(data) >= 4 {
			n := int(binary.BigEndian.Uint32(data))
			b.Write([]byte{0, 0, 0, 1})
			b.Write(data[4 : 4+n])
			data = data[4+n:]
		}
	}
	write(config)
	started := false
	for _, au := range list {
		if au.Track != id {
			continue
		}
		if started = started || au.Key; started {
			if au.Config != nil {
				write(au.Config)
			}
			write(au.Data)
		}
	}
	return b.Bytes()
}

// decode fails the test unless ffmpeg decodes data without a word, and returns how
// many pictures came out.
func decode(t *testing.T, format string, data []byte) int {
	t.Helper()
	peers.Need(t, "ffmpeg")
	cmd := exec.Command("ffmpeg", "-v", "error", "-xerror", "-f", format, "-i", "-", "-f", "framemd5", "-")
	cmd.Stdin = bytes.NewReader(data)
	var out, msg bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &msg
	if err := cmd.Run(); err != nil || msg.Len() > 0 {
		t.Errorf("ffmpeg: %v: %s", err, msg.String())
	}
	n := 0
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	return n
}

func TestGStreamerEveryMountOverEveryTransport(t *testing.T) {
	t.Parallel()
	// Its MPEG-4 encoder gives no timestamps, so that mount stays silent; see TestCodecs.
	for _, tc := range []struct {
		mount  string
		format string // of ffmpeg, for the first track
		audio  bool
	}{
		{"h264-aac", "h264", true}, {"h264-alaw", "h264", true}, {"h264-ulaw", "h264", true}, {"h264-opus", "h264", true},
		{"h264-bframes", "h264", false}, {"h264-only", "h264", false}, {"h265-aac", "hevc", true},
		{"mjpeg", "mjpeg", false}, {"aac-only", "", false},
	} {
		t.Run(tc.mount, func(t *testing.T) {
			t.Parallel()
			// A server for each mount, and one reader after the other: it dies of many mounts
			// at once now and then, and loses packets when a second reader joins.
			base := peers.GStreamer(t, "--size", "320x240")
			for _, transport := range []Transport{UDP, TCP} {
				t.Run(string(transport), func(t *testing.T) { playMount(t, base+tc.mount, transport, tc.format, tc.audio) })
			}
		})
	}
}

func playMount(t *testing.T, url string, transport Transport, format string, audio bool) {
	c, err := Dial(t.Context(), Options{URL: url, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	list := units(t, c, 20*time.Second, func(l []media.AccessUnit) bool {
		return count(l, 0) >= 30 && (!audio || count(l, 1) >= 20)
	})
	checkUnits(t, c, list)
	if format == "" {
		return
	}
	if n := decode(t, format, elementary(c.Run().Tracks[0], list)); n < 28 {
		t.Errorf("%d pictures decoded of %d units", n, count(list, 0))
	}
}

// elementary joins a track's units, from the first key frame on, to what ffmpeg reads.
func elementary(track media.Track, list []media.AccessUnit) []byte {
	if track.Codec.NALs() {
		return annexB(track.Config, list, track.ID)
	}
	data := bytes.Clone(track.Config)
	started := false
	for _, au := range list {
		if au.Track == track.ID && (started || au.Key) {
			started = true
			data = append(data, au.Data...)
		}
	}
	return data
}

// checkUnits checks what must hold for every sound session.
func checkUnits(t *testing.T, c *Client, list []media.AccessUnit) {
	t.Helper()
	last := map[media.TrackID]media.AccessUnit{}
	for i, au := range list {
		before, ok := last[au.Track]
		if ok && au.DTS <= before.DTS {
			t.Errorf("unit %d of track %d: DTS %d after %d", i, au.Track, au.DTS, before.DTS)
		}
		if au.DTS > au.PTS || au.Damaged && ok || au.Lost != 0 || len(au.Data) == 0 {
			t.Errorf("unit %d: %+v", i, au)
		}
		if track := c.Run().Tracks[au.Track]; track.Codec.NALs() {
			if err := media.ValidNALs(au.Data); err != nil {
				t.Errorf("unit %d: %v", i, err)
			}
		}
		last[au.Track] = au
	}
	if len(last) != len(c.Run().Tracks) {
		t.Errorf("units of %d tracks, want %d", len(last), len(c.Run().Tracks))
	}
	for _, s := range c.Stats().Tracks {
		if s.Lost != 0 || s.Invalid != 0 || s.Damaged > 1 {
			t.Errorf("statistics: %+v", s)
		}
	}
}
