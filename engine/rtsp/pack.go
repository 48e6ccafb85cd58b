package rtsp

import (
	"encoding/binary"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// burst is one unit as RTP packets, each framed for an interleaved connection ('$',
// channel, length; RFC 2326 10.12), so that a reader on TCP costs one write. It is
// immutable and shared by all readers; one with channels of its own patches a copy.
type burst struct {
	Track  int
	Data   []byte  // channel bytes are 2*Track
	Starts []int32 // where each packet's '$' stands in Data; the packet itself begins 4 bytes on
	Key    bool
	Alone  bool // nothing refers to it, see media.IsDisposable
	Sound  bool
	Wall   time.Time
	RTP    uint32 // timestamp on the wire
	Octets int    // of payload, for sender reports
}

// packet returns the i-th packet without its frame. It shares Data.
func (b *burst) packet(i int) []byte {
	end := int32(len(b.Data))
	if i+1 < len(b.Starts) {
		end = b.Starts[i+1]
	}
	return b.Data[b.Starts[i]+frameHead : end : end]
}

const (
	frameHead = 4  // bytes of '$', channel, length
	rtpHead   = 12 // bytes of an RTP header without extension

	// defaultMTU leaves room for what may come on top of an RTP packet in an Ethernet
	// frame: IPv4 and UDP headers (28 bytes) or, in its place, the replay extension (16)
	// and SRTP's tag (10).
	defaultMTU = 1440
)

// packOptions says how packets look. The zero value of each field is fine.
type packOptions struct {
	PayloadType uint8
	SSRC        uint32
	Seq         uint16 // number of the first packet
	Base        uint32 // added to every RTP time
	MTU         int    // bytes of an RTP packet; 0: 1440
}

// packer cuts the units of one track into packets. It adds nothing to a unit and leaves
// nothing of it out: what our receiver puts together again is the same bytes. A unit has
// one RTP time, and the marker on its last packet. Only sound that is samples and nothing
// else is cut, where it does not fit a packet, into packets with times of their own (RFC
// 3551 4.1), because there the byte stream is what counts.
//
// A packer belongs to one goroutine.
type packer struct {
	track   media.Track
	o       packOptions
	cut     func(p *packer, data []byte) error
	pieces  []piece // of the unit at hand
	scratch []byte  // what heads of pieces are written into
	wide    []byte  // JPEG: headers that do not fit the payload header, for the extension
}

// piece is the payload of one packet to be.
type piece struct {
	head, body []byte
	later      uint32 // RTP time after the unit's
}

// newPacker prepares for the units of t. A coding that has no payload format here is
// fault.Unsupported.
func newPacker(t media.Track, o packOptions) (*packer, error) {
	if o.MTU <= 0 {
		o.MTU = defaultMTU
	}
	o.MTU = min(max(o.MTU, 128), 1<<16-1)
	p := &packer{track: t, o: o}
	switch t.Codec {
	case media.H264:
		p.cut = (*packer).cutH264
	case media.H265:
		p.cut = (*packer).cutH265
	case media.MPEG4:
		p.cut = (*packer).cutStream
	case media.MJPEG:
		p.cut = (*packer).cutJPEG
	case media.AAC:
		p.cut = (*packer).cutAAC
	case media.Opus:
		p.cut = (*packer).cutWhole
	case media.PCMA, media.PCMU, media.L16, media.G722, media.G726:
		p.cut = (*packer).cutSamples
	default:
		return nil, fault.New(fault.Unsupported, "%s cannot be sent over RTP", t.Codec.Title())
	}
	return p, nil
}

// room is how many bytes of payload a packet takes.
func (p *packer) room() int { return p.o.MTU - rtpHead }

// pack makes the packets of a unit. rtp is its time in ticks of the track's clock, modulo
// 2^32; the options' Base is added. ext is nil, or the body of the replay header extension
// (profile 0xABAC, a multiple of 4 bytes), which the first packet of a unit carries.
//
// The burst shares no memory with au or the packer. A unit that the payload format cannot
// carry is fault.Unsupported, one that makes no sense fault.Damaged; the next may be fine.
func (p *packer) pack(au media.AccessUnit, rtp uint32, ext []byte) (burst, error) {
	p.pieces, p.scratch, p.wide = p.pieces[:0], p.scratch[:0], nil
	if err := p.cut(p, au.Data); err != nil {
		return burst{}, err
	}
	if len(p.pieces) == 0 {
		return burst{}, fault.New(fault.Damaged, "a unit of %s with nothing in it", p.track.Codec.Title())
	}
	profile, ext := p.extension(ext)
	size := len(ext)
	if profile != 0 {
		size += 4
	}
	b := burst{
		Track: int(p.track.ID), Key: au.Key, Wall: au.Wall, RTP: p.o.Base + rtp,
		Starts: make([]int32, 0, len(p.pieces)),
		Alone:  media.IsDisposable(p.track.Codec, au.Data), Sound: !p.track.Codec.Video(),
	}
	for i := range p.pieces {
		n := len(p.pieces[i].head) + len(p.pieces[i].body)
		b.Octets += n
		size += frameHead + rtpHead + n
	}
	b.Data = make([]byte, 0, size)
	for i := range p.pieces {
		b.Starts = append(b.Starts, int32(len(b.Data)))
		b.Data = p.append(b.Data, &p.pieces[i], b.RTP, profile, ext, i == len(p.pieces)-1)
		profile = 0
	}
	if len(b.Data) > size { // never: it would have been copied for nothing
		return burst{}, fault.New(fault.Bug, "a unit of %d bytes was taken to need %d", len(au.Data), size)
	}
	return b, nil
}

// append writes one framed packet.
func (p *packer) append(b []byte, c *piece, rtp uint32, profile uint16, ext []byte, last bool) []byte {
	size := rtpHead + len(c.head) + len(c.body)
	first, second := byte(0x80), p.o.PayloadType
	if profile != 0 {
		first |= 0x10
		size += 4 + len(ext)
	}
	if last && p.track.Codec.Video() || p.track.Codec == media.AAC && last {
		second |= 0x80
	}
	b = append(b, '$', byte(2*p.track.ID), byte(size>>8), byte(size), first, second)
	b = binary.BigEndian.AppendUint16(b, p.o.Seq)
	p.o.Seq++
	b = binary.BigEndian.AppendUint32(b, rtp+c.later)
	b = binary.BigEndian.AppendUint32(b, p.o.SSRC)
	if profile != 0 {
		b = binary.BigEndian.AppendUint16(b, profile)
		b = binary.BigEndian.AppendUint16(b, uint16(len(ext)/4))
		b = append(b, ext...)
	}
	return append(append(b, c.head...), c.body...)
}

// onvifReplay is the profile of the replay header extension (ONVIF streaming
// specification 6.3).
const onvifReplay = 0xabac

// extension is what the first packet carries beside its payload: the replay extension,
// the original JPEG headers, or the first with the second inside, behind its body.
func (p *packer) extension(ext []byte) (profile uint16, body []byte) {
	switch {
	case ext == nil && p.wide == nil:
		return 0, nil
	case ext == nil:
		return onvifJPEG, p.wide
	case p.wide == nil:
		return onvifReplay, ext
	}
	body = append([]byte(nil), ext...)
	body = binary.BigEndian.AppendUint16(body, onvifJPEG)
	body = binary.BigEndian.AppendUint16(body, uint16(len(p.wide)/4))
	return onvifReplay, append(body, p.wide...)
}

// head writes a piece's head into memory that lasts until the next unit.
func (p *packer) head(b ...byte) []byte {
	from := len(p.scratch)
	p.scratch = append(p.scratch, b...)
	return p.scratch[from:len(p.scratch):len(p.scratch)]
}

func (p *packer) put(head, body []byte) {
	p.pieces = append(p.pieces, piece{head: head, body: body})
}
