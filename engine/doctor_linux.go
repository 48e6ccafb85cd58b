package engine

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// clockState asks the kernel, whose clock is steered by whoever synchronises it.
func clockState() DoctorClock {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return DoctorClock{}
	}
	return DoctorClock{
		Known:  true,
		Synced: state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0,
		Error:  float64(t.Maxerror) / 1000,
	}
}

// socketLimit is how large a socket's receive buffer may be made, in bytes.
func socketLimit() int {
	text, err := os.ReadFile("/proc/sys/net/core/rmem_max")
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return max(0, n)
}
