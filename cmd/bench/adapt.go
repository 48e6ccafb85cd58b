package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/av"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/rtspcam"
	"rtsprec/testdata/netlab"
)

// The link of the adapt part: wide, narrow, wide again.
const (
	wideFor   = 20 * time.Second
	narrowFor = 40 * time.Second
	wideKbit  = 20_000
	thinKbit  = 2_000
)

// lab lets a benchmark have a host of netlab.
type lab struct{ ends []func() }

func (l *lab) Helper()                           {}
func (l *lab) Fatalf(format string, args ...any) { panic(fmt.Errorf(format, args...)) }
func (l *lab) Cleanup(f func())                  { l.ends = append(l.ends, f) }
func (l *lab) close() {
	for _, f := range slices.Backward(l.ends) {
		f()
	}
}

// adapt relays a camera of 1080p30 and 4 Mbit/s over a link that narrows and widens, and
// looks at it as a viewer behind the far server; beside it ffmpeg pushes the same as it is.
func (b *bench) adapt() (err error) {
	if av.New(av.Options{}) == nil {
		b.unmeasured("adapting", "this build has no codecs")
		return nil
	}
	l := &lab{}
	defer l.close()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("adapt: %v", p)
		}
	}()
	host := netlab.New(l)
	if host == nil {
		b.unmeasured("adapting", "this machine has no network namespaces for us")
		return nil
	}
	url, stop, err := b.cameras(context.Background(), "a=heavy+aac")
	if err != nil {
		return err
	}
	defer stop()
	for _, transport := range []string{"tcp", "udp"} {
		if err := b.adaptOver(host, url+"a", transport); err != nil {
			return err
		}
	}
	return b.adaptPeer(host, url+"a")
}

// viewer is what came to somebody behind the far server.
type viewer struct {
	mu   sync.Mutex
	list []arrival
}

type arrival struct {
	at, wall time.Time
	size     int
	picture  bool
}

// watch reads a stream until ctx ends.
func (v *viewer) watch(ctx context.Context, url string) {
	for ctx.Err() == nil {
		s, err := engine.DialRTSP(ctx, rtsp.Options{URL: url, Transport: rtsp.TCP, Clock: media.SystemClock{}})
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		for {
			au, err := s.Next(ctx)
			if err != nil {
				break
			}
			v.mu.Lock()
			v.list = append(v.list, arrival{time.Now(), au.Wall, len(au.Data), s.Run().Tracks[au.Track].Codec.Video()})
			v.mu.Unlock()
		}
		s.Close()
	}
}

// between is what came in a span of time.
func (v *viewer) between(from, to time.Time) (longest time.Duration, delays []time.Duration, bytes int) {
	last := from
	for _, a := range v.list {
		if a.at.Before(from) || !a.at.Before(to) {
			continue
		}
		bytes += a.size
		if !a.picture {
			continue
		}
		longest = max(longest, a.at.Sub(last))
		last = a.at
		delays = append(delays, a.at.Sub(a.wall))
	}
	slices.Sort(delays)
	return max(longest, to.Sub(last)), delays, bytes
}

// narrowed runs push over the link while it narrows and widens, with a viewer behind it.
func (b *bench) narrowed(host *netlab.Host, dir string, push func(target string) (*process, error)) (v *viewer, thin, wide, end time.Time, err error) {
	port, err := freeAddress()
	if err != nil {
		return nil, thin, wide, end, err
	}
	_, number, err := net.SplitHostPort(port)
	if err != nil {
		return nil, thin, wide, end, err
	}
	target := fmt.Sprintf("rtsp://%s:%s/x", host.Far, number)
	host.Shape(wideKbit)
	server := host.Command(filepath.Join(b.bin, "rtsprec"), "serve", "-q", "--rtsp", fmt.Sprintf("%s:%s", host.Far, number), "--http", "", "--record", dir)
	if err := server.Start(); err != nil {
		return nil, thin, wide, end, err
	}
	defer func() { server.Process.Signal(syscall.SIGINT); server.Wait() }()
	time.Sleep(time.Second)
	p, err := push(target)
	if err != nil {
		return nil, thin, wide, end, err
	}
	v = &viewer{}
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { v.watch(ctx, target) })
	time.Sleep(wideFor)
	host.Shape(thinKbit)
	thin = time.Now()
	time.Sleep(narrowFor)
	host.Shape(wideKbit)
	wide = time.Now()
	time.Sleep(wideFor + 5*time.Second)
	end = time.Now()
	cancel()
	watching.Wait()
	p.cmd.Process.Signal(syscall.SIGINT)
	_, err = p.wait(0, 3, -1, 255)
	return v, thin, wide, end, err
}

func (b *bench) adaptOver(host *netlab.Host, url, transport string) error {
	near := filepath.Join(b.dir, "adapt-near-"+transport)
	var out bytes.Buffer
	v, thin, wide, end, err := b.narrowed(host, filepath.Join(b.dir, "adapt-far-"+transport), func(target string) (*process, error) {
		return start(&out, nil, filepath.Join(b.bin, "rtsprec"), "relay", "--json", "--transport", "tcp", "-i", "a="+url,
			"-o", "x="+target, "--out-transport", transport, "--adapt", "--record", near)
	})
	if err != nil {
		return err
	}
	changes := adaptChanges(&out)
	name := "adapt over " + transport + ": "
	seconds := func(what string, d, most time.Duration, note string) {
		b.add(name+what, d.Seconds(), "s", "≤ "+strconv.FormatFloat(most.Seconds(), 'g', 3, 64), d <= most, note)
	}
	down, _, _ := v.between(thin, thin.Add(5*time.Second))
	seconds("longest freeze on the way down", down, time.Second, "")
	up, _, _ := v.between(wide, end)
	seconds("longest time between pictures on the way up", up, 300*time.Millisecond, "")
	first, small, source, steady := end.Sub(thin), 0, end.Sub(wide), 0
	low := end.Sub(wide) // until 720p or better
	for _, c := range changes {
		if c.At.After(thin) {
			first = min(first, c.At.Sub(thin))
		}
		if c.At.Before(wide) {
			small = c.Step
		}
		if c.At.After(wide) && c.Step <= 2 {
			low = min(low, c.At.Sub(wide))
		}
		if c.At.After(wide) && c.Step == 0 {
			source = min(source, c.At.Sub(wide))
		}
		if c.At.After(thin.Add(5*time.Second)) && c.At.Before(wide) {
			steady++
		}
	}
	if small <= 2 {
		low = 0
	}
	seconds("first step down", first, 1500*time.Millisecond, "")
	seconds("720p or better again", low, 10*time.Second, "")
	seconds("the source again", source, 20*time.Second, "")
	b.add(name+"changes in the steady narrow part", float64(steady), "", "≤ 1", steady <= 1, fmt.Sprintf("%d in all", len(changes)))
	_, delays, bytes := v.between(thin.Add(3*time.Second), wide)
	used := float64(bytes) * 8 / (thinKbit * 1000) / wide.Sub(thin.Add(3*time.Second)).Seconds()
	b.add(name+"use of the narrow link", used, "", "≥ 0.8", used >= 0.8, "media only, headers left out")
	if len(delays) == 0 {
		return fmt.Errorf("nothing came over the narrow link")
	}
	most := map[string]time.Duration{"tcp": 800 * time.Millisecond, "udp": 400 * time.Millisecond}[transport]
	p95 := delays[len(delays)*95/100]
	b.add(name+"delay of the narrow part, p95", float64(p95.Milliseconds()), "ms", fmt.Sprintf("≤ %d", most.Milliseconds()), p95 <= most, fmt.Sprintf("p50 %d ms", delays[len(delays)/2].Milliseconds()))
	marks, err := rtspcam.Recorded(filepath.Join(near, "a"))
	if err != nil || len(marks) == 0 {
		return fmt.Errorf("the recording beside: %d pictures, %w", len(marks), err)
	}
	missing := int(marks[len(marks)-1].Counter-marks[0].Counter) + 1 - len(marks)
	b.add(name+"pictures missing beside", float64(missing), "", "0", missing == 0, fmt.Sprintf("of %d", len(marks)))
	return nil
}

// adaptChanges are the changes that a relay has told.
func adaptChanges(out *bytes.Buffer) (list []engine.AdaptChange) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct {
			Type string
			engine.AdaptChange
		}
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Type == "quality" {
			list = append(list, e.AdaptChange)
		}
	}
	return list
}

// adaptPeer has ffmpeg push the same over the same link, as it is.
func (b *bench) adaptPeer(host *netlab.Host, url string) error {
	v, thin, wide, _, err := b.narrowed(host, filepath.Join(b.dir, "adapt-far-peer"), func(target string) (*process, error) {
		return start(nil, nil, "ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-map", "0", "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", target)
	})
	if err != nil {
		return err
	}
	longest, delays, _ := v.between(thin, wide)
	b.info("ffmpeg over tcp: longest freeze while narrow", longest.Seconds(), "s", "a fixed 4 Mbit/s")
	if n := len(delays); n > 0 {
		b.info("ffmpeg over tcp: delay while narrow, p95", float64(delays[n*95/100].Milliseconds()), "ms", "")
	}
	return nil
}
