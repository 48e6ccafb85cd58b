package rtspcam

import "encoding/binary"

// picture is what RFC 2435 carries of a JPEG.
type picture struct {
	width, height int
	kind          byte // 0: 4:2:2, 1: 4:2:0
	tables        []byte
	scan          []byte
}

// parseScan is the entropy-coded part of a JPEG.
func parseScan(b []byte) []byte { return parseJPEG(b).scan }

// parseJPEG reads a baseline picture. What is broken leaves the rest empty.
func parseJPEG(b []byte) picture {
	var h picture
	for i := 2; i+4 <= len(b) && b[i] == 0xff; {
		size := int(binary.BigEndian.Uint16(b[i+2:]))
		if size < 2 || i+2+size > len(b) {
			break
		}
		body := b[i+4 : i+2+size]
		switch b[i+1] {
		case 0xdb: // quantisation tables, 8 bits
			for len(body) >= 65 {
				h.tables = append(h.tables, body[1:65]...)
				body = body[65:]
			}
		case 0xc0: // baseline
			if len(body) < 8 {
				return h
			}
			h.height, h.width = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
			if body[7] == 0x22 {
				h.kind = 1
			}
		case 0xda:
			h.scan = b[i+2+size:]
			if len(h.tables) == 64 { // one table for all components
				h.tables = append(h.tables, h.tables...)
			}
			return h
		}
		i += 2 + size
	}
	return h
}
