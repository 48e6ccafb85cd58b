//go:build !linux

package engine

// giveWay does nothing here: threads have no priority of their own.
func giveWay(int) {}
