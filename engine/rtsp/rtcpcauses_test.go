package rtsp

import (
	"testing"

	"rtsprec/engine/media"
)

func TestCausesTravelInReports(t *testing.T) {
	for _, causes := range []media.Causes{media.Because(media.Timeout), media.Because(media.Unreachable, media.Loss, media.StreamEnded)} {
		b := causesPacket(7, causes)
		if got := causesOf(b); got != causes || len(b)%4 != 0 || len(b) != 4*(int(b[3])+1) {
			t.Errorf("%v became %v in %x", causes, got, b)
		}
	}
}

func FuzzCausesFromAnywhere(f *testing.F) {
	f.Add(causesPacket(7, media.Because(media.Timeout)))
	f.Add([]byte{0x80, rtcpApp, 0, 3, 0, 0, 0, 7, 'R', 'R', 'E', 'C', '"', ',', 0, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if c := causesOf(b); c != 0 && causesOf(causesPacket(1, c)) != c {
			t.Errorf("%v is written otherwise than it is read", c)
		}
	})
}
