package segment

import (
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// readEntry is the reverse of builder.entry: it fills in what the sample entry says of a
// track whose ClockRate is known. G.726's AAL2 is not in the entry.
func readEntry(stsd []byte, t *media.Track) error {
	f := fields{p: stsd}
	f.skip(4)
	count := f.u32()
	kind, size, ok := boxAt(f.p)
	if f.bad || count != 1 || !ok || size != int64(len(f.p)) {
		return fault.New(fault.Damaged, "a track without exactly one sample entry")
	}
	f.skip(8)
	f.skip(8) // reserved, data reference
	switch kind {
	case "avc1", "hvc1", "mp4v":
		f.skip(70)
		readVisual(kind, f.p, t)
	default:
		f.skip(8)
		t.Channels = int(f.u16())
		bits := int(f.u16())
		f.skip(4)
		t.SampleRate = int(f.u32() >> 16)
		if t.SampleRate == 0 {
			t.SampleRate = t.ClockRate
		}
		readSound(kind, f.p, bits, t)
	}
	if f.bad || t.Codec == "" {
		return fault.New(fault.Damaged, "a sample entry %q that is not understood", kind)
	}
	return fault.Wrap(fault.Damaged, "read a sample entry", Storable(*t))
}

func readVisual(kind string, boxes []byte, t *media.Track) {
	switch kind {
	case "avc1":
		avcC, _ := child(boxes, "avcC")
		t.Codec, t.Config = media.H264, readAVCC(avcC)
	case "hvc1":
		hvcC, _ := child(boxes, "hvcC")
		t.Codec, t.Config = media.H265, readHVCC(hvcC)
	case "mp4v":
		switch object, config := readESDS(boxes); object {
		case objectMPEG4:
			t.Codec, t.Config = media.MPEG4, config
		case objectMJPEG:
			t.Codec = media.MJPEG
		}
	}
}

func readSound(kind string, boxes []byte, bits int, t *media.Track) {
	switch kind {
	case "mp4a":
		if object, config := readESDS(boxes); object == objectAAC {
			t.Codec, t.Config = media.AAC, config
		}
	case "Opus":
		t.Codec = media.Opus
	case "alaw":
		t.Codec = media.PCMA
	case "ulaw":
		t.Codec = media.PCMU
	case "twos":
		t.Codec, t.Bits = media.L16, bits
	case entryG722:
		t.Codec = media.G722
	case entryG726:
		t.Codec, t.Bits, t.AAL2 = media.G726, bits, true
	}
}

// readAVCC returns an avcC's parameter sets as a configuration, nil when it is broken.
func readAVCC(avcC []byte) []byte {
	f := fields{p: avcC}
	f.skip(5)
	var config []byte
	for _, mask := range []uint8{0x1F, 0xFF} {
		for range f.u8() & mask {
			config = media.AppendNAL(config, f.bytes(int(f.u16())))
		}
	}
	if f.bad {
		return nil
	}
	return config
}

// readHVCC is as readAVCC.
func readHVCC(hvcC []byte) []byte {
	f := fields{p: hvcC}
	f.skip(22)
	var config []byte
	for range f.u8() {
		f.skip(1)
		for range f.u16() {
			if config = media.AppendNAL(config, f.bytes(int(f.u16()))); f.bad {
				return nil
			}
		}
	}
	return config
}

// readESDS returns the object type and the decoder configuration of the esds among boxes;
// 0 when there is none.
func readESDS(boxes []byte) (object uint8, config []byte) {
	esds, _ := child(boxes, "esds")
	f := fields{p: esds}
	f.skip(4)
	if tag, _ := f.descriptor(); tag != 3 {
		return 0, nil
	}
	f.skip(3)
	if tag, _ := f.descriptor(); tag != 4 {
		return 0, nil
	}
	object = f.u8()
	f.skip(12)
	if tag, length := f.descriptor(); tag == 5 {
		config = append(config, f.bytes(length)...)
	}
	if f.bad {
		return 0, nil
	}
	return object, config
}

// descriptor reads a descriptor's tag and length (ISO 14496-1 8.3.3).
func (f *fields) descriptor() (tag uint8, length int) {
	tag = f.u8()
	for range 4 {
		b := f.u8()
		length = length<<7 | int(b&0x7F)
		if b&0x80 == 0 {
			break
		}
	}
	return tag, length
}
