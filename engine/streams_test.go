package engine

import (
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// Retrying is o with a main stream that was given up being tried again so soon.
func (o RecordOptions) Retrying(after time.Duration) RecordOptions {
	o.retryMain = after
	return o
}

func TestWhichStreamIsTriedAfterWhat(t *testing.T) {
	two := journal.Camera{Name: "a", URL: "rtsp://cam/main", SubURL: "rtsp://cam/sub"}
	busy, gone := fault.New(fault.Busy, "453"), fault.New(fault.Timeout, "silence")
	for _, c := range []struct {
		name      string
		camera    journal.Camera
		streams   streams
		err       error
		sub, weak bool
		at        bool // at once
	}{
		{"the main stream is refused", two, streams{follow: true}, busy, true, false, true},
		{"the camera is gone", two, streams{follow: true}, gone, false, false, false},
		{"the sub-stream is refused, too", two, streams{follow: true, sub: true}, busy, false, false, true},
		{"the sub-stream of a narrow way ends", two, streams{follow: true, sub: true, weak: true}, gone, true, true, false},
		{"the sub-stream of a narrow way is refused", two, streams{follow: true, sub: true, weak: true}, busy, false, false, true},
		{"one session, and the main stream is refused", two, streams{follow: true, single: true}, busy, true, true, true},
		{"the other one's turn", two, streams{follow: true, sub: true, weak: true}, errOther{gone}, true, true, true},
		{"no sub-stream", journal.Camera{Name: "a", URL: "rtsp://cam/main"}, streams{follow: true}, busy, false, false, false},
		{"the same twice", journal.Camera{Name: "a", URL: "rtsp://cam/main", SubURL: "rtsp://cam/main"}, streams{follow: true}, busy, false, false, false},
	} {
		f := &feed{deps: Deps{Clock: media.SystemClock{}}, camera: c.camera, streams: c.streams}
		if at := f.choose(c.err); at != c.at || f.sub != c.sub || f.weak != c.weak {
			t.Errorf("%s: at once %v, sub-stream %v, for the way %v", c.name, at, f.sub, f.weak)
		}
		if c.streams.single && f.tryMain.Due(f.deps.Clock.Now()) {
			t.Errorf("%s: the main stream is tried again at once", c.name)
		}
	}
}
