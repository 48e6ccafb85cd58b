// Package clips holds what the scripted camera sends. scripts/make-clips.sh makes the
// files and says what is in them.
package clips

import "embed"

// Files are NAME.bin, the units one behind the other, and NAME.idx, their times and sizes.
//
//go:embed *.bin *.idx
var Files embed.FS
