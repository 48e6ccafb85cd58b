//go:build !linux

package rtsp

// onlyJoined does nothing: only Linux gives a socket what others have joined.
func onlyJoined(uintptr, bool) {}
