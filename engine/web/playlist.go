package web

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// A playlist is written by the rules of RFC 8216, for its version 2 (the draft
// rfc8216bis) where it is live: parts, preload hints and blocking reloads are from there.

// Versions of the protocol and what needs them (RFC 8216 7).
const (
	versionRanges = 4 // EXT-X-BYTERANGE
	versionMap    = 6 // EXT-X-MAP of a playlist that is not only I-frames
	versionGap    = 8 // EXT-X-GAP
)

// dateFormat is EXT-X-PROGRAM-DATE-TIME's: to the millisecond, with a zone.
const dateFormat = "2006-01-02T15:04:05.000Z07:00"

// lister writes the lines of a media playlist, and each line only when it says
// something new.
type lister struct {
	w    io.Writer
	url  func(uri string) string // of a piece
	init *Piece                  // as the player has it
	next time.Time               // where the piece before ended
}

// sameRange reports whether two pieces are the same bytes.
func sameRange(a, b *Piece) bool {
	return a == b || a != nil && b != nil && a.URI == b.URI && a.Offset == b.Offset && a.Length == b.Length
}

// before writes what must be known of p before its media.
func (l *lister) before(p Piece) {
	if p.Discontinuity {
		io.WriteString(l.w, "#EXT-X-DISCONTINUITY\n")
	}
	if p.Init != nil && !sameRange(p.Init, l.init) {
		if p.Init.Codecs != "" {
			// For our page, which cannot take a master playlist with each change.
			fmt.Fprintf(l.w, "# codecs:%s\n", oneLine(p.Init.Codecs))
		}
		fmt.Fprintf(l.w, "#EXT-X-MAP:URI=%s%s\n", quoted(l.url(p.Init.URI)), byteRange(`,BYTERANGE="%s"`, p.Init))
		l.init = p.Init
	}
	// A date with each piece costs little, and a player that joins knows where it is.
	fmt.Fprintf(l.w, "#EXT-X-PROGRAM-DATE-TIME:%s\n", p.Time.UTC().Format(dateFormat))
	l.next = p.Time.Add(p.Duration)
}

// piece writes a media segment.
func (l *lister) piece(p Piece) {
	l.before(p)
	uri := "gap.mp4"
	if p.Gap {
		io.WriteString(l.w, "#EXT-X-GAP\n")
	} else {
		uri = l.url(p.URI)
		io.WriteString(l.w, byteRange("#EXT-X-BYTERANGE:%s\n", &p))
	}
	fmt.Fprintf(l.w, "#EXTINF:%s,\n%s\n", seconds(p.Duration), uri)
}

// byteRange formats the bytes of a piece that is a part of its resource: LENGTH@OFFSET.
func byteRange(format string, p *Piece) string {
	if p.Length == 0 {
		return ""
	}
	return fmt.Sprintf(format, strconv.FormatInt(p.Length, 10)+"@"+strconv.FormatInt(p.Offset, 10))
}

// quoted makes a quoted-string, which has no escapes (RFC 8216 4.2): what it cannot hold
// is left out. URLs are escaped before and hold none of it.
func quoted(s string) string {
	return `"` + strings.Map(func(r rune) rune {
		if r == '"' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, s) + `"`
}

// seconds is a decimal-floating-point with at most microseconds.
func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Round(time.Microsecond).Seconds(), 'f', -1, 64)
}

// targetOf is EXT-X-TARGETDURATION: no piece, rounded to seconds, is longer.
func targetOf(pieces []Piece) int {
	target := 1
	for _, p := range pieces {
		target = max(target, int(math.Round(p.Duration.Seconds())))
	}
	return target
}

// versionOf is the lowest version that knows everything in pieces.
func versionOf(pieces []Piece) int {
	version := 3 // decimal durations
	for _, p := range pieces {
		if p.Length > 0 {
			version = max(version, versionRanges)
		}
		if p.Init != nil {
			version = max(version, versionMap)
		}
		if p.Gap {
			version = max(version, versionGap)
		}
	}
	return version
}

// longestGap is the longest stretch of nothing that is listed as such. A longer one is
// cut to it, and what follows has a new date: players jump a gap by its EXTINF, and
// EXT-X-TARGETDURATION would have to be as long.
const longestGap = 6 * time.Second

// shortGaps cuts gaps to longestGap. What follows a gap is a discontinuity.
func shortGaps(pieces []Piece) []Piece {
	out := make([]Piece, 0, len(pieces))
	for i, p := range pieces {
		if p.Gap {
			p.Duration = min(p.Duration, longestGap)
		} else if i > 0 && pieces[i-1].Gap {
			p.Discontinuity = true
		}
		out = append(out, p)
	}
	return out
}

// writeVOD writes the playlist of a recording: all of it is there and nothing will
// change.
func writeVOD(w io.Writer, pieces []Piece, notes []string, url func(uri string) string) {
	pieces = shortGaps(pieces)
	fmt.Fprintf(w, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%d\n", versionOf(pieces), targetOf(pieces))
	io.WriteString(w, "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n")
	writeIndependent(w, pieces)
	writeNotes(w, notes)
	l := lister{w: w, url: url}
	for _, p := range pieces {
		l.piece(p)
	}
	io.WriteString(w, "#EXT-X-ENDLIST\n")
}

// writeIndependent says so when every piece can be decoded on its own.
func writeIndependent(w io.Writer, pieces []Piece) {
	for _, p := range pieces {
		if !p.Gap && !p.Key {
			return
		}
	}
	io.WriteString(w, "#EXT-X-INDEPENDENT-SEGMENTS\n")
}

// writeNotes writes sentences for people as comments, which players pass over and our
// page shows.
func writeNotes(w io.Writer, notes []string) {
	for _, note := range notes {
		fmt.Fprintf(w, "# note:%s\n", oneLine(note))
	}
}

func oneLine(s string) string {
	return strings.Join(strings.Fields(s), " ")
}

// variant is the one quality of a master playlist.
type variant struct {
	URL           string
	Codecs        string
	Width, Height int
	Peak, Mean    int // bit/s
	Notes         []string
	Audio         string // the playlist of another camera's sound; empty: its own
	AudioName     string
}

// writeMaster writes a playlist with one variant: what was recorded is never re-encoded.
func writeMaster(w io.Writer, v variant) {
	io.WriteString(w, "#EXTM3U\n#EXT-X-VERSION:6\n")
	writeNotes(w, v.Notes)
	if v.Audio != "" {
		fmt.Fprintf(w, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=%s,DEFAULT=YES,AUTOSELECT=YES,URI=%s\n",
			quoted(v.AudioName), quoted(v.Audio))
	}
	fmt.Fprintf(w, "#EXT-X-STREAM-INF:BANDWIDTH=%d", max(v.Peak, 1))
	if v.Mean > 0 {
		fmt.Fprintf(w, ",AVERAGE-BANDWIDTH=%d", v.Mean)
	}
	if v.Codecs != "" {
		fmt.Fprintf(w, ",CODECS=%s", quoted(v.Codecs))
	}
	if v.Width > 0 && v.Height > 0 {
		fmt.Fprintf(w, ",RESOLUTION=%dx%d", v.Width, v.Height)
	}
	if v.Audio != "" {
		io.WriteString(w, ",AUDIO=\"sound\"")
	}
	fmt.Fprintf(w, "\n%s\n", v.URL)
}

// rates measures pieces: the peak of any and the mean of all, in bit/s.
func rates(pieces []Piece) (peak, mean int) {
	var size, span float64
	for _, p := range pieces {
		if p.Gap || p.Length == 0 || p.Duration <= 0 {
			continue
		}
		size += float64(8 * p.Length)
		span += p.Duration.Seconds()
		peak = max(peak, int(float64(8*p.Length)/p.Duration.Seconds()))
	}
	if span > 0 {
		mean = int(size / span)
	}
	return peak, mean
}

// codecsOf is what the first piece with media is made of.
func codecsOf(pieces []Piece) string {
	for _, p := range pieces {
		if p.Init != nil && p.Init.Codecs != "" {
			return p.Init.Codecs
		}
	}
	return ""
}
