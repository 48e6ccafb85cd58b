//go:build !cgo

package av

import (
	"os"
	"testing"
)

func TestWithoutCgoThereAreNoCodecs(t *testing.T) {
	if os.Getenv("RTSPREC_CODECS") == "1" { // as scripts/ffmpeg.sh says
		t.Fatal("codecs were asked for, and the tests were built without cgo")
	}
	if New(Options{}) != nil {
		t.Error("a codec engine without cgo")
	}
}
