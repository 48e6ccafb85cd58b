//go:build cgo

package av

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The thread that is found is Go's monitor: the one that sleeps by the clock, and it alone
// may sleep longer.
func TestGoMonitorMaySleepLonger(t *testing.T) {
	newCoder(t)
	if !calm() {
		t.Fatal("Go's monitor was not found")
	}
	if os.Getuid() != 0 {
		t.Skip("only root may ask how long a thread may oversleep")
	}
	var calmed []string
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile("/proc/" + e.Name() + "/timerslack_ns")
		if err == nil && strings.TrimSpace(string(b)) == strconv.Itoa(int(monitorSlack)) {
			calmed = append(calmed, e.Name())
		}
	}
	if len(calmed) != 1 {
		t.Fatalf("threads that may sleep longer: %v", calmed)
	}
	for end := time.Now().Add(10 * time.Second); ; {
		b, err := os.ReadFile("/proc/self/task/" + calmed[0] + "/syscall")
		if err == nil && slices.Contains([]string{"35", "101"}, strings.Fields(string(b))[0]) { // nanosleep of amd64, arm64
			return
		}
		if time.Now().After(end) {
			t.Fatalf("thread %s is never in nanosleep: %s %v", calmed[0], b, err)
		}
	}
}
