//go:build cgo

package av

// #include "log.h"
import "C"

import (
	"strings"
	"sync/atomic"
	"unsafe"

	"rtsprec/engine/fault"
)

// drainLog hands what FFmpeg said since the last time to the logger. It is cheap where
// FFmpeg said nothing. FFmpeg has one log for the whole process: with several engines,
// the first that looks gets it.
func (c *coder) drainLog() {
	if atomic.LoadInt32((*int32)(unsafe.Pointer(&C.rp_log_pending))) == 0 {
		return
	}
	var line [C.RP_LOG_LINE]C.char
	for C.rp_log_take(&line[0]) != 0 {
		if c.log != nil {
			c.log.Debug("ffmpeg", "says", fault.Redact(strings.TrimSpace(C.GoString(&line[0]))))
		}
	}
}
