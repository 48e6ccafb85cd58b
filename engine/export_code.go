package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// recoding is a clip whose tracks are coded anew, each into a file of its own beside the
// one that is exported, and then put together with those that are not. Pictures outside of
// the range are decoded and not encoded: such a file needs no edit list to hide them.
type recoding struct {
	*export
	item  *exportItem
	coded []*archive.Coded
	files []vfs.File
	notes []string
	read  int64 // bytes of the clip so far
}

// recode does what the options ask for, or the container needs. It returns what removes
// the files that the clip then lies in.
func (x *export) recode(ctx context.Context, i *exportItem) (notes []string, release func(), err error) {
	r := &recoding{export: x, item: i}
	defer func() {
		if err != nil {
			r.release()
		}
	}()
	var whole, exact []int
	for n, t := range i.clip.Tracks {
		switch to, why := x.coding(i).target(t); {
		case to != "" && x.Coder == nil:
			r.note("%s is copied: %s, and %v", t.Codec.Title(), why, errNoCodecs)
		case to != "":
			whole = append(whole, n)
			r.note("%s", told(t, to, why))
		case t.Codec.Video() && x.Exact:
			exact = append(exact, n)
		}
	}
	if len(whole)+len(exact) == 0 {
		return r.notes, r.release, nil
	}
	before := i.clip.Size()
	r.measure(whole)
	for _, n := range exact {
		if err = r.cutExactly(ctx, n); err != nil {
			return nil, nil, err
		}
	}
	if len(whole) > 0 {
		if err = r.code(ctx, whole); err != nil {
			return nil, nil, err
		}
	}
	if len(r.coded) > 0 {
		err = i.clip.Replace(r.coded...)
	}
	x.done += r.read
	x.total += i.clip.Size() - before
	return r.notes, r.release, err
}

// coding is how a file's tracks are coded.
func (x *export) coding(i *exportItem) TranscodeOptions {
	o := x.Transcode
	o.wait, o.quiet, o.name = true, true, i.camera
	o.Accept, o.because = playsInMP4, "few players play it in MP4"
	if i.container == TS {
		o.Accept, o.because = carriedByTS, "MPEG-TS has no way to carry it"
	}
	o.between = &[2]time.Duration{0, i.clip.Length}
	return o
}

// playsInMP4 reports whether players take a track in MP4: all of them are stored there, but
// sound that comes from telephony few play.
func playsInMP4(t media.Track) bool {
	return t.Codec.Video() || t.Codec == media.AAC || t.Codec == media.Opus
}

func carriedByTS(t media.Track) bool {
	if t.Codec == media.AAC && t.Config == nil { // what one could be coded to
		return true
	}
	return archive.TSCarries(t)
}

func (r *recoding) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// measure adds what has to be read to the bytes that the progress counts.
func (r *recoding) measure(tracks []int) {
	for _, n := range tracks {
		for _, u := range r.item.clip.Places(n) {
			r.total += int64(u.Size)
		}
	}
}

func (r *recoding) progress(n int) {
	r.read += int64(n)
	if r.Progress != nil {
		r.Progress(r.done+r.read, r.total)
	}
}

// code codes whole tracks.
func (r *recoding) code(ctx context.Context, tracks []int) error {
	run := media.Run{Start: r.item.clip.Start}
	sink := &codedSink{recoding: r}
	for i, n := range tracks {
		t := r.item.clip.Tracks[n]
		t.ID = media.TrackID(i)
		run.Tracks = append(run.Tracks, t)
		track, err := r.newTrack(n)
		if err != nil {
			return err
		}
		sink.tracks = append(sink.tracks, track)
	}
	coder, err := newTranscoder(r.Deps, sink, r.coding(r.item))
	if err != nil {
		return err
	}
	err = coder.Begin(ctx, run)
	index := map[media.TrackID]media.TrackID{}
	for i, n := range tracks {
		index[media.TrackID(n)] = media.TrackID(i)
	}
	for au, e := range r.item.clip.Units(ctx, tracks...) {
		if err = errors.Join(err, e); err != nil {
			break
		}
		r.progress(len(au.Data))
		au.Track = index[au.Track]
		err = coder.Write(ctx, au)
	}
	if err == nil {
		err = coder.End(ctx, media.Gap{})
	}
	return errors.Join(err, coder.Close(ctx))
}

// newTrack makes a track of the file anew.
func (r *recoding) newTrack(n int) (*codedTrack, error) {
	f, err := r.scratch()
	if err != nil {
		return nil, err
	}
	k := &archive.Coded{Track: n, File: f}
	r.coded = append(r.coded, k)
	return &codedTrack{Coded: k}, nil
}

// scratch makes a file for what is coded, beside the one that is exported.
func (r *recoding) scratch() (vfs.File, error) {
	dir, base := filepath.Dir(r.item.name), filepath.Base(r.item.name)
	if r.item.name == "-" {
		dir, base = r.Scratch, "rtsprec"
	}
	for n := 1; ; n++ {
		name := filepath.Join(dir, fmt.Sprintf(".%s.%d.coded", base, n))
		f, err := r.FS.Create(name, 0o600)
		if err == nil {
			r.files = append(r.files, f)
			return f, nil
		}
		if !errors.Is(err, fs.ErrExist) || n == 1000 {
			return nil, vfs.Fault("create a file for what is encoded in "+dir, err)
		}
	}
}

func (r *recoding) release() {
	for _, f := range r.files {
		f.Close()
		r.FS.Remove(f.Name())
	}
	r.files = nil
}

// codedSink is a Sink that writes each track into its file.
type codedSink struct {
	*recoding
	tracks []*codedTrack
}

// codedTrack is one track on its way into its file.
type codedTrack struct {
	*archive.Coded
	track media.Track
	at    int64       // how much of the file is written
	late  media.Ticks // units are decoded so much before they are shown at least

	before int64 // DTS of the unit before
}

// Begin implements media.Sink.
func (s *codedSink) Begin(_ context.Context, run media.Run) error {
	for i, t := range run.Tracks {
		s.tracks[i].track = t
	}
	return nil
}

// Write implements media.Sink.
func (s *codedSink) Write(_ context.Context, au media.AccessUnit) error {
	return s.tracks[au.Track].write(au)
}

// End implements media.Sink.
func (s *codedSink) End(context.Context, media.Gap) error { return nil }

// Close implements media.Sink.
func (s *codedSink) Close(context.Context) error { return nil }

// write appends a unit.
func (k *codedTrack) write(au media.AccessUnit) error {
	if au.Config != nil {
		k.track.Config = au.Config
	}
	if k.track.Codec.NeedsConfig() && len(k.track.Config) == 0 {
		return fault.New(fault.Bug, "a unit of %s without a configuration", k.track.Codec.Title())
	}
	dts := min(au.DTS, au.PTS-k.late)
	u := segment.Place{DTS: dts, Offset: int32(au.PTS - dts), Duration: k.lasts(dts), Key: au.Key}
	return k.keep(k.track, u, au.Data)
}

// keep appends a unit with this data.
func (k *codedTrack) keep(t media.Track, u segment.Place, data []byte) error {
	if _, err := k.File.WriteAt(data, k.at); err != nil {
		return vfs.Fault("write what was encoded", err)
	}
	u.At, u.Size = k.at, uint32(len(data))
	k.at += int64(len(data))
	k.Add(t, u)
	return nil
}

// lasts is how long a unit lasts if none follows: as long as the one before it.
func (k *codedTrack) lasts(dts int64) uint32 {
	interval := int64(k.track.ClockRate / 25)
	if k.track.Codec == media.AAC {
		interval = 1024
	}
	if since := dts - k.before; k.before != 0 && since > 0 && since < int64(k.track.ClockRate) {
		interval = since
	}
	k.before = dts
	return uint32(interval)
}
