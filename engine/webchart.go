package engine

import (
	"context"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
)

// Chart implements web.Charts.
func (l *webLibrary) Chart(_ context.Context, recording string, cameras []string, from, to time.Time, width int) ([]byte, error) {
	for _, rec := range l.archive.Recordings() {
		if rec.Name == recording {
			return rec.Chart(archive.ChartOptions{Width: width, From: from, To: to, Cameras: cameras})
		}
	}
	return nil, fault.New(fault.NotFound, "there is no recording %q", recording)
}
