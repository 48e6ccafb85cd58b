package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
	"rtsprec/testdata/netlab"
)

// adaptLossy is the link of 1 Mbit/s that loses 3 of 100 packets. Its use over TCP is held
// against what one bulk transfer over TCP carries there: what loss makes of TCP is not the
// relay's to mend. Over UDP what is lost is damaged until the next key frame; that time is
// told, and nobody bounds it.
func (b *bench) adaptLossy() error {
	if _, err := exec.LookPath("nft"); err != nil {
		b.unmeasured("adapting"+lossyLink.name, "there is no nft")
		return nil
	}
	return b.inLab("adapting"+lossyLink.name, b.adaptOverLossy)
}

func (b *bench) adaptOverLossy(host *netlab.Host, url string) error {
	carried, err := b.bulk(host, lossyLink)
	if err != nil {
		return err
	}
	b.info("bulk over tcp"+lossyLink.name, carried/1e6, "Mbit/s", "payload that arrives")
	n, err := b.adaptRun(host, lossyLink, url, "tcp")
	if err != nil {
		return err
	}
	name := "adapt over tcp" + lossyLink.name + ": "
	b.freeze(name, n)
	b.use(name, n, carried, fmt.Sprintf("of the %.2f Mbit/s that bulk over tcp carries there", carried/1e6))
	if err := b.delayed(name, n, 800*time.Millisecond); err != nil {
		return err
	}
	if n, err = b.adaptRun(host, lossyLink, url, "udp"); err != nil {
		return err
	}
	name = "adapt over udp" + lossyLink.name + ": "
	if err := b.delayed(name, n, 0); err != nil {
		return err
	}
	return b.hurt(name, n)
}

// bulkFor is how long a bulk transfer is measured; its first seconds are left out.
const (
	bulkFor  = 20 * time.Second
	bulkSkip = 3 * time.Second
)

// bulk is what a plain TCP connection that always has something to send carries over a
// link, bit/s.
func (b *bench) bulk(host *netlab.Host, l weakLink) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	port, err := freeAddress()
	if err != nil {
		return 0, err
	}
	_, number, err := net.SplitHostPort(port)
	if err != nil {
		return 0, err
	}
	address := net.JoinHostPort(host.Far.String(), number)
	host.Shape(l.kbit)
	host.Lose(l.lose)
	defer host.Lose(0)
	var out bytes.Buffer
	sink := host.Command(self, "swallow", address)
	sink.Stdout = &out
	if err := sink.Start(); err != nil {
		return 0, err
	}
	conn, err := net.Dial("tcp", address)
	for end := time.Now().Add(5 * time.Second); err != nil && time.Now().Before(end); conn, err = net.Dial("tcp", address) {
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		sink.Process.Kill()
		sink.Wait()
		return 0, err
	}
	conn.SetDeadline(time.Now().Add(bulkFor + 5*time.Second))
	for block := make([]byte, 64<<10); err == nil; {
		_, err = conn.Write(block) // until the sink has seen enough
	}
	conn.Close()
	if err := sink.Wait(); err != nil {
		return 0, err
	}
	var rate float64
	_, err = fmt.Sscan(out.String(), &rate)
	return rate, err
}

// swallow takes one connection and prints the rate at which bytes come, bit/s.
func swallow(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	began, bytes := time.Now(), 0
	for block := make([]byte, 64<<10); time.Since(began) < bulkFor; {
		n, err := conn.Read(block)
		if err != nil {
			return err
		}
		if time.Since(began) > bulkSkip {
			bytes += n
		}
	}
	fmt.Println(float64(bytes) * 8 / (bulkFor - bulkSkip).Seconds())
	return nil
}

// hurt tells what a viewer behind the far server sees broken while the link is narrow:
// pictures of which packets were lost, and the time from each to the next key frame.
func (b *bench) hurt(name string, n *narrowed) error {
	d := engine.Deps{FS: vfs.OS(), Clock: media.SystemClock{}}
	report, err := engine.Verify(context.Background(), d, n.far, archive.VerifyOptions{})
	if report == nil {
		return err
	}
	var keys []time.Time
	source, err := archive.NewLibrary(d.FS, d.Clock, n.far).Replay(context.Background(), "x", archive.PlayOptions{Keys: true})
	if err != nil {
		return err
	}
	defer source.Close()
	for {
		au, err := source.Next(context.Background())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		keys = append(keys, au.Wall)
	}
	var pictures, packets int64
	broken := time.Duration(0)
	until := n.thin
	for _, damage := range report.Cameras[0].Damage {
		if damage.Track != 0 || damage.From.Before(n.thin) || damage.From.After(n.wide) {
			continue
		}
		pictures += damage.Units
		packets += damage.Lost
		if end := nextKey(keys, damage, n.wide); end.After(until) {
			if damage.From.After(until) {
				until = damage.From
			}
			broken += end.Sub(until)
			until = end
		}
	}
	b.info(name+"damaged pictures", float64(pictures), "", fmt.Sprintf("%d packets lost", packets))
	b.info(name+"damaged time of the narrow part", broken.Seconds()/n.wide.Sub(n.thin).Seconds(), "", "until the next key frame; not bounded")
	between := time.Duration(0)
	for i := 1; i < len(keys); i++ {
		if keys[i].After(n.thin.Add(5*time.Second)) && keys[i].Before(n.wide) {
			between = max(between, keys[i].Sub(keys[i-1]))
		}
	}
	b.info(name+"longest time between key frames", between.Seconds(), "s", "")
	return nil
}

// nextKey is when what damage has broken is whole again, at the latest at the end.
func nextKey(keys []time.Time, damage archive.Damage, end time.Time) time.Time {
	for _, key := range keys {
		if key.After(damage.To) {
			return key
		}
	}
	return end
}
