package rtspcam_test

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"rtsprec/engine/rtspcam"
)

func TestRTPInfoNamesTheFirstPacket(t *testing.T) {
	t.Parallel()
	for _, misbehave := range []string{"", "burst=200ms"} {
		c := dial(t, start(t, "h264", misbehave).URL("live"))
		info := c.play().header["rtp-info"]
		var seq, rtptime uint32
		_, rest, _ := cut3(info, ";seq=", ";rtptime=", &seq, &rtptime)
		if rest == "" {
			t.Fatalf("RTP-Info: %q", info)
		}
		c.rtp(func(p packet) bool {
			if uint32(p.seq) != seq || p.time != rtptime {
				t.Errorf("%q, first packet %d at %d", info, p.seq, p.time)
			}
			return false
		})
	}
}

func TestSenderReportsComeFirstAndAreTrue(t *testing.T) {
	t.Parallel()
	c := dial(t, start(t, "h264", "").URL("live"))
	c.play()
	f, err := c.frame()
	if err != nil {
		t.Fatal(err)
	}
	if f.channel != 1 || f.data[1] != 200 {
		t.Fatalf("the first frame is on channel %d, type %d", f.channel, f.data[1])
	}
	ntp, rtptime := binary.BigEndian.Uint64(f.data[8:]), binary.BigEndian.Uint32(f.data[16:])
	reported := time.Unix(int64(ntp>>32)-2208988800, int64(ntp&0xffffffff)*1e9>>32)
	if d := time.Since(reported); d < 0 || d > 5*time.Second {
		t.Errorf("the report says %v", reported)
	}
	c.rtp(func(p packet) bool {
		m, ok := p.mark()
		if !ok {
			return true
		}
		captured := reported.Add(time.Duration(int32(p.time-rtptime)) * time.Second / 90000)
		if d := captured.Sub(m.Capture).Abs(); d > time.Millisecond {
			t.Errorf("by the report captured at %v, in truth at %v", captured, m.Capture)
		}
		return false
	})
}

func TestAudioAndVideoReportsAgree(t *testing.T) {
	t.Parallel()
	cam := start(t, "h264+pcma", "ppm=500,clock=2000-01-01")
	c := dial(t, cam.URL("live"))
	c.do("DESCRIBE", c.url)
	c.session = sessionOf(c.do("SETUP", c.url+"/trackID=0", "Transport: RTP/AVP/TCP;unicast"))
	c.do("SETUP", c.url+"/trackID=1", "Transport: RTP/AVP/TCP;unicast")
	c.do("PLAY", c.url)
	seen := map[int]uint64{}
	for len(seen) < 2 {
		f, err := c.frame()
		if err != nil {
			t.Fatal(err)
		}
		if f.channel%2 == 1 {
			seen[f.channel] = binary.BigEndian.Uint64(f.data[8:])
		}
	}
	if seen[1] != seen[3] {
		t.Errorf("one instant, two times: %x %x", seen[1], seen[3])
	}
	at := time.Unix(int64(seen[1]>>32)-2208988800, 0).UTC()
	if at.Year() != 2000 {
		t.Errorf("the camera believes it is %v", at)
	}
}

func TestTheLoopIsContinuous(t *testing.T) {
	t.Parallel()
	c := dial(t, start(t, "heavy", "").URL("live")) // two seconds a round
	c.play()
	var last packet
	var counter uint64
	pictures := 0
	c.rtp(func(p packet) bool {
		if last.payload != nil && p.seq != last.seq+1 {
			t.Errorf("packet %d follows %d", p.seq, last.seq)
		}
		if m, ok := p.mark(); ok {
			if pictures++; pictures > 1 && m.Counter != counter+1 {
				t.Errorf("unit %d follows %d", m.Counter, counter)
			}
			counter = m.Counter
		}
		if last.payload != nil && p.time != last.time && p.time != last.time+3000 {
			t.Errorf("time goes from %d to %d", last.time, p.time)
		}
		last = p
		return pictures < 75
	})
}

func TestTwoReadersSeeTheSameStream(t *testing.T) {
	t.Parallel()
	cam := start(t, "h264", "")
	seen := map[uint64]packet{}
	for range 2 {
		c := dial(t, cam.URL("live"))
		c.play()
		defer c.conn.Close()
		matches := 0
		c.rtp(func(p packet) bool {
			if m, ok := p.mark(); ok {
				if was, twice := seen[m.Counter]; twice {
					matches++
					if was.seq != p.seq || was.time != p.time || was.ssrc != p.ssrc {
						t.Error("one unit was sent in two ways")
					}
				}
				seen[m.Counter] = p
			}
			return len(seen) < 10
		})
	}
	waitFor(t, "both readers to be seen", func() bool { return cam.Readers("live") >= 1 })
}

func TestUDPComesFromThePortsSaid(t *testing.T) {
	t.Parallel()
	for misbehave, fromSaid := range map[string]bool{"": true, "udpport": false} {
		c := dial(t, start(t, "h264", misbehave).URL("live"))
		local, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer local.Close()
		port := local.LocalAddr().(*net.UDPAddr).Port
		r := c.do("SETUP", c.url+"/trackID=0", "Transport: RTP/AVP;unicast;client_port="+ports(port, 65534))
		c.session = sessionOf(r)
		c.do("PLAY", c.url)
		local.SetReadDeadline(time.Now().Add(5 * time.Second))
		var b [2048]byte
		_, from, err := local.ReadFromUDP(b[:])
		if err != nil {
			t.Fatal(err)
		}
		if (from.Port == serverPort(r)) != fromSaid {
			t.Errorf("%q: from port %d, said %q", misbehave, from.Port, r.header["transport"])
		}
	}
}

func TestACameraThatIsToldToStopSaysGoodbye(t *testing.T) {
	t.Parallel()
	cam, stop := serve(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": "pcmu"}})
	c := dial(t, cam.URL("live"))
	c.play()
	c.rtp(func(packet) bool { return false })
	go stop()
	for {
		f, err := c.frame()
		if err != nil {
			t.Fatal("the connection ended without BYE")
		}
		if f.channel == 1 && f.data[1] == 201 && f.data[9] == 203 {
			return
		}
	}
}
