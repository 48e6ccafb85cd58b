package rtsp

// tempo is what a track's packets are like: how far apart in RTP time its units are and
// how many packets the largest has. It tells a camera that jumps to other sequence numbers
// from one of whose packets many were lost: what is lost takes its time.
type tempo struct {
	units   int
	step    uint32 // usual distance of units in RTP time
	packets int    // of the unit that comes
	most    int    // of the largest so far
}

const (
	leastJump  = 256 // numbers; a jump of fewer is told as a loss
	tempoUnits = 8   // units after which a tempo is known
)

// note takes a packet as it is handed on; distance is that of its RTP time to the one
// before.
func (t *tempo) note(distance uint32, fresh bool) {
	t.packets++
	t.most = max(t.most, t.packets)
	if distance == 0 || fresh {
		return
	}
	t.units++
	t.packets = 1
	distance = magnitude(distance)
	if t.step == 0 {
		t.step = distance
	}
	// What is far out (a jump, an outage) moves it no more than any other.
	t.step += (min(distance, 4*t.step)+4)/8 - (t.step+4)/8
}

// renumbered reports whether a packet so many numbers ahead can only be one of another
// numbering: its RTP time leaves room for no more than a unit or two, and these have far
// fewer packets.
func (t *tempo) renumbered(ahead int, distance uint32) bool {
	return t.units >= tempoUnits && ahead >= leastJump && ahead > 4*t.most && magnitude(distance) <= 2*t.step
}

// magnitude is the absolute difference of two RTP times.
func magnitude(distance uint32) uint32 {
	if int32(distance) < 0 {
		return -distance
	}
	return distance
}
