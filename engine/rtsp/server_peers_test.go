package rtsp

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"

	"rtsprec/engine/access"
	"rtsprec/engine/media"
	"rtsprec/testdata/peers"
)

// guarded serves with users: all programs of others have to log in.
func guarded(t *testing.T, o ServerOptions) *served {
	t.Helper()
	all := func(rights ...access.Right) []access.Grant {
		return []access.Grant{{Paths: []string{"**"}, Rights: rights}}
	}
	list, err := access.New([]access.User{
		{Name: "pub", Password: "p@ss w:rd", Grants: all(access.Publish)},
		{Name: "eye", Password: "s3cret", Grants: all(access.Read)},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Access = list
	o.Guard = access.NewGuard(20, time.Minute)
	return serve(t, o, false)
}

func (v *served) as(who, path string) string {
	return "rtsp://" + map[string]string{"pub": "pub:p%40ss%20w%3Ard", "eye": "eye:s3cret"}[who] + "@" + v.addr + "/" + path
}

// program runs a program of others until the test ends.
func program(t *testing.T, name string, args ...string) (done <-chan error, said *safeBuffer) {
	t.Helper()
	cmd := exec.Command(name, args...)
	said = &safeBuffer{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 1)
	gone := make(chan struct{})
	go func() { over <- cmd.Wait(); close(gone) }()
	t.Cleanup(func() { cmd.Process.Kill(); <-gone })
	return over, said
}

// ended waits for a program that must end well.
func ended(t *testing.T, done <-chan error, said *safeBuffer, limit time.Duration) {
	t.Helper()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("%v: %s", err, said)
		}
	case <-time.After(limit):
		t.Errorf("not over within %v: %s", limit, said)
	}
}

// moving reads a path until there are pictures enough, and has ffmpeg decode them. What
// others say of their clocks comes late and moves capture times, at the server first.
func (v *served) moving(t *testing.T, path string, transport Transport) *Client {
	t.Helper()
	until(t, "somebody publishes "+path, func() bool { return v.house.publishing(path) && len(v.house.ledger(path).all()) > 3 })
	c := v.read(t, "", Options{URL: v.as("eye", path), Transport: transport})
	list := units(t, c, 20*time.Second, enough(45, 45))
	same(t, v.house.ledger(path).all(), list, len(c.Run().Tracks), 200*time.Millisecond)
	for _, track := range c.Run().Tracks {
		if !track.Codec.Video() {
			continue
		}
		if n := decode(t, string(track.Codec), elementary(track, list)); n < 40 {
			t.Errorf("%d pictures can be decoded", n)
		}
	}
	return c
}

func TestFFmpegPublishes(t *testing.T) {
	t.Parallel()
	peers.Need(t, "ffmpeg")
	v := guarded(t, ServerOptions{})
	for _, transport := range []string{"tcp", "udp"} {
		t.Run(transport, func(t *testing.T) {
			args := strings.Fields("-nostdin -v error -re -f lavfi -i testsrc=size=320x240:rate=30 -f lavfi -i sine -c:v libx264 -preset ultrafast -tune zerolatency -g 30 -pix_fmt yuv420p -c:a aac -f rtsp -rtsp_transport " + transport)
			done, said := program(t, "ffmpeg", append(args, v.as("pub", transport))...)
			v.moving(t, transport, TCP)
			select {
			case err := <-done:
				t.Errorf("ffmpeg: %v: %s", err, said)
			default:
			}
		})
	}
}

func TestGStreamerPublishes(t *testing.T) {
	t.Parallel()
	peers.Need(t, "gst-launch-1.0")
	v := guarded(t, ServerOptions{})
	for _, transport := range []string{"tcp", "udp"} {
		t.Run(transport, func(t *testing.T) {
			args := strings.Fields("-q rtspclientsink name=s latency=0 protocols=" + transport + " location=" + v.as("pub", transport) + " videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=30/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 ! s. audiotestsrc is-live=true ! alawenc ! s.")
			done, said := program(t, "gst-launch-1.0", args...)
			v.moving(t, transport, UDP)
			select {
			case err := <-done:
				t.Errorf("GStreamer: %v: %s", err, said)
			default:
			}
		})
	}
}

func TestProgramsOfOthersPlay(t *testing.T) {
	t.Parallel()
	peers.Need(t, "ffmpeg", "gst-launch-1.0")
	host := groupAddress(t)
	log := &safeBuffer{}
	v := guarded(t, ServerOptions{Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), Multicast: &MulticastOptions{Interface: interfaceNamed(t, host), Port: 20000 + int(evenPort(t))%20000&^1}})
	v.feed(t, "cam", "h264+aac")
	v.feed(t, "solo", "h264") // gst-launch fails at random where a track is not linked
	until(t, "something is live", func() bool { return len(v.house.ledger("cam").all()) > 3 && len(v.house.ledger("solo").all()) > 3 })
	url := v.as("eye", "cam")
	plays := func(name string, limit time.Duration, args ...string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done, said := program(t, args[0], args[1:]...)
			ended(t, done, said, limit)
			if t.Failed() {
				t.Log(v.story(), log)
			}
		})
	}
	for _, transport := range []string{"tcp", "udp", "udp_multicast"} {
		plays("ffmpeg "+transport, 40*time.Second, strings.Fields("ffmpeg -nostdin -v error -xerror -rtsp_transport "+transport+" -i "+url+" -map 0 -frames:v 40 -fps_mode passthrough -enc_time_base -1 -f null -")...)
	}
	for _, transport := range []string{"tcp", "udp", "udp-mcast"} {
		t.Run("gstreamer "+transport, func(t *testing.T) {
			t.Parallel()
			// Pictures count, not how gst-launch leaves: its goodbye fails at random.
			pictures := filepath.Join(t.TempDir(), "pictures")
			_, said := program(t, "gst-launch-1.0", strings.Fields("-q rtspsrc latency=100 protocols="+transport+" location="+v.as("eye", "solo")+" ! rtph264depay ! h264parse ! avdec_h264 ! video/x-raw,format=I420,width=320,height=180 ! filesink buffer-mode=unbuffered location="+pictures)...)
			defer func() {
				if t.Failed() {
					t.Log(said, v.story(), log)
				}
			}()
			until(t, "40 pictures are decoded", func() bool {
				info, err := os.Stat(pictures)
				return err == nil && info.Size() >= 40*320*180*3/2
			})
		})
	}
}

func interfaceNamed(t *testing.T, addr string) string {
	t.Helper()
	if i := interfaceOf(netip.MustParseAddr(addr)); i != nil {
		return i.Name
	}
	t.Fatal("no interface has ", addr)
	return ""
}

func TestGortsplibPublishesAndPlays(t *testing.T) {
	t.Parallel()
	v := guarded(t, ServerOptions{})
	for _, protocol := range []gortsplib.Protocol{gortsplib.ProtocolTCP, gortsplib.ProtocolUDP} {
		t.Run(fmt.Sprint(protocol), func(t *testing.T) {
			path := fmt.Sprintf("p%d", protocol)
			f := &format.H264{PayloadTyp: 96, PacketizationMode: 1}
			medi := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{f}}
			publisher := &gortsplib.Client{Protocol: &protocol}
			if err := publisher.StartRecording(v.as("pub", path), &description.Session{Medias: []*description.Media{medi}}); err != nil {
				t.Fatal(err)
			}
			defer publisher.Close()
			encoder, err := f.CreateEncoder()
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				for n := 0; ctx.Err() == nil; n++ {
					packets, _ := encoder.Encode([][]byte{pictureUnit(n)})
					for _, p := range packets {
						p.Timestamp = uint32(3000 * n)
						publisher.WritePacketRTP(medi, p)
					}
					time.Sleep(10 * time.Millisecond)
				}
			}()
			defer func() { cancel(); <-done }()
			until(t, "something is live", func() bool { return v.house.publishing(path) && len(v.house.ledger(path).all()) > 3 })
			u, err := base.ParseURL(v.as("eye", path))
			if err != nil {
				t.Fatal(err)
			}
			reader := &gortsplib.Client{Protocol: &protocol, Scheme: u.Scheme, Host: u.Host}
			if err := reader.Start(); err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			desc, _, err := reader.Describe(u)
			if err != nil {
				t.Fatal(err)
			}
			if err := reader.SetupAll(desc.BaseURL, desc.Medias); err != nil {
				t.Fatal(err)
			}
			decoder, err := desc.Medias[0].Formats[0].(*format.H264).CreateDecoder()
			if err != nil {
				t.Fatal(err)
			}
			whole := make(chan [][]byte, 1000)
			reader.OnPacketRTP(desc.Medias[0], desc.Medias[0].Formats[0], func(p *rtp.Packet) {
				if nals, err := decoder.Decode(p); err == nil {
					whole <- nals
				}
			})
			if _, err := reader.Play(nil); err != nil {
				t.Fatal(err)
			}
			sent := map[string]bool{}
			for range 100 {
				select {
				case nals := <-whole:
					var unit []byte
					for _, nal := range nals {
						unit = media.AppendNAL(unit, nal)
					}
					for _, au := range v.house.ledger(path).all() {
						sent[string(au.Data)] = true
					}
					if !sent[string(unit)] {
						t.Fatal("a picture that nobody sent")
					}
				case <-time.After(10 * time.Second):
					t.Fatal("nothing comes")
				}
			}
		})
	}
}

// safeBuffer may be read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
