package archive

import (
	"bytes"

	"rtsprec/engine/media"
	"rtsprec/engine/segment"
)

// look checks what a unit is against what its track says it is. Parameter sets may change
// between key frames (more PPS); at a key frame a change begins a new segment.
func (m *measure) look(u segment.Unit) {
	t := m.tracks[u.Track]
	switch {
	case len(u.Data) == 0:
		m.tell(UnitWrong, 5, "unit %d of track %d is empty", m.gauges[u.Track].units, u.Track)
	case t.Codec.NALs() && media.ValidNALs(u.Data) != nil:
		m.tell(UnitWrong, 5, "unit %d of track %d: %v", m.gauges[u.Track].units, u.Track, media.ValidNALs(u.Data))
	case t.Codec.Video() && u.Key != media.IsKey(t.Codec, u.Data):
		m.tell(UnitWrong, 5, "unit %d of track %d is marked %s, and it is not", m.gauges[u.Track].units, u.Track, keyText(u.Key))
	case u.Key && media.ConfigOf(t.Codec, u.Data, t.Config) != nil:
		m.tell(UnitWrong, 5, "unit %d of track %d brings parameter sets that are not those of the file", m.gauges[u.Track].units, u.Track)
	case t.Codec == media.MJPEG && !bytes.HasPrefix(u.Data, []byte{0xff, 0xd8}):
		m.tell(UnitWrong, 5, "unit %d of track %d is no JPEG picture", m.gauges[u.Track].units, u.Track)
	}
}

func keyText(key bool) string {
	if key {
		return "as a key frame"
	}
	return "as no key frame"
}
