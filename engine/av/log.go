//go:build cgo

package av

// drainLog hands what FFmpeg said since the last time to the logger.
func (c *coder) drainLog() {}
