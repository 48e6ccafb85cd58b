package rtsp

import (
	"time"

	"rtsprec/engine/media"
)

// streamLine is one track of a stream on its way out.
type streamLine struct {
	track  media.Track // ID is its index in the description, Config the newest
	packer *packer
	anew   bool // the run's first unit of this track has not come yet

	any      bool
	offset   uint32 // RTP time less PTS
	lastRTP  uint32
	lastWall time.Time
	latest   media.Ticks // the largest PTS of the run so far

	packets, octets uint32 // sent, for sender reports
	told            time.Time
	toldRTP         uint32 // and what was told then
	toldWall        time.Time
}

// newStreamLine gives nil and an error for a track that cannot travel over RTP.
func newStreamLine(t media.Track, index int) (*streamLine, error) {
	t.ID = media.TrackID(index)
	p, err := newPacker(t, packOptions{PayloadType: payloadType(t), SSRC: randomID(), Seq: uint16(randomID())})
	if err != nil {
		return nil, err
	}
	return &streamLine{track: t, packer: p, anew: true, offset: randomID()}, nil
}

// time is the RTP time of a unit. Over the border of two runs it goes on by the time that
// passed between the two captures, so that the reader sees a pause and no jump.
func (l *streamLine) time(au *media.AccessUnit) uint32 {
	if l.anew && l.any {
		passed := media.FromDuration(au.Wall.Sub(l.lastWall), l.track.ClockRate)
		passed = max(passed, int64(l.track.ClockRate)/25)
		l.offset = l.lastRTP + uint32(passed) - uint32(au.PTS)
	}
	if l.anew {
		l.latest = au.PTS
	}
	l.anew, l.any = false, true
	l.latest = max(l.latest, au.PTS)
	rtp := l.offset + uint32(au.PTS)
	l.lastRTP, l.lastWall = rtp, au.Wall
	return rtp
}

// maxDrift is how far capture times may move away from the line of the last sender report
// before another is due: a publisher's own first report corrects what was guessed before.
const maxDrift = 2 * time.Millisecond

// due reports whether it is time for a sender report, every so often, and takes it that
// one is sent.
func (l *streamLine) due(b *burst, now time.Time, every time.Duration) bool {
	if !l.told.IsZero() {
		line := l.toldWall.Add(media.ToDuration(int64(int32(b.RTP-l.toldRTP)), l.track.ClockRate))
		drift := b.Wall.Sub(line).Abs()
		if since := now.Sub(l.told); since < every && (drift <= maxDrift || since < reportEvery/50) {
			return false
		}
	}
	l.told, l.toldRTP, l.toldWall = now, b.RTP, b.Wall
	return true
}

// report is a sender report that gives a burst's capture time as it was measured: not the
// time of sending, which is what many servers tell.
func (l *streamLine) report(b *burst) []byte {
	return senderReport(l.packer.o.SSRC, ntpOf(b.Wall), b.RTP, l.packets, l.octets)
}

func (l *streamLine) sent(b *burst) {
	l.packets += uint32(len(b.Starts))
	l.octets += uint32(b.Octets)
}
