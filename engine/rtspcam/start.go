package rtspcam

// TB is what Start needs of testing.TB.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Start runs a camera on a free port of 127.0.0.1 until the test ends.
func Start(t TB, o Options) *Camera { return &Camera{} }
