package archive

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"iter"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/substructs"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
)

// tsStart is the time stamp of the first unit: a decoder's clock has to run before.
const tsStart = 90000

// tsLane is one track on its way into MPEG-TS.
type tsLane struct {
	*lane
	ts    *mpegts.Track
	rate  int
	next  func() (int, segment.Place, bool)
	stop  func()
	entry int
	unit  segment.Place
	more  bool
}

func (t *tsLane) advance() { t.entry, t.unit, t.more = t.next() }

// dts is when the unit at hand is decoded, in 1/90000 s from the clip's beginning.
func (t *tsLane) dts() int64 { return rescale(t.unit.DTS, t.rate) }

func rescale(ticks int64, rate int) int64 {
	return media.FromDuration(media.ToDuration(ticks, rate), 90000)
}

// WriteTS writes the same media as MPEG-TS, which has no way to hide pictures: it begins at the
// key frame. It fails with fault.Unsupported when there is no way to carry the picture;
// sound that cannot be carried is left out, which notes says. progress is told how much of
// Size it has got through, and may be nil.
func (c *Clip) WriteTS(ctx context.Context, w io.Writer, progress func(done int64)) (notes []string, err error) {
	lanes, notes, err := c.tsLanes()
	for _, l := range lanes {
		defer l.stop()
	}
	if err != nil {
		return notes, err
	}
	buffered := bufio.NewWriterSize(w, 1<<20)
	mux := &mpegts.Writer{W: buffered}
	for _, l := range lanes {
		mux.Tracks = append(mux.Tracks, l.ts)
		l.advance()
	}
	if err := mux.Initialize(); err != nil {
		return notes, fault.Wrap(fault.Bug, "begin MPEG-TS", err)
	}
	if _, err := mux.WriteTables(); err != nil {
		return notes, err
	}
	begin := lanes[0].dts()
	for _, l := range lanes {
		begin = min(begin, l.dts())
	}
	var buf []byte
	done := int64(len(c.header))
	for l := earliest(lanes); l != nil; l = earliest(lanes) {
		buf = append(buf[:0], make([]byte, l.unit.Size)...)
		if _, err := c.payload.ReadAt(buf, l.unit.At); err != nil {
			return notes, err
		}
		if err := l.write(mux, buf, tsStart-begin); err != nil {
			return notes, err
		}
		if done += int64(l.unit.Size); progress != nil && l.unit.Key {
			progress(done)
		}
		if err := ctx.Err(); err != nil {
			return notes, fault.Because("write", err)
		}
		l.advance()
	}
	return notes, buffered.Flush()
}

// earliest is the track whose next unit is decoded first.
func earliest(lanes []*tsLane) *tsLane {
	var first *tsLane
	for _, l := range lanes {
		if l.more && (first == nil || l.dts() < first.dts()) {
			first = l
		}
	}
	return first
}

func (c *Clip) tsLanes() (lanes []*tsLane, notes []string, err error) {
	for i, k := range c.lanes {
		if !k.used {
			continue
		}
		codec := tsCodec(k.out)
		if codec == nil {
			if k.out.Codec.Video() {
				return lanes, notes, fault.New(fault.Unsupported, "MPEG-TS has no way to carry %s: MP4 has", k.out.Codec.Title())
			}
			notes = append(notes, k.out.Codec.Title()+" is left out: MPEG-TS has no way to carry it")
			continue
		}
		l := &tsLane{lane: k, ts: &mpegts.Track{Codec: codec}, rate: k.out.ClockRate}
		l.next, l.stop = iter.Pull2(c.movie.Units(i))
		lanes = append(lanes, l)
	}
	if len(lanes) == 0 {
		return nil, notes, fault.New(fault.Unsupported, "MPEG-TS has no way to carry any of it: MP4 has")
	}
	return lanes, notes, nil
}

func tsCodec(t media.Track) codecs.Codec {
	switch t.Codec {
	case media.H264:
		return &codecs.H264{}
	case media.H265:
		return &codecs.H265{}
	case media.MPEG4:
		return &codecs.MPEG4Video{}
	case media.Opus:
		return &codecs.Opus{Desc: &substructs.OpusAudioDescriptor{ChannelConfigCode: uint8(t.Channels)}} // 1 and 2 stand for themselves
	case media.AAC:
		codec := &codecs.MPEG4Audio{}
		if codec.Unmarshal(t.Config) != nil || codec.Type != mpeg4audio.ObjectTypeAACLC {
			return nil
		}
		return codec
	}
	return nil
}

// write writes the unit at hand.
func (l *tsLane) write(mux *mpegts.Writer, data []byte, shift int64) (err error) {
	const wrap = 1<<33 - 1
	pts := (rescale(l.unit.DTS+int64(l.unit.Offset), l.rate) + shift) & wrap
	dts := (l.dts() + shift) & wrap
	config := l.entries[l.entry].Config
	switch l.out.Codec {
	case media.H264, media.H265:
		var nals [][]byte
		if l.unit.Key && media.ConfigOf(l.out.Codec, data, nil) == nil {
			nals = appendNALs(nals, config)
		}
		if nals = appendNALs(nals, data); len(nals) == 0 {
			return nil
		}
		if l.out.Codec == media.H264 {
			err = mux.WriteH264(l.ts, pts, dts, nals)
		} else {
			err = mux.WriteH265(l.ts, pts, dts, nals)
		}
	case media.MPEG4:
		if l.unit.Key && !bytes.Contains(data, []byte{0, 0, 1, 0xB0}) {
			data = append(append([]byte(nil), config...), data...)
		}
		err = mux.WriteMPEG4Video(l.ts, pts, data)
	case media.Opus:
		err = mux.WriteOpus(l.ts, pts, [][]byte{data})
	case media.AAC:
		err = mux.WriteMPEG4Audio(l.ts, pts, [][]byte{data})
	}
	return err
}

// appendNALs appends the NAL units of a sample that hold anything.
func appendNALs(list [][]byte, unit []byte) [][]byte {
	for nal := range media.NALs(unit) {
		if len(nal) > 0 {
			list = append(list, nal)
		}
	}
	return list
}
