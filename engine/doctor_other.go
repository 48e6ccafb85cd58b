//go:build !linux

package engine

// clockState does not know.
func clockState() DoctorClock { return DoctorClock{} }

// socketLimit does not know.
func socketLimit() int { return 0 }
