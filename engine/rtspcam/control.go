package rtspcam

import (
	"time"

	"rtsprec/engine/fault"
)

// Misbehave adds faults that count their start from now. Path "" means all paths. What begins
// at once has begun when it returns. Before Serve they count from now all the same.
// Errors are of kind fault.Usage.
func (c *Camera) Misbehave(path, spec string) error {
	if path != "" && c.paths[path] == nil {
		return fault.New(fault.Usage, "the camera has no path %q", path)
	}
	list, err := parseSpec(path, spec)
	if err != nil {
		return err
	}
	c.add(list)
	return nil
}

// add takes faults in and waits until those that begin at once have: a connection that is
// made after it meets them.
func (c *Camera) add(list []scheduled) {
	c.script.add(list, c.clock.Now())
	c.mu.Lock()
	began := c.began
	c.mu.Unlock()
	if !began {
		return
	}
	done := make(chan struct{})
	select {
	case c.nudge <- done:
	case <-c.over:
		return
	}
	select {
	case <-done:
	case <-c.over:
	}
}

// inject adds one fault of all paths that is known to be right.
func (c *Camera) inject(name string, length time.Duration) {
	c.add([]scheduled{{name: name, length: length}})
}

// Drop cuts all connections and refuses new ones for d.
func (c *Camera) Drop(d time.Duration) { c.inject("drop", d) }

// Restart does what a reboot does: connections are cut and the stream returns at once with
// another SSRC, RTP time and sequence number. Counters of marks go on.
func (c *Camera) Restart() { c.inject("restart", 0) }

// Stall sends no media for d, while RTSP is still answered.
func (c *Camera) Stall(d time.Duration) { c.inject("stall", d) }

// ChangeParameters switches video to its other resolution at once, at a key frame.
func (c *Camera) ChangeParameters() { c.inject("parameters", 0) }

// Readers is the number of sessions that are playing the path now.
func (c *Camera) Readers(path string) int {
	p := c.paths[path]
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.readers)
}

// main is the track that tells whether a path's recording is complete: its first video
// track, or its first track.
func (p *path) main() *track {
	tracks := p.all()
	for _, t := range tracks {
		if t.video {
			return t
		}
	}
	return tracks[0]
}

// Sent says which video units of a path (audio, where there is no video) left whole,
// all their packets handed to the network for at least one reader, in counter order.
// What a connection still held when it was cut by "rst" counts as sent.
func (c *Camera) Sent(path string) []Range { return c.SentTrack(path, -1) }

// SentTrack is Sent of one track, by its place in the Stream.
func (c *Camera) SentTrack(path string, track int) []Range {
	if t := c.track(path, track); t != nil {
		return t.sent.copy()
	}
	return nil
}

// Lost says which units of a track went out with packets missing, some or all, on purpose
// ("loss", "blackhole").
func (c *Camera) Lost(path string, track int) []Range {
	if t := c.track(path, track); t != nil {
		return t.parts.copy()
	}
	return nil
}

func (c *Camera) track(path string, track int) *track {
	p := c.paths[path]
	switch {
	case p == nil || track >= p.count():
		return nil
	case track < 0:
		return p.main()
	}
	return p.all()[track]
}
