package archive

import (
	"slices"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/segment"
)

// measure watches the units of one file go by.
type measure struct {
	file   *file
	tracks []media.Track // of the file's header, for a deep look; nil: none
	gauges []*gauge
	told   map[Kind]bool // one finding of a kind is enough for a file
}

// gauge is what the units of one track of one file show.
type gauge struct {
	codec      media.Codec
	units      int64
	start, end time.Time // of presentation; zero without units
	holes      []piece   // silences within it, each with the interval before it

	last    time.Time         // presentation of the unit before
	latest  time.Time         // and of the latest so far
	lastDTS int64             // decoding of the unit before, in ticks
	recent  [15]time.Duration // the newest intervals, in a ring
	paces   int               // how many there were
}

// maxHoles bounds what is remembered of a file that is mostly silence.
const maxHoles = 1 << 16

// gauge returns that of the unit's track. Track numbers are sound: Scan took them.
func (m *measure) gauge(track int) *gauge {
	for len(m.gauges) <= track {
		m.gauges = append(m.gauges, &gauge{lastDTS: -1})
	}
	return m.gauges[track]
}

// unit takes the next unit of the file. u.Data is valid during the call only.
func (m *measure) unit(u segment.Unit) {
	g := m.gauge(u.Track)
	switch {
	case g.units == 0 && !u.Key:
		m.tell(NotDecodable, 5, "track %d does not begin with a key frame", u.Track)
	case u.DTS < g.lastDTS:
		m.tell(TimeWrong, 5, "timestamps of track %d fall at unit %d", u.Track, g.units)
	}
	if m.tracks != nil {
		m.look(u)
	}
	if g.units > 0 {
		g.pace(u.Time)
	}
	g.last, g.latest, g.lastDTS = u.Time, later(g.latest, u.Time), u.DTS
	g.units++
}

// pace takes the presentation time of the next unit. Where pictures are reordered times
// go back and forth; only the way forth counts, and silence from the latest on.
func (g *gauge) pace(now time.Time) {
	g.quiet(now)
	if d := now.Sub(g.last); d >= 0 {
		g.recent[g.paces%len(g.recent)] = d
		g.paces++
	}
}

// quiet notes a silence that ends now. It begins when the unit before it is over.
func (g *gauge) quiet(now time.Time) {
	if now.Sub(g.latest) <= silence {
		return
	}
	d := g.interval()
	if now.Sub(g.latest) > slackOf(d) && len(g.holes) < maxHoles {
		g.holes = append(g.holes, piece{span{g.latest.Add(d), now}, d})
	}
}

// settle keeps the holes that are more than a slow pace: where a file begins, its pace
// is not known yet.
func (g *gauge) settle() {
	usual := g.interval()
	g.holes = slices.DeleteFunc(g.holes, func(h piece) bool { return h.interval+h.length() <= slackOf(usual) })
}

// interval is the median of the newest intervals; 0 before there is one.
func (g *gauge) interval() time.Duration {
	n := min(g.paces, len(g.recent))
	if n == 0 {
		return 0
	}
	sorted := slices.Clone(g.recent[:n])
	slices.Sort(sorted)
	return sorted[n/2]
}

// finish sums up, with what the scan found.
func (m *measure) finish(scan *segment.File) []*gauge {
	for i, t := range scan.Header.Tracks {
		g := m.gauge(i)
		g.codec = t.Codec
		if i < len(scan.Tracks) {
			g.start, g.end = scan.Tracks[i].Start, scan.Tracks[i].End
		}
		if g.units > 0 {
			g.quiet(g.end) // the last unit lasts until the end
			g.settle()
		}
	}
	return m.gauges
}

// pieces is the time that the track has media for.
func (g *gauge) pieces() []piece {
	var list []piece
	for _, s := range unite([]span{{g.start, g.end}}).minus(unite(spansOf(g.holes))) {
		list = append(list, piece{s, g.interval()})
	}
	return list
}

// tell reports a kind of trouble once a file.
func (m *measure) tell(kind Kind, invariant int, format string, args ...any) {
	if m.told[kind] {
		return
	}
	if m.told == nil {
		m.told = map[Kind]bool{}
	}
	m.told[kind] = true
	m.file.tell(kind, Broken, invariant, format, args...)
}
