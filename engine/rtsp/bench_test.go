package rtsp

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
)

// cameraEnv makes this binary a camera of 4 Mbit/s, so that its work is not counted.
const cameraEnv = "RTSP_BENCH_CAMERA"

func benchCamera() {
	cam, err := rtspcam.New(rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": "heavy"}})
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("rtsp://" + l.Addr().String() + "/live")
	cam.Serve(context.Background(), l)
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkReceive tells what part of a core one stream of 1080p30 at 4 Mbit/s costs, from
// the socket to the unit, over ten seconds for each b.N.
func BenchmarkReceive(b *testing.B) {
	for _, transport := range []Transport{TCP, UDP} {
		b.Run(string(transport), func(b *testing.B) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), cameraEnv+"=1")
			out, err := cmd.StdoutPipe()
			if err != nil {
				b.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				b.Fatal(err)
			}
			defer func() { cmd.Process.Kill(); cmd.Wait() }()
			url, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				b.Fatal(err)
			}
			const streams = 4
			var clients []*Client
			pictures := make(chan struct{}, 1<<16)
			for range streams {
				c, err := Dial(b.Context(), Options{URL: strings.TrimSpace(url), Transport: transport})
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				clients = append(clients, c)
				first := len(clients) == 1
				go func() {
					for {
						au, err := c.Next(context.Background())
						if err != nil {
							return
						}
						if first && au.Track == 0 {
							pictures <- struct{}{}
						}
					}
				}()
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			received := clients[0].Stats()
			start, cpu := time.Now(), cpuTime()
			for range 300 * b.N { // ten seconds each
				<-pictures
			}
			wall, used := time.Since(start), cpuTime()-cpu
			runtime.ReadMemStats(&after)
			s := clients[0].Stats()
			packets := float64(s.Tracks[0].Packets - received.Tracks[0].Packets)
			b.ReportMetric(100*used.Seconds()/wall.Seconds()/streams, "%core/stream")
			b.ReportMetric(8*float64(s.Bytes-received.Bytes)/wall.Seconds()/1e6, "Mbit/s")
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/packets/streams, "allocs/packet")
			b.ReportMetric(packets/wall.Seconds(), "packets/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkDepacketise is the way from a packet in order to a unit, without sockets.
func BenchmarkDepacketise(b *testing.B) {
	st := &stream{pt: 96, fmtp: sdpFormat{fmtp: map[string]string{}}, make: newH264}
	st.track = media.Track{Codec: media.H264, ClockRate: 90000}
	var total int64
	d := newH264(st, func(u *unit) { total += int64(len(u.data)) })
	payload := make([]byte, 1400)
	for i := range payload {
		payload[i] = byte(i*7 + 1)
	}
	payload[0] = 0x7c
	b.SetBytes(1400)
	b.ReportAllocs()
	p := packet{payload: payload}
	for i := range b.N {
		k := i % 12
		payload[1] = 1
		switch k {
		case 0:
			payload[1] |= 0x80
		case 11:
			payload[1] |= 0x40
		}
		p.seq, p.rtp, p.marker = uint16(i), uint32(i/12), k == 11
		d.push(&p)
	}
}
