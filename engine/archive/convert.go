package archive

import (
	"encoding/binary"
	"io"
	"sync"

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

	// G.726 goes on where the conversion before ended; the first one decodes what is before
	// it in the file, and throws that away, for the decoder to find its pace.
	before *conversion
	warm   []patch
	mu     sync.Mutex
	after  *g726 // the decoder behind the last unit, once it was there
}

// warmUp is how many samples that are.
const warmUp = 8000

// newConversion makes one of a clump; before is the one before in the same track, or nil.
func newConversion(k clump, number uint64, before *conversion) *conversion {
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
	if c.before = before; before != nil {
		return c
	}
	need := warmUp
	for i := len(k.prior) - 1; i >= 0 && need > 0; i-- {
		r := k.prior[i]
		end := min(r.end, first.At)
		if r.track == k.track && r.at < end {
			c.warm = append(c.warm, patch{at: r.at, size: end - r.at})
			need -= c.samples(uint32(end - r.at))
		}
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
	if c.track.Codec == media.G726 {
		state, err := c.start()
		if err != nil {
			return nil, err
		}
		decode = state.decode
		defer c.keep(state)
	}
	data, err := c.read()
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

// start returns a decoder of G.726 that stands before the first unit.
func (c *conversion) start() (*g726, error) {
	var chain []*conversion // that have to be decoded before, the last one first
	var state *g726
	first := c
	for ; first.before != nil && state == nil; first = first.before {
		if state = first.before.kept(); state == nil {
			chain = append(chain, first.before)
		}
	}
	if state == nil {
		state = newG726(c.track.Bits)
		for i := len(first.warm) - 1; i >= 0; i-- {
			data, err := read(first.file, first.warm[i].at, first.warm[i].size)
			if err != nil {
				return nil, err
			}
			state.decode(nil, data)
		}
	}
	for i := len(chain) - 1; i >= 0; i-- {
		data, err := chain[i].read()
		if err != nil {
			return nil, err
		}
		state.decode(nil, data)
		chain[i].keep(state)
	}
	return state, nil
}

// kept returns a copy of the decoder behind the last unit, nil when it is not known.
func (c *conversion) kept() *g726 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.after == nil {
		return nil
	}
	state := *c.after
	return &state
}

func (c *conversion) keep(state *g726) {
	c.mu.Lock()
	defer c.mu.Unlock()
	copied := *state
	c.after = &copied
}

// read returns the units, one behind the other.
func (c *conversion) read() ([]byte, error) {
	total := int64(0)
	for _, n := range c.units {
		total += int64(n)
	}
	return read(c.file, c.at, total)
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

// decoder returns what appends the samples of a unit; those of G.726 remember.
func (c *conversion) decoder() func(out []int16, unit []byte) []int16 {
	switch c.track.Codec {
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
