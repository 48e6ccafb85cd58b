package archive

import (
	"encoding/binary"
	"io"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/g711"

	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// conversion is units of one run that become FLAC frames when somebody reads them. How long
// these are is known before.
type conversion struct {
	file   vfs.File
	track  media.Track
	at     int64    // of the first unit in file
	sizes  []uint32 // of the frames
	units  []uint32 // sizes of the units
	size   int64    // sum of sizes
	number uint64   // of the first sample
	warm   []patch  // G.726: what is decoded before, for the decoder to find its pace
}

// warmUp is how much G.726 is decoded and thrown away before a run: after that the decoder
// is where it would be had it begun at the beginning.
const warmUp = 8000 // samples

// newConversion makes one of a clump. before is what was heard before the file of the clump.
func newConversion(k clump, number uint64, before []patch) *conversion {
	first := k.all[k.index]
	c := &conversion{file: k.s.file, track: k.s.Header.Tracks[k.track], at: first.At, number: number}
	for _, u := range k.all[k.index : k.index+len(k.units)] {
		size := flacSize(number, c.track.Channels, c.samples(u.Size))
		c.units = append(c.units, u.Size)
		c.sizes = append(c.sizes, uint32(size))
		c.size += int64(size)
		number += uint64(c.samples(u.Size))
	}
	if c.track.Codec != media.G726 {
		return c
	}
	need := warmUp
	for i := len(k.prior) - 1; i >= 0 && need > 0; i-- {
		r := k.prior[i]
		end := min(r.end, first.At)
		if r.track != k.track || r.at >= end {
			continue
		}
		c.warm = append(c.warm, patch{file: k.s.file, at: r.at, size: end - r.at})
		need -= c.samples(uint32(end - r.at))
	}
	for i := len(before) - 1; i >= 0 && need > 0; i-- {
		c.warm = append(c.warm, before[i])
		need -= c.samples(uint32(before[i].size))
	}
	return c
}

// samples is how many samples a channel a unit of that many bytes has.
func (c *conversion) samples(bytes uint32) int {
	switch c.track.Codec {
	case media.L16:
		return int(bytes) / 2 / c.track.Channels
	case media.G726:
		return int(bytes) * 8 / c.track.Bits
	}
	return int(bytes) / c.track.Channels
}

// bytes reads the units and returns the frames.
func (c *conversion) bytes() ([]byte, error) {
	decode := c.decoder()
	for i := len(c.warm) - 1; i >= 0; i-- {
		data, err := read(c.warm[i].file, c.warm[i].at, c.warm[i].size)
		if err != nil {
			return nil, err
		}
		decode(nil, data)
	}
	total := int64(0)
	for _, n := range c.units {
		total += int64(n)
	}
	data, err := read(c.file, c.at, total)
	if err != nil {
		return nil, err
	}
	out, number := make([]byte, 0, c.size), c.number
	var samples []int16
	for _, n := range c.units {
		samples = decode(samples[:0], data[:n])
		out = flacFrame(out, number, c.track.Channels, samples)
		number += uint64(c.samples(n))
		data = data[n:]
	}
	return out, nil
}

func read(f vfs.File, at, n int64) ([]byte, error) {
	data := make([]byte, n)
	if k, err := f.ReadAt(data, at); int64(k) < n {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, vfs.Fault("read sound", err)
	}
	return data, nil
}

// decoder returns what appends the samples of a unit.
func (c *conversion) decoder() func(out []int16, unit []byte) []int16 {
	switch c.track.Codec {
	case media.G726:
		return newG726(c.track.Bits).decode
	case media.PCMA:
		return func(out []int16, unit []byte) []int16 {
			var linear g711.Alaw
			linear.Unmarshal(unit)
			return appendLinear(out, linear)
		}
	case media.PCMU:
		return func(out []int16, unit []byte) []int16 {
			var linear g711.Mulaw
			linear.Unmarshal(unit)
			return appendLinear(out, linear)
		}
	}
	return appendLinear
}

// appendLinear appends samples of 16 bits, big-endian.
func appendLinear(out []int16, b []byte) []int16 {
	for ; len(b) >= 2; b = b[2:] {
		out = append(out, int16(binary.BigEndian.Uint16(b)))
	}
	return out
}
