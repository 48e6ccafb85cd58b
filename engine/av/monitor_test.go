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

// The thread that is found is Go's monitor: the one that sleeps by the clock. Others that may
// sleep longer were started by it.
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
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		for _, thread := range calmed {
			b, err := os.ReadFile("/proc/self/task/" + thread + "/syscall")
			if err == nil && slices.Contains([]string{"35", "101"}, strings.Fields(string(b))[0]) { // nanosleep of amd64, arm64
				return
			}
		}
	}
	t.Fatalf("threads that may sleep longer: %v; none of them is ever in nanosleep", calmed)
}
