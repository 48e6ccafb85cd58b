package rtsp

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/pion/rtp"

	"rtsprec/engine/media"
	"rtsprec/testdata/peers"
)

// peer is a server that we did not write, which sends what pace makes to whoever plays.
type peer struct {
	server *gortsplib.Server
	stream atomic.Pointer[gortsplib.ServerStream]
}

func (p *peer) OnDescribe(*gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, p.stream.Load(), nil
}

func (p *peer) OnSetup(*gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, p.stream.Load(), nil
}

func (p *peer) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// groupAddress is an address of this machine on an interface that can do multicast.
func groupAddress(t *testing.T) string {
	list, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		if i.Flags&(net.FlagMulticast|net.FlagUp|net.FlagLoopback) != net.FlagMulticast|net.FlagUp {
			continue
		}
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil {
				return n.IP.String()
			}
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no interface can do multicast")
	}
	t.Skip("no interface can do multicast")
	return ""
}

// startPeer serves one format; packets gives those of the n-th unit.
func startPeer(t *testing.T, host string, f format.Format, kind description.MediaType, config *tls.Config, packets func(n int) []*rtp.Packet) string {
	t.Helper()
	p := &peer{}
	var port int
	for try := 0; ; try++ {
		l := listen(t)
		port = l.Addr().(*net.TCPAddr).Port &^ 1
		l.Close()
		p.server = &gortsplib.Server{
			Handler: p, RTSPAddress: fmt.Sprintf("%s:%d", host, port), TLSConfig: config,
			UDPRTPAddress: fmt.Sprintf("%s:%d", host, port+2), UDPRTCPAddress: fmt.Sprintf("%s:%d", host, port+3),
			MulticastIPRange: "239.77.1.0/24", MulticastRTPPort: port + 4, MulticastRTCPPort: port + 5,
		}
		err := p.server.Start()
		if err == nil {
			break
		}
		if try == 20 {
			t.Fatal(err)
		}
	}
	medi := &description.Media{Type: kind, Formats: []format.Format{f}}
	stream := &gortsplib.ServerStream{Server: p.server, Desc: &description.Session{Medias: []*description.Media{medi}}}
	if err := stream.Initialize(); err != nil {
		t.Fatal(err)
	}
	p.stream.Store(stream)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for n := 0; ; n++ {
			for _, pkt := range packets(n) {
				stream.WritePacketRTP(medi, pkt)
			}
			select {
			case <-ticker.C:
			case <-stop:
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
		stream.Close()
		p.server.Close()
	})
	scheme := "rtsp"
	if config != nil {
		scheme = "rtsps"
	}
	return fmt.Sprintf("%s://%s:%d/live", scheme, host, port)
}

// selfSigned makes a certificate and its fingerprint.
func selfSigned(t testing.TB) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "camera"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, hex.EncodeToString(sum[:])
}

// pictureUnit is the n-th unit of a made-up H.264 stream, large enough for fragments.
func pictureUnit(n int) []byte {
	nal := bytes.Repeat([]byte{byte(n), byte(n >> 8), 0x55}, 1500)
	nal[0], nal[1] = 0x65, 0x88
	return nal
}

func h264Peer(t *testing.T, host string, config *tls.Config) string {
	t.Helper()
	f := &format.H264{PayloadTyp: 96, SPS: []byte(sps), PPS: []byte(pps), PacketizationMode: 1}
	enc, err := f.CreateEncoder()
	if err != nil {
		t.Fatal(err)
	}
	return startPeer(t, host, f, description.MediaTypeVideo, config, func(n int) []*rtp.Packet {
		pkts, err := enc.Encode([][]byte{pictureUnit(n)})
		if err != nil {
			t.Error(err)
		}
		for _, p := range pkts {
			p.Timestamp = uint32(n) * 900
		}
		return pkts
	})
}

func TestSecureSessionsWithAServerWeDidNotWrite(t *testing.T) {
	t.Parallel()
	config, fingerprint := selfSigned(t)
	for _, transport := range []Transport{Auto, TCP, UDP} {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			url := h264Peer(t, "127.0.0.1", config)
			c, err := Dial(t.Context(), Options{URL: url, Transport: transport, Fingerprint: fingerprint})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			checkPictures(t, units(t, c, 10*time.Second, enough(100, 0)))
			if s := c.Stats(); !s.Secure || s.Tracks[0].Invalid != 0 || s.Tracks[0].Lost != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestMulticast(t *testing.T) {
	t.Parallel()
	url := h264Peer(t, groupAddress(t), nil)
	c, err := Dial(t.Context(), Options{URL: url, Transport: Multicast})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	checkPictures(t, units(t, c, 10*time.Second, enough(100, 0)))
	if s := c.Stats(); s.Transport != Multicast || s.SocketBuffer == 0 {
		t.Errorf("%+v", s)
	}
}

// checkPictures checks that units follow each other without a change or a hole.
func checkPictures(t *testing.T, list []media.AccessUnit) {
	t.Helper()
	for len(list) > 0 && list[0].Damaged {
		list = list[1:]
	}
	n := -1
	for _, au := range list {
		nal := au.Data[4:]
		if n < 0 {
			n = int(nal[3]) | int(nal[4])<<8
		}
		if want := pictureUnit(n); !bytes.Equal(nal, want) || au.Damaged {
			t.Fatalf("unit %d is wrong (%d bytes, damaged %v)", n, len(nal), au.Damaged)
		}
		n++
	}
}

func TestLATM(t *testing.T) {
	t.Parallel()
	config := &mpeg4audio.StreamMuxConfig{Programs: []*mpeg4audio.StreamMuxConfigProgram{{Layers: []*mpeg4audio.StreamMuxConfigLayer{{
		AudioSpecificConfig: &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 44100, ChannelConfig: 2},
		LatmBufferFullness:  255,
	}}}}}
	for name, inBand := range map[string]bool{"configuration in the SDP": false, "configuration in band": true} {
		t.Run(name, func(t *testing.T) {
			f := &format.MPEG4AudioLATM{PayloadTyp: 96, CPresent: inBand, ProfileLevelID: 1, StreamMuxConfig: config}
			au := func(n int) []byte { return bytes.Repeat([]byte{byte(n), 0x21, byte(n >> 8)}, 200) }
			url := startPeer(t, "127.0.0.1", f, description.MediaTypeAudio, nil, func(n int) []*rtp.Packet {
				e := mpeg4audio.AudioMuxElement{MuxConfigPresent: inBand, StreamMuxConfig: config, Payloads: [][][][]byte{{{au(n)}}}}
				b, err := e.Marshal()
				if err != nil {
					t.Error(err)
					return nil
				}
				half := len(b) / 2
				head := rtp.Header{Version: 2, PayloadType: 96, Timestamp: uint32(n) * 1024, SequenceNumber: uint16(2 * n)}
				second := head
				second.SequenceNumber, second.Marker = uint16(2*n+1), true
				return []*rtp.Packet{{Header: head, Payload: b[:half]}, {Header: second, Payload: b[half:]}}
			})
			c, err := Dial(t.Context(), Options{URL: url, Transport: TCP})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			list := units(t, c, 10*time.Second, enough(30, 0))
			track := c.Run().Tracks[0]
			if inBand {
				if list[0].Config == nil {
					t.Error("the first unit brings no configuration")
				}
				track.Config = list[0].Config
			}
			if info, err := media.Inspect(track); err != nil || track.Codec != media.AAC || info.SampleRate != 44100 || info.Channels != 2 {
				t.Errorf("%+v, %+v, %v", track, info, err)
			}
			start := int(list[1].Data[0]) | int(list[1].Data[2])<<8
			for i, u := range list[1:] {
				if !bytes.Equal(u.Data, au(start+i)) || u.Damaged || !u.Key {
					t.Fatalf("unit %d: %+v", i, u)
				}
			}
		})
	}
}

// A picture of any size comes back as the decoder would have seen it.
func TestMJPEGOfAnySize(t *testing.T) {
	t.Parallel()
	peers.Need(t, "ffmpeg", "gst-launch-1.0")
	for _, tc := range []struct {
		size, format string
		by           string // where the size comes from
	}{
		{"640x360", "I420", "header"}, {"320x240", "Y42B", "header"},
		{"2560x1440", "I420", "extension"}, {"2560x1440", "I420", "sdp"}, {"3840x2160", "Y42B", "extension"},
	} {
		t.Run(tc.size+" "+tc.format+" by "+tc.by, func(t *testing.T) {
			// GStreamer, as ffmpeg orders the blocks of 4:2:2 in a way of its own.
			width, height, _ := strings.Cut(tc.size, "x")
			picture, err := exec.Command("gst-launch-1.0", "-q", "videotestsrc", "num-buffers=1", "!",
				"video/x-raw,format="+tc.format+",width="+width+",height="+height, "!", "jpegenc", "!", "fdsink").Output()
			if err != nil {
				t.Fatal(err)
			}
			tables, sof, scan := takeJPEG(picture)
			wide, high := int(sof[3])<<8|int(sof[4]), int(sof[1])<<8|int(sof[2])
			st := &stream{fmtp: sdpFormat{fmtp: map[string]string{}}}
			if tc.by == "sdp" {
				st.media.width, st.media.height = wide, high
			}
			f := newFeeder(newMJPEG, st)
			kind := byte(1)
			if tc.format == "Y42B" {
				kind = 0
			}
			for at := 0; at < len(scan); at += 1300 {
				end := min(at+1300, len(scan))
				b := []byte{0, byte(at >> 16), byte(at >> 8), byte(at), kind, 255, byte(wide / 8), byte(high / 8)}
				p := &packet{seq: f.seq, marker: end == len(scan), rtp: 1, arrival: t0, fresh: f.seq == 0}
				if tc.by != "header" {
					b[6], b[7] = 0, 0
				}
				if at == 0 {
					b = append(b, 0, 0, byte(len(tables)>>8), byte(len(tables)))
					b = append(b, tables...)
					if tc.by == "extension" {
						p.profile = onvifJPEG
						p.extension = append([]byte{0xff, 0xc0, 0, byte(len(sof) + 2)}, sof...)
					}
				}
				p.payload = append(b, scan[at:end]...)
				f.d.push(p)
				f.seq++
			}
			f.d.flush()
			if len(f.out) != 1 || f.out[0].damaged {
				t.Fatalf("%d units, invalid %d", len(f.out), f.d.invalid())
			}
			if got, want := pixels(t, f.data[0]), pixels(t, picture); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

// takeJPEG takes a JPEG's quantisation tables, frame header and scan.
func takeJPEG(b []byte) (tables, sof, scan []byte) {
	for b = b[2:]; ; {
		n := int(b[2])<<8 | int(b[3])
		body := b[4 : n+2]
		switch b[1] {
		case 0xdb:
			for len(body) >= 65 {
				tables = append(tables, body[1:65]...)
				body = body[65:]
			}
		case 0xc0:
			sof = body
		case 0xda:
			scan = b[n+2:]
			if len(tables) == 64 {
				tables = append(tables, tables...)
			}
			return tables, sof, scan[:len(scan)-2]
		}
		b = b[n+2:]
	}
}

func pixels(t *testing.T, picture []byte) string {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-v", "error", "-xerror", "-f", "mjpeg", "-i", "-", "-f", "md5", "-")
	cmd.Stdin = bytes.NewReader(picture)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	return string(out)
}
