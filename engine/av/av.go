//go:build cgo

package av

// #cgo pkg-config: libavcodec libavformat libavutil libswresample libswscale
// #include "shim.h"
import "C"

import (
	"log/slog"

	"github.com/asticode/go-astiav"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// coder is the media.Coder.
type coder struct {
	log    *slog.Logger
	live   ledger
	memory int64     // bytes of a decoder's pictures, those that are out included
	known  []*device // the devices to try; never changed but by tests
	opened opened
	tries  tries
}

var _ media.Coder = (*coder)(nil)

// pictureMemory is what the largest level of H.264 and H.265 keeps (6.2: 696320 macroblocks
// of 16 bits a sample, 535 MB), and as much again for pictures that wait to be shown.
const pictureMemory = 1 << 30

// New returns the codec engine of this build.
func New(o Options) media.Coder {
	C.rp_init()
	calm()
	return &coder{log: o.Log, memory: pictureMemory, known: knownDevices()}
}

// Live counts the FFmpeg objects that coder has made and that are not freed yet. It is 0
// once all it returned was closed and released.
func Live(c media.Coder) int {
	if c, ok := c.(*coder); ok {
		return c.live.total()
	}
	return 0
}

// failed makes an error of what FFmpeg returned; nil when ret is not negative.
func failed(kind fault.Kind, op string, ret C.int) error {
	if ret >= 0 {
		return nil
	}
	return fault.Wrap(kind, op, astiav.Error(ret))
}
