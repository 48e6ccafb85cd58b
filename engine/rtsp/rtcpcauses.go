package rtsp

import (
	"encoding/binary"
	"encoding/json"
	"strings"

	"rtsprec/engine/media"
)

// rtcpApp is an application-defined packet (RFC 3550 6.7). Ours, between rtsprec and
// rtsprec, says why something is missing before the next unit of a track: the names of
// causes, as in a journal, with commas between them and zeros behind them.
const (
	rtcpApp     = 204
	causesApp   = "RREC"
	causesBytes = 512 // at most
)

// causesPacket goes behind a report.
func causesPacket(ssrc uint32, causes media.Causes) []byte {
	text := causes.String()
	words := (len(text) + 3) / 4
	b := append(make([]byte, 0, 12+4*words), 0x80, rtcpApp, 0, byte(2+words))
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = append(b, causesApp...)
	b = append(b, text...)
	return append(b, make([]byte, 4*words-len(text))...)
}

// causesOf reads one; 0 for any other packet. Causes of a later version are left out.
func causesOf(b []byte) (causes media.Causes) {
	if len(b) < 12 || len(b) > causesBytes || b[1] != rtcpApp || string(b[8:12]) != causesApp {
		return 0
	}
	names, err := json.Marshal(strings.Split(strings.TrimRight(string(b[12:]), "\x00"), ","))
	if err != nil || json.Unmarshal(names, &causes) != nil {
		return 0
	}
	return causes
}
