package rtsp

import (
	"encoding/binary"

	"rtsprec/engine/fault"
)

// cutJPEG is RFC 2435 with the quantisation tables in every first packet (Q 255). A
// picture whose size does not fit the payload header (more than 2040 pixels, or no
// multiple of 8) has its frame header in ONVIF's header extension too.
func (p *packer) cutJPEG(data []byte) error {
	j, err := parseJPEG(data)
	if err != nil {
		return err
	}
	kind := j.kind
	if j.restart > 0 {
		kind |= 64
	}
	room := p.room()
	if j.width > 2040 || j.height > 2040 || j.width%8 != 0 || j.height%8 != 0 {
		p.wide = append(p.wide, j.frame...)
		for len(p.wide)%4 != 0 {
			p.wide = append(p.wide, 0)
		}
		room -= 4 + len(p.wide)
	}
	for at := 0; at < len(j.scan); {
		head := append(p.head(), 0, byte(at>>16), byte(at>>8), byte(at), kind, 255, eighths(j.width), eighths(j.height))
		if j.restart > 0 {
			head = append(head, byte(j.restart>>8), byte(j.restart), 0xff, 0xff) // F, L, count 0x3fff: no parts
		}
		if at == 0 {
			head = append(head, 0, j.precision, byte(len(j.tables)>>8), byte(len(j.tables)))
			head = append(head, j.tables...)
		}
		n := min(max(room-len(head), 1), len(j.scan)-at)
		p.put(head, j.scan[at:at+n])
		at += n
	}
	return nil
}

// eighths is a size as the payload header has it; 0 where it does not fit.
func eighths(size int) byte {
	if size > 2040 {
		return 0
	}
	return byte((size + 7) / 8)
}

// jpegPicture is a JFIF picture taken apart: what a jpegHead is made of, and the rest.
type jpegPicture struct {
	jpegHead
	frame []byte // the SOF0 segment with its marker
	scan  []byte // entropy-coded data, with EOI where there is one
}

const maxScan = 1<<24 - 1 // the fragment offset has 24 bits

// parseJPEG takes a baseline picture apart. One that RFC 2435 cannot carry (another
// sampling than 4:2:0 and 4:2:2, progressive, Huffman tables of its own) is
// fault.Unsupported, a broken one fault.Damaged.
func parseJPEG(b []byte) (*jpegPicture, error) {
	broken := fault.New(fault.Damaged, "a broken JPEG picture")
	if len(b) < 4 || b[0] != 0xff || b[1] != 0xd8 {
		return nil, broken
	}
	j := &jpegPicture{}
	var tables jpegTables
	for b = b[2:]; ; {
		for len(b) > 1 && b[0] == 0xff && b[1] == 0xff { // fill bytes
			b = b[1:]
		}
		if len(b) < 4 || b[0] != 0xff {
			return nil, broken
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		if n < 2 || n+2 > len(b) {
			return nil, broken
		}
		segment, body := b[:n+2], b[4:n+2]
		b = b[n+2:]
		ok := true
		switch marker := segment[1]; marker {
		case 0xdb:
			ok = tables.quantisation(body)
		case 0xc4:
			ok = tables.huffman(body)
		case 0xdd:
			if ok = len(body) == 2; ok {
				j.restart = int(binary.BigEndian.Uint16(body))
			}
		case 0xc0, 0xc1:
			j.frame = segment
		case 0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf:
			return nil, fault.New(fault.Unsupported, "a JPEG picture that is not baseline")
		case 0xda:
			j.scan = b
			return j, j.settle(&tables, body)
		}
		if !ok {
			return nil, broken
		}
	}
}

// settle checks that headers made anew by a receiver mean the same as those that came.
func (j *jpegPicture) settle(tables *jpegTables, scan []byte) error {
	if len(j.frame) < 19 || len(scan) < 7 || len(j.scan) == 0 || len(j.scan) > maxScan {
		return fault.New(fault.Damaged, "a broken JPEG picture")
	}
	f := j.frame[4:]
	j.height, j.width = int(binary.BigEndian.Uint16(f[1:])), int(binary.BigEndian.Uint16(f[3:]))
	switch {
	case j.height == 0 || j.width == 0:
		return fault.New(fault.Damaged, "a JPEG picture without a size")
	case f[0] != 8, f[5] != 3, scan[0] != 3, f[10] != 0x11, f[13] != 0x11, f[11] != f[14]:
		return fault.New(fault.Unsupported, "a JPEG picture other than 4:2:0 and 4:2:2 cannot be sent over RTP")
	case f[7] == 0x22:
		j.kind = 1
	case f[7] != 0x21:
		return fault.New(fault.Unsupported, "a JPEG picture other than 4:2:0 and 4:2:2 cannot be sent over RTP")
	}
	if tables.foreign || scan[2] != 0x00 || scan[4] != 0x11 || scan[6] != 0x11 {
		return fault.New(fault.Unsupported, "a JPEG picture with Huffman tables of its own cannot be sent over RTP")
	}
	luma, chroma := f[8], f[11]
	for i, id := range []byte{luma, chroma} {
		if i == 1 && chroma == luma {
			break
		}
		if id > 3 || tables.values[id] == nil {
			return fault.New(fault.Damaged, "a JPEG picture without its tables")
		}
		j.tables = append(j.tables, tables.values[id]...)
		if len(tables.values[id]) > 64 {
			j.precision |= 1 << i
		}
	}
	return nil
}

// jpegTables collects the tables of a picture.
type jpegTables struct {
	values  [4][]byte // of quantisation, by id: 64 bytes, or 128 where they have 16 bits
	foreign bool      // there are Huffman tables other than those of annex K
}

func (t *jpegTables) quantisation(b []byte) bool {
	for len(b) > 0 {
		size, id := 64, b[0]&15
		if b[0]>>4 != 0 {
			size = 128
		}
		if id > 3 || len(b) < 1+size {
			return false
		}
		t.values[id] = b[1 : 1+size]
		b = b[1+size:]
	}
	return true
}

// huffman compares the tables of a DHT segment (T.81 B.2.4.2) with those that a receiver
// takes.
func (t *jpegTables) huffman(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 17 {
			return false
		}
		n := 17
		for _, c := range b[1:17] {
			n += int(c)
		}
		if len(b) < n {
			return false
		}
		standard := ""
		switch b[0] {
		case 0x00:
			standard = dcLuminance + dcSymbols
		case 0x10:
			standard = acLuminance + acLuminanceSymbols
		case 0x01:
			standard = dcChrominance + dcSymbols
		case 0x11:
			standard = acChrominance + acChrominanceSymbols
		}
		t.foreign = t.foreign || string(b[1:n]) != standard
		b = b[n:]
	}
	return true
}
