// Package netlab makes network namespaces for tests: a host of its own behind a link
// whose rate, queue and losses are the test's to choose.
package netlab

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
)

// TB is what is needed of a test, so that a benchmark may have a host too.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Host is a network namespace, joined to the test's own by a pair of interfaces.
type Host struct {
	t     TB
	name  string
	iface string     // on the test's side
	loses bool       // Lose was called
	Near  netip.Addr // of the test's side
	Far   netip.Addr // of the host
}

// New makes a host, which goes with the test. It is nil where this machine lets nobody make
// one (no root, no iproute2); a test then has another form.
func New(t TB) *Host {
	t.Helper()
	if _, err := exec.LookPath("tc"); err != nil || os.Getuid() != 0 {
		return nil
	}
	for n := range 200 {
		id := (os.Getpid() + n) % 60000
		h := &Host{t: t, name: fmt.Sprintf("netlab%d", id), iface: fmt.Sprintf("nl%d", id)}
		if exec.Command("ip", "netns", "add", h.name).Run() != nil {
			continue // taken, or not allowed
		}
		t.Cleanup(func() {
			exec.Command("ip", "link", "del", h.iface).Run()
			exec.Command("ip", "netns", "del", h.name).Run()
		})
		net := netip.AddrFrom4([4]byte{10, 213, byte(id >> 6), byte(id<<2) & 0xfc})
		h.Near = net.Next()
		h.Far = h.Near.Next()
		if exec.Command("ip", "link", "add", h.iface, "type", "veth", "peer", "name", "far", "netns", h.name).Run() != nil {
			return nil
		}
		// From here on the machine allows it: what fails is a failure.
		h.run("ip", "addr", "add", h.Near.String()+"/30", "dev", h.iface)
		h.run("ip", "link", "set", h.iface, "up")
		h.inside("ip", "addr", "add", h.Far.String()+"/30", "dev", "far")
		h.inside("ip", "link", "set", "far", "up")
		h.inside("ip", "link", "set", "lo", "up")
		return h
	}
	return nil
}

// Command is one that runs on the host.
func (h *Host) Command(name string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", h.name, name}, args...)...)
}

// Shape bounds what goes to the host: kbit/s, with 100 ms of queue before packets are lost.
func (h *Host) Shape(kbit int) {
	h.t.Helper()
	h.run("tc", "qdisc", "replace", "dev", h.iface, "root", "tbf", "rate", fmt.Sprintf("%dkbit", kbit), "burst", "4kb", "latency", "100ms")
}

// ShapeBack is Shape of what comes from the host.
func (h *Host) ShapeBack(kbit int) {
	h.t.Helper()
	h.inside("tc", "qdisc", "replace", "dev", "far", "root", "tbf", "rate", fmt.Sprintf("%dkbit", kbit), "burst", "4kb", "latency", "100ms")
}

// Lose drops so many of a hundred packets that come to the host; 0: none any more.
func (h *Host) Lose(percent int) {
	h.t.Helper()
	if percent == 0 && !h.loses {
		return
	}
	h.loses = true
	rule := "add table inet lossy; add chain inet lossy in { type filter hook input priority 0; }; flush chain inet lossy in"
	if percent > 0 {
		rule += fmt.Sprintf("; add rule inet lossy in iifname far numgen random mod 100 < %d drop", percent)
	}
	h.inside("nft", rule)
}

func (h *Host) run(name string, args ...string) {
	h.t.Helper()
	if said, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		h.t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, said)
	}
}

func (h *Host) inside(args ...string) {
	h.t.Helper()
	h.run("ip", append([]string{"netns", "exec", h.name}, args...)...)
}
