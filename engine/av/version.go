//go:build cgo

package av

// #include <libavutil/avutil.h>
// #include <libavcodec/avcodec.h>
import "C"

import "strings"

// versionText names FFmpeg, its version and the licence that this build of it is under.
func versionText() string {
	return "FFmpeg " + strings.TrimPrefix(C.GoString(C.av_version_info()), "n") + ", " + C.GoString(C.avcodec_license())
}
