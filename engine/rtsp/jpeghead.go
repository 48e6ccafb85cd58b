package rtsp

// jpegHead is what the headers of a JFIF picture are made of (ITU-T T.81 annex B).
type jpegHead struct {
	kind, q       uint8 // of RFC 2435 3.1; the lowest bit of kind: 4:2:0 rather than 4:2:2
	width, height int
	restart       int    // MCUs between restart markers; 0: none
	precision     uint8  // a set bit: that table has 16-bit values
	tables        []byte // quantisation tables, luminance first, in zigzag order
}

// append writes everything before the entropy-coded data.
func (h *jpegHead) append(b []byte) []byte {
	b = append(b, 0xff, 0xd8)                                                        // SOI
	b = append(b, "\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"...) // APP0
	tables := h.tables
	chroma := byte(0)
	for id := byte(0); id < 2 && len(tables) > 0; id++ {
		size, wide := 64, h.precision>>id&1
		if wide != 0 {
			size = 128
		}
		if len(tables) < size {
			break
		}
		b = append(b, 0xff, 0xdb, 0, byte(size+3), wide<<4|id) // DQT
		b = append(b, tables[:size]...)
		tables = tables[size:]
		chroma = id
	}
	if h.restart > 0 {
		b = append(b, 0xff, 0xdd, 0, 4, byte(h.restart>>8), byte(h.restart)) // DRI
	}
	sampling := byte(0x21)
	if h.kind&1 != 0 {
		sampling = 0x22
	}
	b = append(b, 0xff, 0xc0, 0, 17, 8, byte(h.height>>8), byte(h.height), byte(h.width>>8), byte(h.width), 3,
		1, sampling, 0, 2, 0x11, chroma, 3, 0x11, chroma) // SOF0
	b = appendHuffman(b, 0x00, dcLuminance, dcSymbols)
	b = appendHuffman(b, 0x10, acLuminance, acLuminanceSymbols)
	b = appendHuffman(b, 0x01, dcChrominance, dcSymbols)
	b = appendHuffman(b, 0x11, acChrominance, acChrominanceSymbols)
	return append(b, 0xff, 0xda, 0, 12, 3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0) // SOS
}

// appendHuffman writes one DHT segment.
func appendHuffman(b []byte, class byte, lengths, symbols string) []byte {
	b = append(b, 0xff, 0xc4, 0, byte(3+len(lengths)+len(symbols)), class)
	return append(append(b, lengths...), symbols...)
}

// scaledTables makes the tables of a Q factor from 1 to 99 (RFC 2435 4.2).
func scaledTables(q uint8) []byte {
	factor := min(max(int(q), 1), 99)
	scale := 200 - 2*factor
	if factor < 50 {
		scale = 5000 / factor
	}
	tables := make([]byte, 0, 128)
	for _, base := range [][64]byte{luminance, chrominance} {
		for _, v := range base {
			tables = append(tables, byte(min(max((int(v)*scale+50)/100, 1), 255)))
		}
	}
	return tables
}

// The tables of ITU-T T.81 annex K, in zigzag order.
var luminance = [64]byte{
	16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40,
	26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51,
	56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87,
	95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
}

var chrominance = [64]byte{
	17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99,
	99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
	99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
	99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
}

// The Huffman tables of ITU-T T.81 annex K.3: how many codes there are of each length, and
// their symbols.
const (
	dcLuminance   = "\x00\x01\x05\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00"
	dcChrominance = "\x00\x03\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00"
	dcSymbols     = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"
	acLuminance   = "\x00\x02\x01\x03\x03\x02\x04\x03\x05\x05\x04\x04\x00\x00\x01\x7d"
	acChrominance = "\x00\x02\x01\x02\x04\x04\x03\x04\x07\x05\x04\x04\x00\x01\x02\x77"

	acLuminanceSymbols = "\x01\x02\x03\x00\x04\x11\x05\x12\x21\x31\x41\x06\x13\x51\x61\x07\x22\x71\x14\x32\x81\x91\xa1\x08\x23\x42\xb1\xc1\x15\x52\xd1\xf0" +
		"\x24\x33\x62\x72\x82\x09\x0a\x16\x17\x18\x19\x1a\x25\x26\x27\x28\x29\x2a\x34\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48\x49" +
		"\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68\x69\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x83\x84\x85\x86\x87\x88\x89" +
		"\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3\xc4\xc5" +
		"\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xe1\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8" +
		"\xf9\xfa"

	acChrominanceSymbols = "\x00\x01\x02\x03\x11\x04\x05\x21\x31\x06\x12\x41\x51\x07\x61\x71\x13\x22\x32\x81\x08\x14\x42\x91\xa1\xb1\xc1\x09\x23\x33\x52\xf0" +
		"\x15\x62\x72\xd1\x0a\x16\x24\x34\xe1\x25\xf1\x17\x18\x19\x1a\x26\x27\x28\x29\x2a\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48" +
		"\x49\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68\x69\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x82\x83\x84\x85\x86\x87" +
		"\x88\x89\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3" +
		"\xc4\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf2\xf3\xf4\xf5\xf6\xf7\xf8" +
		"\xf9\xfa"
)
