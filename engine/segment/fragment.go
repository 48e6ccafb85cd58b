package segment

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Sizes of a fragment's boxes, from which everything in it has a place before a byte is
// written.
const (
	prftSize   = 32
	moofBase   = 8 + 16           // moof and mfhd
	trafBase   = 8 + 20 + 20 + 20 // traf, tfhd, tfdt and trun without its units
	unitSound  = 8                // duration and size
	unitVideo  = 16               // and flags and PTS - DTS
	mdatHeader = 8
	checkSize  = 16

	checkName = "c32c"
)

// Flags of tfhd and trun (ISO 14496-12 8.8.7, 8.8.8).
const (
	tfhdFlags      = 0x020000 | 0x20 // offsets from the moof; default sample flags
	trunSoundFlags = 0x1 | 0x100 | 0x200
	trunVideoFlags = trunSoundFlags | 0x400 | 0x800
)

// shifted reports whether a track's units carry flags and PTS - DTS of their own.
func (h Header) shifted(track int) bool { return h.Tracks[track].Codec.Video() }

// moofSize returns the size of the moof box for runs.
func (h Header) moofSize(runs []run) int64 {
	n := int64(moofBase)
	for i := range runs {
		unit := int64(unitSound)
		if h.shifted(runs[i].track) {
			unit = unitVideo
		}
		n += trafBase + unit*int64(len(runs[i].units))
	}
	return n
}

// place gives every run its place in the fragment and returns the fragment's size.
func (h Header) place(runs []run) int64 {
	at := prftSize + h.moofSize(runs) + mdatHeader
	for i := range runs {
		runs[i].at = at
		at += runs[i].bytes()
	}
	return at + checkSize
}

// head appends a fragment up to its first unit. The runs have their places.
func (b *builder) head(h Header, runs []run, lead *run, number uint32) {
	b.prft(h, lead)
	b.box("moof", func() {
		b.full("mfhd", 0, 0, func() { b.u32(number) })
		for i := range runs {
			b.traf(h, &runs[i])
		}
	})
	data := int64(0)
	for i := range runs {
		data += runs[i].bytes()
	}
	b.u32(uint32(mdatHeader + data))
	b.str("mdat")
}

// prft says when the leading track's first unit was captured: both times are that of
// its DTS, as the media time has to be.
func (b *builder) prft(h Header, lead *run) {
	wall := h.at(lead.track, lead.dts)
	b.full("prft", 1, 24, func() { // time of capture
		b.u32(uint32(lead.track + 1))
		b.u64(uint64(wall.Unix()+epoch1900)<<32 | uint64(wall.Nanosecond())<<32/uint64(time.Second))
		b.u64(uint64(lead.dts))
	})
}

func (b *builder) traf(h Header, r *run) {
	video := h.shifted(r.track)
	flags := uint32(trunSoundFlags)
	if video {
		flags = trunVideoFlags
	}
	b.box("traf", func() {
		b.full("tfhd", 0, tfhdFlags, func() {
			b.u32(uint32(r.track + 1))
			b.u32(flagsKey)
		})
		b.full("tfdt", 1, 0, func() { b.u64(uint64(r.dts)) })
		b.full("trun", 1, flags, func() {
			b.u32(uint32(len(r.units)))
			b.u32(uint32(r.at - prftSize))
			for _, u := range r.units {
				b.u32(u.duration)
				b.u32(u.size)
				if !video {
					continue
				}
				if u.key {
					b.u32(flagsKey)
				} else {
					b.u32(flagsDelta)
				}
				b.u32(uint32(u.offset))
			}
		})
	})
}

// check appends the box that makes the fragment in b sound.
func (b *builder) check() {
	sum := crc32.Checksum(*b, castagnoli)
	b.u32(checkSize)
	b.str("free" + checkName)
	b.u32(sum)
}

// checked reports whether a whole fragment ends with its own checksum.
func checked(fragment []byte) bool {
	body := fragment[:len(fragment)-checkSize]
	end := fragment[len(body):]
	return isCheck(end) && binary.BigEndian.Uint32(end[12:]) == crc32.Checksum(body, castagnoli)
}

// isCheck reports whether p begins with the header of a fragment's last box.
func isCheck(p []byte) bool {
	kind, size, ok := boxAt(p)
	return ok && len(p) >= checkSize && kind == "free" && size == checkSize && string(p[8:12]) == checkName
}

// headSize returns the size of a fragment up to its first unit, from its first bytes.
// ok is false when they are not those of a fragment.
func headSize(p []byte) (size int64, ok bool) {
	if len(p) < prftSize+8 {
		return 0, false
	}
	prft, length, _ := boxAt(p)
	moof, size, _ := boxAt(p[prftSize:])
	ok = prft == "prft" && length == prftSize && moof == "moof" && size >= moofBase && size <= MaxFragment
	return prftSize + size + mdatHeader, ok
}

// parseHead reads prft, moof and the header of mdat, and returns the runs with their
// places and the fragment's size. Runs are appended to reuse, whose units are reused too.
// Everything must be exactly as head writes it; the error is of kind fault.Damaged.
func (h Header) parseHead(p []byte, number uint32, reuse []run) (runs []run, size int64, err error) {
	f := fields{p: p}
	f.skip(prftSize + 8)
	if f.skip(12); f.u32() != number {
		return nil, 0, fault.New(fault.Damaged, "fragment %d is missing", number)
	}
	moof := p[prftSize+moofBase : len(p)-mdatHeader]
	runs = reuse[:0]
	for kind, traf := range children(moof) {
		if kind != "traf" || len(runs) == len(h.Tracks) {
			return nil, 0, fault.New(fault.Damaged, "an unexpected box in a fragment")
		}
		if len(runs) < cap(runs) {
			runs = runs[:len(runs)+1]
		} else {
			runs = append(runs, run{})
		}
		if !h.parseTraf(traf, &runs[len(runs)-1]) {
			return nil, 0, fault.New(fault.Damaged, "a track of a fragment that is not understood")
		}
	}
	if len(runs) == 0 || h.moofSize(runs) != int64(len(p)-prftSize-mdatHeader) {
		return nil, 0, fault.New(fault.Damaged, "a fragment whose boxes do not add up")
	}
	size, err = h.agree(p, runs)
	return runs, size, err
}

// agree compares where the runs say they are with where they have to be, and returns the
// fragment's size.
func (h Header) agree(head []byte, runs []run) (size int64, err error) {
	at := int64(len(head))
	for i := range runs {
		if i > 0 && runs[i].track <= runs[i-1].track {
			return 0, fault.New(fault.Damaged, "tracks of a fragment out of order")
		}
		if runs[i].at != at {
			return 0, fault.New(fault.Damaged, "a fragment whose units are not where it says")
		}
		at += runs[i].bytes()
	}
	kind, mdat, _ := boxAt(head[len(head)-mdatHeader:])
	if kind != "mdat" || mdat != mdatHeader+at-int64(len(head)) || at+checkSize > MaxFragment {
		return 0, fault.New(fault.Damaged, "a fragment whose data has another size than its units")
	}
	return at + checkSize, nil
}

// parseTraf reads one track of a fragment.
func (h Header) parseTraf(traf []byte, r *run) bool {
	f := fields{p: traf}
	header := func(size uint32, kind string, version, flags uint32) bool {
		return f.u32() == size && string(f.bytes(4)) == kind && f.u32() == version<<24|flags
	}
	if !header(20, "tfhd", 0, tfhdFlags) {
		return false
	}
	r.track = int(f.u32()) - 1
	f.skip(4)
	if r.track < 0 || r.track >= len(h.Tracks) || !header(20, "tfdt", 1, 0) {
		return false
	}
	r.dts = int64(f.u64())
	video := h.shifted(r.track)
	flags, unitSize := uint32(trunSoundFlags), unitSound
	if video {
		flags, unitSize = trunVideoFlags, unitVideo
	}
	if !header(uint32(len(f.p)), "trun", 1, flags) {
		return false
	}
	count := int64(f.u32())
	r.at = int64(f.u32()) + prftSize
	if count < 1 || count*int64(unitSize) != int64(len(f.p)) || r.dts < 0 || r.dts > maxTicks {
		return false
	}
	return r.parseUnits(&f, int(count), video)
}

// parseUnits reads the units of a trun.
func (r *run) parseUnits(f *fields, count int, video bool) bool {
	r.units = r.units[:0]
	var total, span uint64
	for range count {
		u := unit{duration: f.u32(), size: f.u32(), key: true}
		if video {
			u.key = f.u32()&0x10000 == 0
			u.offset = int32(f.u32())
		}
		total, span = total+uint64(u.size), span+uint64(u.duration)
		if u.size == 0 || u.offset < -maxOffset || u.offset >= maxOffset {
			return false
		}
		r.units = append(r.units, u)
	}
	return !f.bad && total <= MaxFragment && span <= math.MaxInt64/2
}

// sound checks the data of a track's run: NAL units whose lengths add up, start codes and
// markers where the codec has them.
func (h Header) sound(r *run, fragment []byte) error {
	codec := h.Tracks[r.track].Codec
	if !codec.NALs() {
		return nil
	}
	at := r.at
	for _, u := range r.units {
		if err := media.ValidNALs(fragment[at : at+int64(u.size)]); err != nil {
			return err
		}
		at += int64(u.size)
	}
	return nil
}
