package rtsp

import (
	"encoding/binary"
	"time"
)

// replayExt is the RTP header extension of ONVIF replay (ONVIF Streaming Specification,
// "RTP header extension"): profile 0xABAC, three words.
//
//	NTP time of capture, 32.32 fixed point      8 bytes
//	C E D T, four bits that are zero            1
//	low byte of the CSeq of the PLAY            1
//	zero                                        2
type replayExt struct {
	at       time.Time // of capture
	clean    bool      // decoding may start here
	end      bool      // the last unit of its track before a gap, or of the recording
	jump     bool      // does not follow the unit sent before it
	terminal bool      // nothing of its track comes after it
	seq      uint8
}

const (
	replayProfile = 0xABAC
	replayExtSize = 12
)

// append gives the extension's body without profile and length.
func (x replayExt) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, ntpOf(x.at))
	var flags byte
	for i, set := range []bool{x.clean, x.end, x.jump, x.terminal} {
		if set {
			flags |= 0x80 >> i
		}
	}
	return append(b, flags, x.seq, 0, 0)
}

// parseReplayExt reads a body, which may be followed by another extension. The era of its
// time is the one that is nearest to now.
func parseReplayExt(b []byte, now time.Time) (replayExt, bool) {
	if len(b) < replayExtSize {
		return replayExt{}, false
	}
	flags := b[8]
	return replayExt{
		at:    timeOfNTP(binary.BigEndian.Uint64(b), now),
		clean: flags&0x80 != 0, end: flags&0x40 != 0, jump: flags&0x20 != 0, terminal: flags&0x10 != 0,
		seq: b[9],
	}, true
}

// ntpEpoch is 1900-01-01 in Unix seconds.
const ntpEpoch = -2208988800

// ntpOf converts to 32.32 fixed point since 1900, modulo 2^32 s (RFC 5905 6), rounded to
// the nearest: a time in whole nanoseconds survives the way there and back.
func ntpOf(t time.Time) uint64 {
	fraction := (uint64(t.Nanosecond())<<32 + 5e8) / 1e9
	return uint64(t.Unix()-ntpEpoch)<<32 + fraction
}

// timeOfNTP converts back, to the nearest nanosecond, in the era nearest to now.
func timeOfNTP(ntp uint64, now time.Time) time.Time {
	const era = int64(1) << 32
	seconds := int64(ntp >> 32)
	nanos := int64(((ntp&0xffffffff)*1e9 + 1<<31) >> 32)
	seconds += (now.Unix() - ntpEpoch - seconds + era/2) / era * era
	return time.Unix(seconds+ntpEpoch, nanos).UTC()
}
