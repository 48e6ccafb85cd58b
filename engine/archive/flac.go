package archive

import (
	"encoding/binary"
	"fmt"

	"rtsprec/engine/media"
	"rtsprec/engine/segment"
)

// playable says how a browser gets a track: as it is, or sound as FLAC, which all of them
// play and which needs no compression to be valid. why is said when none plays it.
func playable(t media.Track) (out media.Track, why string) {
	switch t.Codec {
	case media.H264, media.H265, media.AAC, media.Opus:
		return t, ""
	case media.PCMA, media.PCMU, media.L16, media.G726:
		if t.Channels > 8 || t.SampleRate >= 1<<20 || t.Codec == media.G726 && t.Channels != 1 {
			return t, fmt.Sprintf("%s of %d channels at %d Hz is left out: FLAC has no way to carry it", t.Codec.Title(), t.Channels, t.SampleRate)
		}
		out = t
		out.Codec, out.Bits, out.AAL2 = segment.FLAC, 0, false
		out.Config = streamInfo(t.SampleRate, t.Channels)
		return out, ""
	}
	if t.Codec.Video() {
		return t, t.Codec.Title() + " is left out: no browser plays it"
	}
	return t, t.Codec.Title() + " is left out: no browser plays it, and it is not converted"
}

const flacBlock = 1<<16 - 1 // samples a frame and channel at most

// streamInfo is the STREAMINFO of blocks of any length (RFC 9639 8.2): 16 bits a sample,
// an unknown number of them, no checksum.
func streamInfo(rate, channels int) []byte {
	b := make([]byte, 34)
	binary.BigEndian.PutUint16(b, 16)
	binary.BigEndian.PutUint16(b[2:], flacBlock)
	binary.BigEndian.PutUint64(b[10:], uint64(rate)<<44|uint64(channels-1)<<41|15<<36)
	return b
}

// flacFrame appends a frame of verbatim subframes (RFC 9639 9.2.2) with the samples of all
// channels interleaved. number is that of the first sample. Of more than 65535 samples
// a channel the rest is left out.
func flacFrame(b []byte, number uint64, channels int, samples []int16) []byte {
	at := len(b)
	count := min(len(samples)/channels, flacBlock)
	b = append(b, 0xFF, 0xF9, 0x70, byte(channels-1)<<4|4<<1) // variable blocks; length at the end; rate as in STREAMINFO, 16 bits
	b = appendNumber(b, number)
	b = binary.BigEndian.AppendUint16(b, uint16(count-1))
	b = append(b, crc8(b[at:]))
	for channel := range channels {
		b = append(b, 1<<1) // verbatim
		for i := range count {
			b = binary.BigEndian.AppendUint16(b, uint16(samples[i*channels+channel]))
		}
	}
	return binary.BigEndian.AppendUint16(b, crc16(b[at:]))
}

// flacSize is how long that frame is.
func flacSize(number uint64, channels, samples int) int {
	return 4 + len(appendNumber(nil, number)) + 2 + 1 + channels*(1+2*min(samples, flacBlock)) + 2
}

// appendNumber codes up to 36 bits as UTF-8 codes 31.
func appendNumber(b []byte, n uint64) []byte {
	n &= 1<<36 - 1
	if n < 0x80 {
		return append(b, byte(n))
	}
	more := 1 // bytes that follow
	for more < 6 && n >= 1<<(6*more+6-more) {
		more++
	}
	b = append(b, byte(0xFF<<(7-more))|byte(n>>(6*more)))
	for i := more - 1; i >= 0; i-- {
		b = append(b, 0x80|byte(n>>(6*i))&0x3F)
	}
	return b
}

// crc8 is of polynomial x^8+x^2+x+1 (RFC 9639 9.1.8).
func crc8(b []byte) byte {
	crc := byte(0)
	for _, c := range b {
		crc ^= c
		for range 8 {
			high := crc & 0x80
			if crc <<= 1; high != 0 {
				crc ^= 0x07
			}
		}
	}
	return crc
}

// crc16 is of polynomial x^16+x^15+x^2+1 (RFC 9639 9.3).
func crc16(b []byte) uint16 {
	crc := uint16(0)
	for _, c := range b {
		crc = crc<<8 ^ crc16Table[byte(crc>>8)^c]
	}
	return crc
}

// crc16Table is what each byte does to the checksum.
var crc16Table = func() (table [256]uint16) {
	for i := range table {
		crc := uint16(i) << 8
		for range 8 {
			high := crc & 0x8000
			if crc <<= 1; high != 0 {
				crc ^= 0x8005
			}
		}
		table[i] = crc
	}
	return table
}()
