package rtsp

import (
	"flag"
	"os"
	"testing"
)

// These tests wait for real time to pass much more than they compute.
func TestMain(m *testing.M) {
	if os.Getenv(cameraEnv) != "" {
		benchCamera()
		return
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "24"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
