package segment

import (
	"slices"

	"rtsprec/engine/media"
)

// Grow takes in the fragments of an open file that were written since it was scanned, or
// grown, and returns how many. size is the file's now. It reads boxes only, as Quick does;
// a fragment that is not wholly there yet is left for the next call.
func (f *File) Grow(size int64) (int, error) {
	b := &body{header: f.Header, video: slices.IndexFunc(f.Header.Tracks, func(t media.Track) bool { return t.Codec.Video() })}
	win := window{r: f.r, size: size, ahead: 4 << 10}
	var runs []run
	for n := 0; ; n++ {
		at := f.Sound
		p, ok, err := win.at(at, prftSize+8)
		head, sane := headSize(p)
		if !ok || err != nil || !sane {
			return n, err
		}
		if p, ok, err = win.at(at, head); !ok || err != nil {
			return n, err
		}
		var length int64
		runs, length, err = f.Header.parseHead(p, uint32(len(f.Fragments)+1), runs)
		if err != nil {
			return n, nil // it is being written
		}
		lead := b.leading(runs)
		next := Fragment{
			Offset: at, Size: length,
			Time: f.Header.at(lead.track, lead.dts+int64(lead.units[0].offset)),
			Span: media.ToDuration(lead.span(), f.Header.Tracks[lead.track].ClockRate),
			Key:  b.video < 0 || lead.track == b.video && lead.units[0].key,
		}
		if p, ok, err = win.at(at+length-checkSize, checkSize); !ok || err != nil || !isCheck(p) {
			return n, err
		}
		f.Fragments = append(f.Fragments, next)
		f.Sound, f.Size = at+length, max(f.Size, size)
	}
}
