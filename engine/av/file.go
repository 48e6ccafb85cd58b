//go:build cgo

package av

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// maxUnit bounds a unit of a file: more than a picture of 8192x8192 takes.
const maxUnit = 64 << 20

// File implements media.Coder. Sound in a codec that package media lacks (MP3, FLAC, AC-3,
// ...) is decoded and delivered as L16; video in such a codec is refused. Subtitles, data
// and cover pictures are passed over.
func (c *coder) File(ctx context.Context, path string, start time.Time) (media.Source, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.Because("open "+path, err)
	}
	// Opening anything else could block for ever.
	if info, err := os.Stat(path); err != nil {
		return nil, fault.Wrap(fault.NotFound, "open a media file", err)
	} else if !info.Mode().IsRegular() {
		return nil, fault.New(fault.Usage, "open %s: not a file", path)
	}
	f := &file{coder: c, path: path}
	if err := f.open(start); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// file is the media.Source of a media file.
type file struct {
	coder *coder
	path  string
	run   media.Run

	mu      sync.Mutex // of everything below: Close comes from anywhere
	demuxer *C.AVFormatContext
	packet  *C.AVPacket
	lines   map[int]*line // by the stream's index in the file
	order   []*line       // by track
	zero    int64         // when the file begins, in its own microseconds
	ready   []media.AccessUnit
	ended   bool
	closed  bool
}

func (f *file) open(start time.Time) error {
	path, err := filepath.Abs(f.path)
	if err != nil {
		return fault.Wrap(fault.NotFound, "open a media file", err)
	}
	name := C.CString("file:" + path)
	defer C.free(unsafe.Pointer(name))
	var demuxer *C.AVFormatContext
	ret := C.rp_open_file(&demuxer, name)
	f.coder.drainLog()
	if ret < 0 {
		return failed(fault.Unsupported, "open "+f.path+" as media", ret)
	}
	f.demuxer = demuxer
	f.coder.live.add(demuxers)
	if f.packet = C.av_packet_alloc(); f.packet == nil {
		return fault.New(fault.Busy, "no memory for a media file")
	}
	f.coder.live.add(packets)
	if f.demuxer.start_time != C.AV_NOPTS_VALUE {
		f.zero = int64(f.demuxer.start_time)
	}
	f.run = media.Run{Start: start, Origin: "file", Peer: f.path}
	return f.findTracks()
}

// findTracks makes a track of each stream that can be one.
func (f *file) findTracks() error {
	f.lines = map[int]*line{}
	var refused []string
	for i := range int(f.demuxer.nb_streams) {
		stream := C.rp_stream(f.demuxer, C.int(i))
		l, err := f.coder.newLine(stream)
		if err != nil {
			return err
		}
		if l == nil {
			stream.discard = C.AVDISCARD_ALL
			if stream.codecpar.codec_type == C.AVMEDIA_TYPE_VIDEO && stream.disposition&C.AV_DISPOSITION_ATTACHED_PIC == 0 ||
				stream.codecpar.codec_type == C.AVMEDIA_TYPE_AUDIO {
				refused = append(refused, C.GoString(C.avcodec_get_name(stream.codecpar.codec_id)))
			}
			continue
		}
		l.track.ID = media.TrackID(len(f.run.Tracks))
		f.lines[i] = l
		f.order = append(f.order, l)
		f.run.Tracks = append(f.run.Tracks, l.track)
	}
	video := slices.ContainsFunc(f.run.Tracks, func(t media.Track) bool { return t.Codec.Video() })
	switch {
	case len(refused) > 0 && !video:
		return fault.New(fault.Unsupported, "open %s: it holds %s; what can be taken is H.264, H.265, MPEG-4 and MJPEG, and nearly all sound",
			f.path, strings.Join(refused, ", "))
	case video && f.demuxer.iformat.flags&C.AVFMT_NOTIMESTAMPS != 0:
		return fault.New(fault.Unsupported, "open %s: a stream without times; put it into a container first (ffmpeg -i IN -c copy OUT.mp4)", f.path)
	case len(f.run.Tracks) == 0:
		return fault.New(fault.Unsupported, "open %s: there is neither video nor sound in it", f.path)
	}
	return nil
}

// Run implements media.Source.
func (f *file) Run() media.Run { return f.run }

// Next implements media.Source.
func (f *file) Next(ctx context.Context) (media.AccessUnit, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case ctx.Err() != nil:
			return media.AccessUnit{}, fault.Because("read "+f.path, ctx.Err())
		case f.closed:
			return media.AccessUnit{}, fault.New(fault.Canceled, "read %s: it was closed", f.path)
		case len(f.ready) > 0:
			au := f.ready[0]
			f.ready = f.ready[1:]
			return au, nil
		case f.ended:
			return media.AccessUnit{}, io.EOF
		}
		if err := f.read(); err != nil {
			return media.AccessUnit{}, err
		}
	}
}

// read takes the next packet of the file and makes what it can of it.
func (f *file) read() error {
	ret := C.av_read_frame(f.demuxer, f.packet)
	if ret == C.RP_EOF {
		f.ended = true
		for _, l := range f.order {
			f.give(l, l.end())
		}
		return nil
	}
	if ret < 0 {
		f.ended = true
		f.coder.drainLog()
		return failed(fault.Damaged, "read "+f.path, ret)
	}
	defer C.av_packet_unref(f.packet)
	l := f.lines[int(f.packet.stream_index)]
	if l == nil || f.packet.size <= 0 {
		return nil
	}
	if f.packet.size > maxUnit {
		return fault.New(fault.Damaged, "read %s: a unit of %d bytes", f.path, f.packet.size)
	}
	f.give(l, l.units(f.packet, f.zero))
	return nil
}

// give dates units and puts them in line.
func (f *file) give(l *line, units []media.AccessUnit) {
	for _, au := range units {
		au.Track = l.track.ID
		au.Wall = f.run.Start.Add(media.ToDuration(au.PTS, l.track.ClockRate))
		au.Arrival = au.Wall
		f.ready = append(f.ready, au)
	}
}

// Close implements media.Source.
func (f *file) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	for _, l := range f.order {
		l.close()
	}
	f.coder.freePacket(&f.packet)
	if demuxer := f.demuxer; demuxer != nil {
		C.avformat_close_input(&demuxer)
		f.demuxer = nil
		f.coder.live.free(demuxers)
	}
	return nil
}
