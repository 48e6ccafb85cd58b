package rtsp

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
	"rtsprec/testdata/peers"
)

// taker is a server that we did not write, to which one may publish.
type taker struct {
	server *gortsplib.Server
	user   string // "": anybody
	pass   string

	mu      sync.Mutex
	tracks  int
	packets map[int][][]byte // by media
	reports []*rtcp.SenderReport
	closed  bool
}

func (k *taker) OnAnnounce(ctx *gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	if k.user != "" && !ctx.Conn.VerifyCredentials(ctx.Request, k.user, k.pass) {
		return &base.Response{StatusCode: base.StatusUnauthorized}, liberrors.ErrServerAuth{}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tracks = len(ctx.Description.Medias)
	return &base.Response{StatusCode: base.StatusOK}, nil
}

func (k *taker) OnSetup(*gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil, nil
}

func (k *taker) OnSessionClose(*gortsplib.ServerHandlerOnSessionCloseCtx) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
}

func (k *taker) OnRecord(ctx *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	medias := ctx.Session.AnnouncedDescription().Medias
	index := func(m *description.Media) int { return slices.Index(medias, m) }
	ctx.Session.OnPacketRTPAny(func(m *description.Media, _ format.Format, p *rtp.Packet) {
		b, _ := p.Marshal()
		k.mu.Lock()
		defer k.mu.Unlock()
		k.packets[index(m)] = append(k.packets[index(m)], b)
	})
	ctx.Session.OnPacketRTCPAny(func(_ *description.Media, p rtcp.Packet) {
		if sr, ok := p.(*rtcp.SenderReport); ok {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.reports = append(k.reports, sr)
		}
	})
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// startTaker starts a taker and returns the address to publish to.
func startTaker(t *testing.T, k *taker, config *tls.Config, methods ...auth.VerifyMethod) string {
	t.Helper()
	k.packets = map[int][][]byte{}
	for try := 0; ; try++ {
		l := listen(t)
		port := l.Addr().(*net.TCPAddr).Port &^ 1
		l.Close()
		k.server = &gortsplib.Server{Handler: k, RTSPAddress: fmt.Sprintf("127.0.0.1:%d", port), TLSConfig: config, AuthMethods: methods}
		if config == nil {
			k.server.UDPRTPAddress, k.server.UDPRTCPAddress = fmt.Sprintf("127.0.0.1:%d", port+2), fmt.Sprintf("127.0.0.1:%d", port+3)
		}
		if err := k.server.Start(); err == nil {
			t.Cleanup(k.server.Close)
			scheme, user := "rtsp", ""
			if config != nil {
				scheme = "rtsps"
			}
			if k.user != "" {
				user = k.user + ":" + k.pass + "@"
			}
			return fmt.Sprintf("%s://%s127.0.0.1:%d/yard", scheme, user, port)
		} else if try == 20 {
			t.Fatal(err)
		}
	}
}

// has is how many packets of a track have come.
func (k *taker) has(track int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.packets[track])
}

// all is how many packets have come of all tracks.
func (k *taker) all(run media.Run) (n int) {
	for i := range run.Tracks {
		n += k.has(i)
	}
	return n
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

func TestPublishedUnitsArriveWhole(t *testing.T) {
	run, list := sample(t)
	config, fingerprint := selfSigned(t)
	for name, c := range map[string]struct {
		o       PublishOptions
		config  *tls.Config
		user    string
		methods []auth.VerifyMethod
	}{
		"tcp":    {o: PublishOptions{}, user: "yard", methods: []auth.VerifyMethod{auth.VerifyMethodDigestMD5}},
		"udp":    {o: PublishOptions{Transport: UDP}, user: "yard", methods: []auth.VerifyMethod{auth.VerifyMethodBasic}},
		"secure": {o: PublishOptions{Fingerprint: fingerprint}, config: config},
	} {
		t.Run(name, func(t *testing.T) {
			k := &taker{user: c.user, pass: "e/c@r%t"}
			c.o.URL = startTaker(t, k, c.config, c.methods...)
			c.o.Clock = media.SystemClock{}
			p, err := Publish(t.Context(), c.o, run)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			want := map[int]int{}
			for _, au := range list {
				if err := p.Write(t.Context(), au); err != nil {
					t.Fatal(err)
				}
				want[int(au.Track)]++
				if c.o.Transport == UDP { // what its socket has no room for would be lost
					until(t, "room at the server", func() bool { return k.all(run)+20 > int(p.Stats().Packets) })
				}
			}
			s := p.Stats()
			until(t, "all packets there", func() bool { return k.all(run) == int(s.Packets) })
			until(t, "all units known to have arrived", func() bool { n, _ := p.Acked(); return n == uint64(len(list)) })
			if _, wall := p.Acked(); !wall.Equal(list[len(list)-1].Wall) {
				t.Errorf("acknowledged up to %v, the last unit is of %v", wall, list[len(list)-1].Wall)
			}
			if k.tracks != len(run.Tracks) || s.Units != uint64(len(list)) || s.Refused > 0 || len(s.Skipped) > 0 {
				t.Errorf("%d tracks announced of %d; %+v", k.tracks, len(run.Tracks), s)
			}
			k.compare(t, run, list)
			p.Close()
			until(t, "goodbye", func() bool { k.mu.Lock(); defer k.mu.Unlock(); return k.closed })
		})
	}
}

// compare depacketises what was taken and compares it with what was sent; reports must
// tell capture times.
func (k *taker) compare(t *testing.T, run media.Run, list []media.AccessUnit) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	streams, _ := streamsOf(parseSDP(writeSDP(run.Tracks, sdpOptions{})))
	for i, tr := range run.Tracks {
		push, received := unpack(streams[i])
		starts := []int32{0}
		for _, b := range k.packets[i] {
			push(&burst{Data: append(make([]byte, frameHead), b...), Starts: starts})
		}
		var want [][]byte
		captured := map[time.Time]bool{}
		for _, au := range list {
			if au.Track == tr.ID {
				want = append(want, au.Data)
				captured[au.Wall.Round(time.Microsecond).UTC()] = true
			}
		}
		got := received()
		if !slices.EqualFunc(got, want, func(au media.AccessUnit, b []byte) bool { return bytes.Equal(au.Data, b) }) {
			t.Errorf("track %d: %d units of %d, or others", i, len(got), len(want))
		}
		var p packet
		p.parse(k.packets[i][0])
		reports := 0
		for _, sr := range k.reports {
			if sr.SSRC == p.ssrc {
				reports++
				if at := timeOfNTP(sr.NTPTime, time.Now()).Round(time.Microsecond); !captured[at] {
					t.Errorf("track %d: a report says %v, no unit is of that time", i, at)
				}
			}
		}
		if reports == 0 {
			t.Errorf("track %d: no report", i)
		}
	}
}

func TestPublishSaysWhyItCannot(t *testing.T) {
	run := media.Run{Tracks: []media.Track{{Codec: media.PCMA, ClockRate: 8000, SampleRate: 8000, Channels: 1}}}
	k := &taker{user: "yard", pass: "secret"}
	url := startTaker(t, k, nil)
	free := listen(t)
	nobody := "rtsp://" + free.Addr().String() + "/x"
	free.Close()
	wrong := "rtsp://yard:wrong@" + url[len("rtsp://yard:secret@"):]
	for name, c := range map[string]struct {
		o    PublishOptions
		run  media.Run
		kind fault.Kind
	}{
		"wrong password": {PublishOptions{URL: wrong}, run, fault.Denied},
		"nobody there":   {PublishOptions{URL: nobody}, run, fault.Refused},
		"no address":     {PublishOptions{URL: "http://x/y"}, run, fault.Usage},
		"nothing":        {PublishOptions{URL: url}, media.Run{}, fault.Unsupported},
		"multicast":      {PublishOptions{URL: url, Transport: Multicast}, run, fault.Usage},
		"a camera":       {PublishOptions{URL: camera(t, "h264", rtspcam.Options{}).URL("live")}, run, fault.Refused},
	} {
		p, err := Publish(t.Context(), c.o, c.run)
		if !fault.Is(err, c.kind) {
			t.Errorf("%s: %v, want %v", name, err, c.kind)
		}
		if p != nil {
			t.Errorf("%s: a publisher", name)
		}
	}
}

// What a peer that stops reading has not taken is not known to have arrived, the writer
// waits, and its context ends that.
func TestPublishWaitsForAPeerThatTakesNothing(t *testing.T) {
	l := listen(t)
	defer l.Close()
	stuck := make(chan net.Conn, 1)
	go mute(l, stuck)
	run := media.Run{Tracks: []media.Track{{Codec: media.L16, ClockRate: 48000, SampleRate: 48000, Channels: 2, Bits: 16}}}
	p, err := Publish(t.Context(), PublishOptions{URL: "rtsp://" + l.Addr().String() + "/x", Timeout: time.Minute}, run)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	defer (<-stuck).Close()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	var written uint64
	for err == nil {
		err = p.Write(ctx, media.AccessUnit{PTS: int64(written) * 1000, Wall: time.Now(), Data: make([]byte, 64<<10)})
		if err == nil {
			written++
		}
	}
	if !fault.Is(err, fault.Canceled) || ctx.Err() == nil {
		t.Errorf("%v after %d units", err, written)
	}
	if acked, _ := p.Acked(); acked >= written || written == 0 {
		t.Errorf("%d of %d units are taken to have arrived", acked, written)
	}
	if p.Write(t.Context(), media.AccessUnit{Data: make([]byte, 4)}) == nil {
		t.Error("half a unit went out and the session goes on")
	}
}

// mute answers until RECORD and reads nothing more.
func mute(l net.Listener, stuck chan<- net.Conn) {
	nc, err := l.Accept()
	if err != nil {
		return
	}
	var have []byte
	buf := make([]byte, 4096)
	for {
		n, err := nc.Read(buf)
		if err != nil {
			return
		}
		have = append(have, buf[:n]...)
		msg, size, err := parseMessage(have)
		if err != nil {
			continue
		}
		have = have[size:]
		req := msg.(*request)
		extra := ""
		if req.method == "SETUP" {
			extra = "Transport: " + req.header.Get("Transport") + "\r\nSession: 1\r\n"
		}
		fmt.Fprintf(nc, "RTSP/1.0 200 OK\r\nCSeq: %s\r\n%s\r\n", req.header.Get("CSeq"), extra)
		if req.method == "RECORD" {
			stuck <- nc
			return
		}
	}
}

func TestRTPTimeRunsOnOverRunsAndGaps(t *testing.T) {
	pk, err := newPacker(media.Track{Codec: media.H264, ClockRate: 90000}, packOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l := &outLine{packer: pk, base: &timeBase{}}
	at := func(seconds float64, pts media.Ticks) uint32 {
		return l.stamp(&media.AccessUnit{Key: true, PTS: pts, DTS: pts, Wall: t0.Add(time.Duration(seconds * 1e9))})
	}
	for _, c := range []struct {
		seconds float64
		pts     media.Ticks
		want    uint32
		what    string
	}{
		{0, 500, 0, "the first"},
		{0.0401, 4100, 3600, "PTS counts, not the estimate of capture"},
		{10.04, 7700, 903600, "a gap that PTS does not show"},
		{10.08, 11300, 907200, "and on"},
		{20, 0, 1800000, "a new run"},
	} {
		if got := at(c.seconds, c.pts); got != c.want {
			t.Errorf("%s: %d, want %d", c.what, got, c.want)
		}
	}
}

// ffmpeg and GStreamer take what is published, and what they write decodes.
func TestOthersTakeWhatIsPublished(t *testing.T) {
	peers.Need(t, "ffmpeg")
	c := dialCamera(t, camera(t, "h264+aac", rtspcam.Options{}), Options{Transport: TCP})
	list := units(t, c, 20*time.Second, func(list []media.AccessUnit) bool { return count(list, 0) >= 60 })
	for len(list) > 0 && (list[0].Track != 0 || !list[0].Key) {
		list = list[1:]
	}
	pictures := count(list, 0)
	for _, transport := range []Transport{TCP, UDP} {
		t.Run("ffmpeg over "+string(transport), func(t *testing.T) {
			l := listen(t)
			url := "rtsp://" + l.Addr().String() + "/live"
			l.Close()
			out := filepath.Join(t.TempDir(), "out.mkv")
			cmd := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-rtsp_flags", "listen", "-rtsp_transport", string(transport), "-i", url, "-c", "copy", "-y", out)
			var said bytes.Buffer
			cmd.Stderr = &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { cmd.Process.Kill(); cmd.Wait() }()
			var p *Publisher
			until(t, "ffmpeg listens", func() bool {
				var err error
				if p, err = Publish(t.Context(), PublishOptions{URL: url, Transport: transport}, c.Run()); err != nil && !fault.Is(err, fault.Refused) {
					t.Fatal(err)
				}
				return err == nil
			})
			for i, au := range list {
				if i > 0 { // it analyses in real time
					time.Sleep(min(au.Wall.Sub(list[i-1].Wall), 20*time.Millisecond))
				}
				if err := p.Write(t.Context(), au); err != nil {
					t.Fatal(err, said.String())
				}
			}
			p.Close()
			cmd.Wait()
			n, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "v", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", out).Output()
			got := 0
			fmt.Sscan(string(n), &got)
			if err != nil || got < pictures-3 {
				t.Errorf("%d pictures of %d: %v %s", got, pictures, err, said.String())
			}
		})
	}
}

func TestGStreamerTakesWhatIsPublished(t *testing.T) {
	peers.Need(t, "ffprobe")
	c := dialCamera(t, camera(t, "h264+aac", rtspcam.Options{}), Options{Transport: TCP})
	list := units(t, c, 20*time.Second, func(list []media.AccessUnit) bool { return count(list, 0) >= 60 })
	for len(list) > 0 && (list[0].Track != 0 || !list[0].Key) {
		list = list[1:]
	}
	for _, transport := range []Transport{TCP, UDP} {
		t.Run(string(transport), func(t *testing.T) {
			dir := t.TempDir()
			url := peers.GStreamerRecorder(t, dir) + "/live"
			p, err := Publish(t.Context(), PublishOptions{URL: url, Transport: transport}, c.Run())
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			for i, au := range list {
				if i > 0 {
					time.Sleep(min(max(au.Wall.Sub(list[i-1].Wall), 0), 20*time.Millisecond))
				}
				if err := p.Write(t.Context(), au); err != nil {
					t.Fatal(err)
				}
			}
			packets := func(file string) (n int) {
				out, _ := exec.Command("ffprobe", "-v", "quiet", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", filepath.Join(dir, file)).Output()
				fmt.Sscan(string(out), &n)
				return n
			}
			// The parser holds one picture back, and the depacketiser one of sound.
			until(t, "everything is taken", func() bool {
				return packets("video.h264") >= count(list, 0)-1 && packets("audio.aac") >= count(list, 1)-2
			})
		})
	}
}
