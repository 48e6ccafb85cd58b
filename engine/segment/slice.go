package segment

import "rtsprec/engine/fault"

// InitBytes returns an init segment of tracks that are Storable or FLAC: ftyp and a moov
// without samples.
func InitBytes(h Header) []byte { return initBytes(h)[BodyOffset:] }

// FragmentHead returns a fragment of these units, by track of h, up to its first unit: what
// follows are the units, track by track. Ticks are from h.Start; each unit lasts as long
// as it says.
func FragmentHead(h Header, number uint32, tracks [][]Place) []byte {
	var runs []run
	for i, units := range tracks {
		if len(units) == 0 {
			continue
		}
		r := run{track: i, dts: units[0].DTS}
		for _, u := range units {
			r.units = append(r.units, unit{size: u.Size, duration: u.Duration, offset: u.Offset, key: u.Key})
		}
		runs = append(runs, r)
	}
	if len(runs) == 0 {
		return nil
	}
	lead := &runs[0]
	for i := range runs {
		if h.Tracks[runs[i].track].Codec.Video() {
			lead = &runs[i]
			break
		}
	}
	h.place(runs)
	var b builder
	b.head(h, runs, lead, number)
	return b
}

// More reads on in an open file that has grown to size bytes: Fragments and Tracks get
// what was added. Errors are those of [Scan]. It may not be called beside other methods.
func (x *Index) More(size int64) error {
	s := x.rest
	if s == nil {
		return fault.New(fault.Bug, "read on in a segment that is sealed")
	}
	s.win.size, s.win.buf, s.win.off = size, nil, 0
	s.file.Problem = nil
	err := s.fragments()
	x.Size, x.Fragments, x.Tracks, x.Sound = size, s.body.fragments, s.body.infos(), s.body.size
	return err
}
