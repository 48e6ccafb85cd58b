package web

import (
	"fmt"
	"io"
	"time"
)

// liveURLs says where the resources of a live playlist are.
type liveURLs struct {
	Init    func(uri string) string
	Segment func(sequence uint64) string
	Part    func(sequence uint64, part int) string
}

// partsOf is how many of the newest segments are listed part by part: a player that
// plays at the edge needs no older ones (rfc8216bis 4.4.4.9: three target durations).
const partsOf = 3

// writeLive writes the playlist of what is being recorded.
func writeLive(w io.Writer, win *Window, url liveURLs) {
	var pieces []Piece
	for _, s := range win.Segments {
		pieces = append(pieces, s.Piece)
	}
	part := max(win.PartTarget, 50*time.Millisecond)
	fmt.Fprintf(w, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%d\n",
		max(versionMap, versionOf(pieces)), targetOf(pieces))
	// A player keeps three parts from the end, or it stalls at each hiccup of the network.
	fmt.Fprintf(w, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=%s\n#EXT-X-PART-INF:PART-TARGET=%s\n",
		seconds(3*part), seconds(part))
	fmt.Fprintf(w, "#EXT-X-MEDIA-SEQUENCE:%d\n", win.Sequence)
	if win.Discontinuities > 0 {
		fmt.Fprintf(w, "#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", win.Discontinuities)
	}
	writeIndependent(w, pieces)
	writeNotes(w, win.Notes)

	l := lister{w: w, url: url.Init}
	for i, s := range win.Segments {
		sequence := win.Sequence + uint64(i)
		l.segment(s, sequence, url, i >= len(win.Segments)-partsOf)
	}
	if win.Ended {
		io.WriteString(w, "#EXT-X-ENDLIST\n")
		return
	}
	sequence, n := win.next()
	fmt.Fprintf(w, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=%s\n", quoted(url.Part(sequence, n)))
}

// segment writes a segment, and its parts where they are wanted. One that is still
// growing has no line of its own yet.
func (l *lister) segment(s Segment, sequence uint64, url liveURLs, parts bool) {
	if s.Open && !parts {
		return
	}
	if s.Init != nil {
		s.Init = &Piece{URI: s.Init.URI, Codecs: s.Init.Codecs} // answered as a whole: only this much of the file is live
	}
	l.before(s.Piece)
	if parts && !s.Gap {
		for n, p := range s.Parts {
			independent := ""
			if p.Key {
				independent = ",INDEPENDENT=YES"
			}
			fmt.Fprintf(l.w, "#EXT-X-PART:DURATION=%s,URI=%s%s\n", seconds(p.Duration), quoted(url.Part(sequence, n)), independent)
		}
	}
	switch {
	case s.Open:
	case s.Gap:
		fmt.Fprintf(l.w, "#EXT-X-GAP\n#EXTINF:%s,\ngap.mp4\n", seconds(min(s.Duration, longestGap)))
	default:
		fmt.Fprintf(l.w, "#EXTINF:%s,\n%s\n", seconds(s.Duration), url.Segment(sequence))
	}
}

// next is the part that will be there next, if no new segment begins before it.
func (win *Window) next() (sequence uint64, part int) {
	n := len(win.Segments)
	if n == 0 {
		return win.Sequence, 0
	}
	last := win.Segments[n-1]
	if last.Open {
		return win.Sequence + uint64(n-1), len(last.Parts)
	}
	return win.Sequence + uint64(n), 0
}

// find returns a segment of the window.
func (win *Window) find(sequence uint64) (Segment, bool) {
	if sequence < win.Sequence || sequence-win.Sequence >= uint64(len(win.Segments)) {
		return Segment{}, false
	}
	return win.Segments[sequence-win.Sequence], true
}
