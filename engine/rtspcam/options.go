package rtspcam

import (
	"log/slog"

	"rtsprec/engine/media"
)

// Stream says what a path sends: codec names joined by "+", then faults of this
// path alone, separated by commas: "h264+aac", "mpeg4+pcma,loss=1%,drop@5s:3s".
// [Codecs] lists the names.
type Stream string

// Options describes a camera. The zero value of every field is sensible except
// Paths, which must not be empty.
type Options struct {
	Paths     map[string]Stream // by path without a leading slash; "live/main" is fine
	User      string            // empty: nobody is asked who he is
	Password  string
	Auth      string       // "digest" (MD5, the default), "sha256", "both" (SHA-256 and MD5 offered), "basic"
	Misbehave string       // faults of all paths, see Faults
	Seed      uint64       // of everything random
	TLS       bool         // RTSPS with a certificate made at the start, see Camera.Fingerprint
	KeyStart  bool         // readers begin at the next key frame rather than where the stream is
	Clock     media.Clock  // nil: the host's
	Log       *slog.Logger // nil: silent. Requests at debug, faults at info
}
