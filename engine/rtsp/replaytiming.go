package rtsp

import (
	"time"

	"rtsprec/engine/media"
)

// replayTiming gives the units of one track of a replay their time. What counts, in this
// order: the unit's own header extension; the latest one or sender report before it, and
// RTP time since; the start of the range as the peer told it; the start that was asked
// for.
type replayTiming struct {
	request ReplayRequest
	rate    int
	capture bool // sender reports are known to be capture times
	epoch   *replayEpoch
	now     time.Time // for the era of NTP

	anchor replayAnchor
	own    [64]replayAnchor // extensions of the latest units, by RTP time
	next   int
	jumped uint32 // RTP time of a unit that follows a jump
	jump   bool
	ends   uint32 // RTP time of the last unit there is
	end    bool
	past   bool // a unit from behind the end of the range has come
	over   bool // nothing of the track is to come
}

// replayAnchor says when what has an RTP time was captured.
type replayAnchor struct {
	rtp uint32
	at  time.Time
}

// replayEpoch is when the ticks of a session's tracks begin.
type replayEpoch struct{ start time.Time }

// believable is how far out of the range a sender report may be: many devices report the
// time of sending. Whole hours of a wrong zone are within it.
const believable = 26 * time.Hour

// extension notes what a packet's header extension says of its unit.
func (t *replayTiming) extension(p *packet) {
	if p.profile != replayProfile {
		return
	}
	x, ok := parseReplayExt(p.extension, t.now)
	if !ok {
		return
	}
	t.own[t.next%len(t.own)] = replayAnchor{p.rtp, x.at.Add(-t.request.Zone)}
	t.next++
	if x.jump {
		t.jumped, t.jump = p.rtp, true
	}
	if x.terminal {
		t.ends, t.end = p.rtp, true
	}
}

// report notes a sender report, unless it says when it was sent: long after the range
// was recorded.
func (t *replayTiming) report(ntp uint64, rtp uint32) {
	if ntp == 0 {
		return
	}
	at := timeOfNTP(ntp, t.now).Add(-t.request.Zone)
	off := max(t.request.From.Sub(at), at.Sub(t.request.To))
	sending := t.now.Sub(t.request.To) > time.Minute && at.Sub(t.now).Abs() < time.Minute
	if t.capture || off < believable && !sending {
		t.anchor = replayAnchor{rtp, at}
	}
}

// begins notes the RTP time of the start of the range, which the peer has told.
func (t *replayTiming) begins(rtp uint32, at time.Time) {
	if t.anchor.at.IsZero() {
		t.anchor = replayAnchor{rtp, at.Add(-t.request.Zone)}
	}
}

// stamp returns the capture time of a unit and its ticks, which count from shortly before
// the first unit of the session.
func (t *replayTiming) stamp(rtp uint32) (wall time.Time, ticks media.Ticks) {
	for i := range min(t.next, len(t.own)) {
		if a := t.own[(t.next-1-i)%len(t.own)]; a.rtp == rtp {
			t.anchor = a
			break
		}
	}
	if t.anchor.at.IsZero() {
		t.anchor = replayAnchor{rtp, t.request.From}
	}
	since := media.ToDuration(int64(int32(rtp-t.anchor.rtp)), t.rate)
	wall = t.anchor.at.Add(since)
	if since.Abs() > time.Hour { // RTP time must not wrap between the two
		t.anchor = replayAnchor{rtp, wall}
	}
	if t.epoch.start.IsZero() {
		t.epoch.start = wall.Add(-10 * time.Second)
	}
	return wall, media.FromDuration(wall.Sub(t.epoch.start), t.rate)
}

// finish marks what the end of the range and the peer's own marks say, and reports
// whether the unit is still wanted.
func (t *replayTiming) finish(au *media.AccessUnit, rtp uint32) bool {
	if t.jump && t.jumped == rtp {
		t.jump = false
		au.Missing = &media.Gap{To: au.Wall, Note: "the source has nothing here"}
	}
	if t.end && t.ends == rtp {
		t.over = true
	}
	decoded := au.Wall.Add(-media.ToDuration(au.PTS-au.DTS, t.rate))
	if decoded.Before(t.request.To) {
		return true
	}
	t.past, t.over = true, true
	return false
}
