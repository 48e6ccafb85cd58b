package archive

import (
	"context"
	"iter"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// Units walks over the units of some of Tracks, in order of decoding. Track is the index
// in Tracks; PTS and DTS count from time 0 of the clip, before which they are negative; Wall
// is the capture time of time 0 and PTS after it, so that it is the true one unless gaps are
// closed. Config is set where it changes. An error is the last that is yielded.
func (c *Clip) Units(ctx context.Context, tracks ...int) iter.Seq2[media.AccessUnit, error] {
	return func(yield func(media.AccessUnit, error) bool) {
		lines := make([]*clipLine, len(tracks))
		for i, track := range tracks {
			lines[i] = c.line(track)
			defer lines[i].stop()
		}
		for {
			l := earliestLine(lines)
			if l == nil {
				return
			}
			au, err := c.unit(l)
			if err == nil {
				err = fault.Because("read a recording", ctx.Err())
			}
			if !yield(au, err) || err != nil {
				return
			}
			l.advance()
		}
	}
}

// Places walks over the units of one of Tracks without reading them, with the number of
// their configuration. At is what [Coded.Copy] takes.
func (c *Clip) Places(track int) iter.Seq2[int, segment.Place] {
	return c.movie.Units(c.laneOf(track))
}

// Config is a configuration of one of Tracks, by the number that Places gives.
func (c *Clip) Config(track, n int) []byte { return c.lanes[c.laneOf(track)].entries[n].Config }

// Read returns the data of a unit that Places gave.
func (c *Clip) Read(track int, u segment.Place) ([]byte, error) {
	data := make([]byte, u.Size)
	if _, err := c.payload.ReadAt(data, u.At); err != nil {
		return nil, err
	}
	segment.Restore(c.lanes[c.laneOf(track)].source, data)
	return data, nil
}

// clipLine is one track on its way.
type clipLine struct {
	track int
	rate  int
	next  func() (int, segment.Place, bool)
	stop  func()
	entry int
	place segment.Place
	more  bool
	given int // the entry of the unit before; -1: none
}

func (c *Clip) line(track int) *clipLine {
	i := c.laneOf(track)
	l := &clipLine{track: track, rate: c.lanes[i].out.ClockRate, given: -1}
	l.next, l.stop = iter.Pull2(c.movie.Units(i))
	l.advance()
	return l
}

func (l *clipLine) advance() { l.entry, l.place, l.more = l.next() }

func (l *clipLine) at() time.Duration { return media.ToDuration(l.place.DTS, l.rate) }

func earliestLine(lines []*clipLine) *clipLine {
	var first *clipLine
	for _, l := range lines {
		if l.more && (first == nil || l.at() < first.at()) {
			first = l
		}
	}
	return first
}

// unit reads the unit at hand.
func (c *Clip) unit(l *clipLine) (media.AccessUnit, error) {
	data, err := c.Read(l.track, l.place)
	pts := l.place.DTS + int64(l.place.Offset)
	au := media.AccessUnit{
		Track: media.TrackID(l.track), PTS: pts, DTS: l.place.DTS, Key: l.place.Key, Data: data,
		Wall: c.Start.Add(media.ToDuration(pts, l.rate)),
	}
	if config := c.Config(l.track, l.entry); l.entry != l.given && len(config) > 0 {
		au.Config = config
	}
	l.given = l.entry
	return au, err
}

// laneOf is the lane of one of Tracks.
func (c *Clip) laneOf(track int) int {
	for i, k := range c.lanes {
		if k.used {
			if track == 0 {
				return i
			}
			track--
		}
	}
	return -1
}

// Coded is a track of a clip as it shall be instead: units in a file of their own, and
// units of the clip itself between them.
type Coded struct {
	Track  int      // of Clip.Tracks
	File   vfs.File // what Media's places mean; it belongs to whoever made it, and is read until the clip is closed
	Media  segment.Assembly
	tracks []media.Track // sample descriptions
	last   int64
	begun  bool
}

// copied is added to the place of a unit that lies in the clip.
const copied = -1 << 62

// Add appends a unit that lies in File at that place: Place.At. Its DTS is made to rise.
func (k *Coded) Add(t media.Track, u segment.Place) { k.add(t, u, u.At) }

// Copy appends a unit of the clip, as Places gave it.
func (k *Coded) Copy(t media.Track, u segment.Place) { k.add(t, u, copied+u.At) }

func (k *Coded) add(t media.Track, u segment.Place, at int64) {
	n := slices.IndexFunc(k.tracks, func(have media.Track) bool { return slices.Equal(have.Config, t.Config) })
	if n < 0 {
		n = len(k.tracks)
		if k.tracks = append(k.tracks, t); n == 0 {
			k.Media.Track(t)
		} else {
			k.Media.Describe(0, t)
		}
	}
	if k.begun && u.DTS <= k.last {
		u.Offset = int32(int64(u.Offset) - (k.last + 1 - u.DTS))
		u.DTS = k.last + 1
	}
	k.begun, k.last = true, u.DTS
	k.Media.Add(0, n, at, []segment.Place{u})
}

// Units is how many there are.
func (k *Coded) Units() bool { return k.begun }

// clumpOf is how much of a track lies in one piece of a clip that is put together anew.
const clumpOf = 500 * time.Millisecond

// Replace makes a clip of these tracks and the others as they are. One without a unit is
// left out. The clip is written and read as before; Notes are for whoever called it.
func (c *Clip) Replace(coded ...*Coded) error {
	m := &remake{clip: c, payload: &payload{pages: true}}
	m.movie.Camera, m.movie.Start, m.movie.Length = c.Camera, c.Start, c.movie.Length
	var lines []*clipLine
	for track := range c.Tracks {
		old := c.lanes[c.laneOf(track)]
		l := &clipLine{track: len(m.lanes), given: -1}
		i := slices.IndexFunc(coded, func(k *Coded) bool { return k.Track == track })
		switch {
		case i >= 0 && !coded[i].begun:
			continue
		case i >= 0:
			k := coded[i]
			m.lanes = append(m.lanes, &lane{source: k.tracks[0], out: k.tracks[0], entries: k.tracks, used: true})
			m.files = append(m.files, k.File)
			l.next, l.stop = iter.Pull2(k.Media.Units(0))
		default:
			m.lanes = append(m.lanes, &lane{source: old.source, out: old.out, entries: old.entries, used: true, width: old.width, height: old.height})
			m.files = append(m.files, nil)
			l.next, l.stop = iter.Pull2(c.movie.Units(c.laneOf(track)))
		}
		defer l.stop()
		m.describe(l.track)
		l.rate = m.lanes[l.track].out.ClockRate
		l.advance()
		lines = append(lines, l)
	}
	for l := earliestLine(lines); l != nil; l = earliestLine(lines) {
		if err := m.clump(l); err != nil {
			return err
		}
	}
	return m.finish()
}

// remake is a clip being put together anew.
type remake struct {
	clip    *Clip
	movie   segment.Assembly
	payload *payload
	lanes   []*lane
	files   []vfs.File // by lane, of what was coded; nil: it is as it was
}

func (m *remake) describe(i int) {
	k := m.lanes[i]
	m.movie.Track(k.out)
	for n := 1; n < len(k.entries); n++ {
		t := k.out
		t.Config = k.entries[n].Config
		m.movie.Describe(i, t)
	}
	if k.width > 0 {
		m.movie.Picture(i, k.width, k.height)
	}
}

// clump appends units of a line that lie behind each other.
func (m *remake) clump(l *clipLine) error {
	file, at, err := m.place(l)
	if err != nil {
		return err
	}
	entry, begin, end := l.entry, l.at(), at
	var units []segment.Place
	for l.more && l.entry == entry && l.at()-begin < clumpOf {
		f, here, err := m.place(l)
		if err != nil {
			return err
		}
		if f != file || here != end {
			break
		}
		end += int64(l.place.Size)
		units = append(units, l.place)
		l.advance()
	}
	m.movie.Add(l.track, entry, m.payload.add(file, at, end-at, false), units)
	return nil
}

// place is where the unit at hand lies.
func (m *remake) place(l *clipLine) (vfs.File, int64, error) {
	at := l.place.At
	if m.files[l.track] != nil {
		if at >= 0 {
			return m.files[l.track], at, nil
		}
		at -= copied
	}
	return m.clip.payload.locate(at)
}

func (m *remake) finish() (err error) {
	c := m.clip
	tracks, length := []media.Track{}, time.Duration(0)
	for i, k := range m.lanes {
		end, _ := m.movie.End(i)
		tracks = append(tracks, k.out)
		length = max(length, media.ToDuration(end, k.out.ClockRate))
	}
	if len(tracks) == 0 || length <= 0 {
		return fault.New(fault.Unsupported, "nothing of %s could be encoded", c.Camera)
	}
	if m.movie.Length > 0 {
		length = min(length, m.movie.Length)
	}
	if c.marked {
		c.mark(&m.movie)
	}
	if c.header, err = m.movie.Header(m.payload.size); err != nil {
		return err
	}
	c.Tracks, c.Length, c.End = tracks, length, c.End.Add(length-c.Length)
	c.movie, c.payload, c.lanes = &m.movie, m.payload, m.lanes
	return nil
}

// locate finds the file that a unit lies in.
func (p *payload) locate(at int64) (vfs.File, int64, error) {
	i := p.part(at)
	if i == len(p.parts) || p.parts[i].file == nil {
		return nil, 0, fault.New(fault.Bug, "no unit of a file at %d", at)
	}
	return p.parts[i].file, p.parts[i].at + at - p.parts[i].off, nil
}

// TSCarries reports whether MPEG-TS has a way to carry a track.
func TSCarries(t media.Track) bool { return tsCodec(t) != nil }
