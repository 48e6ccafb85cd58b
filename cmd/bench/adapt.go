package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
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

// weakLink is a link that is wide, narrow for a while, and wide again.
type weakLink struct {
	name           string // behind "adapt over tcp"
	before, during time.Duration
	after          time.Duration
	kbit           int // while it is narrow
	lose           int // of a hundred packets, meanwhile
}

const wideKbit = 20_000

var (
	narrowLink = weakLink{before: 20 * time.Second, during: 40 * time.Second, after: 25 * time.Second, kbit: 2_000}
	lossyLink  = weakLink{name: ", 1 Mbit/s with 3 % loss", before: 10 * time.Second, during: 40 * time.Second, after: 3 * time.Second, kbit: 1_000, lose: 3}
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
func (b *bench) adapt() error {
	return b.inLab("adapting", func(host *netlab.Host, url string) error {
		for _, transport := range []string{"tcp", "udp"} {
			if err := b.adaptNarrow(host, url, transport); err != nil {
				return err
			}
		}
		return b.adaptPeer(host, url)
	})
}

// inLab does something with a host behind a link and a camera to be relayed there.
func (b *bench) inLab(name string, do func(host *netlab.Host, url string) error) (err error) {
	if av.New(av.Options{}) == nil {
		b.unmeasured(name, "this build has no codecs")
		return nil
	}
	l := &lab{}
	defer l.close()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %v", name, p)
		}
	}()
	host := netlab.New(l)
	if host == nil {
		b.unmeasured(name, "this machine has no network namespaces for us")
		return nil
	}
	url, stop, err := b.cameras(context.Background(), "a=heavy+aac")
	if err != nil {
		return err
	}
	defer stop()
	return do(host, url+"a")
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

// narrowed is what came of a stream over a weak link, and when the link was what.
type narrowed struct {
	viewer
	thin, wide, end time.Time
	changes         []engine.AdaptChange
	far             string // the far server's recording
}

// overWeakLink runs push over a weak link, with a viewer behind it.
func (b *bench) overWeakLink(host *netlab.Host, l weakLink, name string, push func(target string) (*process, error)) (*narrowed, error) {
	port, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, number, err := net.SplitHostPort(port)
	if err != nil {
		return nil, err
	}
	n := &narrowed{far: filepath.Join(b.dir, "adapt-far-"+name)}
	target := fmt.Sprintf("rtsp://%s:%s/x", host.Far, number)
	host.Shape(wideKbit)
	server := host.Command(filepath.Join(b.bin, "rtsprec"), "serve", "-q", "--rtsp", fmt.Sprintf("%s:%s", host.Far, number), "--http", "", "--record", n.far)
	if err := server.Start(); err != nil {
		return nil, err
	}
	defer func() { server.Process.Signal(syscall.SIGINT); server.Wait() }()
	time.Sleep(time.Second)
	p, err := push(target)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { n.watch(ctx, target) })
	time.Sleep(l.before)
	host.Shape(l.kbit)
	host.Lose(l.lose)
	n.thin = time.Now()
	time.Sleep(l.during)
	host.Shape(wideKbit)
	host.Lose(0)
	n.wide = time.Now()
	time.Sleep(l.after)
	n.end = time.Now()
	cancel()
	watching.Wait()
	p.cmd.Process.Signal(syscall.SIGINT)
	_, err = p.wait(0, 3, -1, 255)
	return n, err
}

// adaptRun relays a camera over a weak link, adapting, and records it beside.
func (b *bench) adaptRun(host *netlab.Host, l weakLink, url, transport string) (*narrowed, error) {
	var out bytes.Buffer
	name := fmt.Sprintf("%s-%d", transport, l.kbit)
	near := filepath.Join(b.dir, "adapt-near-"+name)
	args := []string{"relay", "--json", "--transport", "tcp", "-i", "a=" + url, "--out-transport", transport, "--adapt", "--record", near}
	if b.reports != "" {
		if err := os.MkdirAll(b.reports, 0o755); err != nil {
			return nil, err
		}
		args = append(args, "--report", filepath.Join(b.reports, name+".png"))
	}
	n, err := b.overWeakLink(host, l, name, func(target string) (*process, error) {
		return start(&out, nil, filepath.Join(b.bin, "rtsprec"), append(args, "-o", "x="+target)...)
	})
	if err != nil {
		return nil, err
	}
	n.changes = adaptChanges(&out)
	marks, err := rtspcam.Recorded(filepath.Join(near, "a"))
	if err != nil || len(marks) == 0 {
		return nil, fmt.Errorf("the recording beside: %d pictures, %w", len(marks), err)
	}
	missing := int(marks[len(marks)-1].Counter-marks[0].Counter) + 1 - len(marks)
	b.add("adapt over "+transport+l.name+": pictures missing beside", float64(missing), "", "0", missing == 0, fmt.Sprintf("of %d", len(marks)))
	return n, nil
}

// adaptNarrow is the link of 20, 2 and 20 Mbit/s.
func (b *bench) adaptNarrow(host *netlab.Host, url, transport string) error {
	n, err := b.adaptRun(host, narrowLink, url, transport)
	if err != nil {
		return err
	}
	name := "adapt over " + transport + ": "
	b.freeze(name, n)
	seconds := func(what string, d, most time.Duration) {
		b.add(name+what, d.Seconds(), "s", "≤ "+strconv.FormatFloat(most.Seconds(), 'g', 3, 64), d <= most, "")
	}
	up, _, _ := n.between(n.wide, n.end)
	seconds("longest time between pictures on the way up", up, 300*time.Millisecond)
	first, small, source, steady := n.end.Sub(n.thin), 0, n.end.Sub(n.wide), 0
	low := n.end.Sub(n.wide) // until 720p or better
	for _, c := range n.changes {
		if c.At.After(n.thin) {
			first = min(first, c.At.Sub(n.thin))
		}
		if c.At.Before(n.wide) {
			small = c.Step
		}
		if c.At.After(n.wide) && c.Step <= 2 {
			low = min(low, c.At.Sub(n.wide))
		}
		if c.At.After(n.wide) && c.Step == 0 {
			source = min(source, c.At.Sub(n.wide))
		}
		if c.At.After(n.thin.Add(5*time.Second)) && c.At.Before(n.wide) {
			steady++
		}
	}
	if small <= 2 {
		low = 0
	}
	seconds("first step down", first, 1500*time.Millisecond)
	seconds("720p or better again", low, 10*time.Second)
	seconds("the source again", source, 20*time.Second)
	b.add(name+"changes in the steady narrow part", float64(steady), "", "≤ 1", steady <= 1, fmt.Sprintf("%d in all", len(n.changes)))
	b.use(name, n, float64(narrowLink.kbit)*1000, "of the link's rate; media only, headers left out")
	if err := b.delayed(name, n, map[string]time.Duration{"tcp": 800 * time.Millisecond, "udp": 400 * time.Millisecond}[transport]); err != nil {
		return err
	}
	if transport == "udp" {
		return b.hurt(name, n)
	}
	return nil
}

// freeze notes how long no picture came when the link became narrow.
func (b *bench) freeze(name string, n *narrowed) {
	down, _, _ := n.between(n.thin, n.thin.Add(5*time.Second))
	b.add(name+"longest freeze on the way down", down.Seconds(), "s", "≤ 1", down <= time.Second, "")
}

// use notes which part of a rate, bit/s, media made of the narrow link, but for the first
// three seconds.
func (b *bench) use(name string, n *narrowed, rate float64, of string) {
	from := n.thin.Add(3 * time.Second)
	_, _, bytes := n.between(from, n.wide)
	used := float64(bytes) * 8 / rate / n.wide.Sub(from).Seconds()
	b.add(name+"use of the narrow link", used, "", "≥ 0.8", used >= 0.8, of)
}

// delayed notes how late pictures come over the narrow link, but for the first three
// seconds; most 0: it is not bounded.
func (b *bench) delayed(name string, n *narrowed, most time.Duration) error {
	_, delays, _ := n.between(n.thin.Add(3*time.Second), n.wide)
	if len(delays) == 0 {
		return fmt.Errorf("nothing came over the narrow link")
	}
	p95 := delays[len(delays)*95/100]
	note := fmt.Sprintf("p50 %d ms", delays[len(delays)/2].Milliseconds())
	if most == 0 {
		b.info(name+"delay of the narrow part, p95", float64(p95.Milliseconds()), "ms", note)
		return nil
	}
	b.add(name+"delay of the narrow part, p95", float64(p95.Milliseconds()), "ms", fmt.Sprintf("≤ %d", most.Milliseconds()), p95 <= most, note)
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
	n, err := b.overWeakLink(host, narrowLink, "peer", func(target string) (*process, error) {
		return start(nil, nil, "ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-map", "0", "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", target)
	})
	if err != nil {
		return err
	}
	longest, delays, _ := n.between(n.thin, n.wide)
	b.info("ffmpeg over tcp: longest freeze while narrow", longest.Seconds(), "s", "a fixed 4 Mbit/s")
	if n := len(delays); n > 0 {
		b.info("ffmpeg over tcp: delay while narrow, p95", float64(delays[n*95/100].Milliseconds()), "ms", "")
	}
	return nil
}
