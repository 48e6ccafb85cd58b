package journal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"math"
	"strconv"
	"time"

	"rtsprec/engine/fault"
)

// Line is one line of the log.
type Line struct {
	Seq    uint64    // rises over the whole recording
	At     time.Time // when it was written, by the host's clock, UTC
	Kind   Kind
	Format int    // non-zero in the first line of a file
	Entry  Entry  // a pointer to one of the types of this package; nil for an unknown kind
	Raw    []byte // the whole line without its newline; only where Entry is nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// crcTail is how every line ends, with the digits in place of the zeros.
const crcTail = `,"crc":"00000000"}`

var errBroken = errors.New("not a whole line")

// body renders a line without the outer braces, the format and the checksum.
func body(seq uint64, at time.Time, e Entry) ([]byte, error) {
	members, err := json.Marshal(e)
	if err != nil {
		return nil, fault.Wrap(fault.Bug, "encode a journal line", err)
	}
	b := make([]byte, 0, len(members)+96)
	b = append(b, `"seq":`...)
	b = strconv.AppendUint(b, seq, 10)
	b = append(b, `,"time":"`...)
	b = at.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, `","kind":"`...)
	b = append(b, e.Kind()...)
	b = append(b, '"')
	if len(members) > len("{}") {
		b = append(b, ',')
		b = append(b, members[1:len(members)-1]...)
	}
	if len(b) > MaxLine-len(crcTail)-len(`{"format":1,`)-1 {
		return nil, fault.New(fault.Bug, "a journal line of %d bytes is too long", len(b))
	}
	return b, nil
}

// appendLine appends the line with that body, and its newline. The first line of a file
// carries the format.
func appendLine(dst, body []byte, first bool) []byte {
	start := len(dst)
	dst = append(dst, '{')
	if first {
		dst = append(dst, `"format":`...)
		dst = strconv.AppendInt(dst, Format, 10)
		dst = append(dst, ',')
	}
	dst = append(dst, body...)
	sum, _ := Hex32(crc32.Checksum(dst[start:], castagnoli)).MarshalText()
	dst = append(dst, `,"crc":"`...)
	dst = append(dst, sum...)
	return append(dst, '"', '}', '\n')
}

// checkLine reports whether a line without its newline ends with the checksum of
// what stands before it.
func checkLine(line []byte) bool {
	at := len(line) - len(crcTail)
	if at < 1 || !bytes.HasPrefix(line[at:], []byte(crcTail[:8])) || !bytes.HasSuffix(line, []byte(`"}`)) {
		return false
	}
	var sum [4]byte
	if _, err := hex.Decode(sum[:], line[at+8:at+16]); err != nil {
		return false
	}
	want := uint32(sum[0])<<24 | uint32(sum[1])<<16 | uint32(sum[2])<<8 | uint32(sum[3])
	return crc32.Checksum(line[:at], castagnoli) == want
}

// parseLine reads a line without its newline. Commits keep their bytes in Raw and have no Entry
// yet: most of them turn out to be dead before anybody looks. Raw is line itself.
func parseLine(line []byte) (Line, error) {
	if !checkLine(line) {
		return Line{}, errBroken
	}
	l, ok := parseHead(line)
	if !ok {
		if l, ok = parseAnyHead(line); !ok {
			return Line{}, errBroken
		}
	}
	l.Raw = line
	if l.Format > Format || l.Kind == KindCommit {
		return l, nil
	}
	return l, l.decode()
}

// decode fills Entry, when the kind is known, and drops Raw.
func (l *Line) decode() error {
	e := newEntry(l.Kind)
	if e == nil {
		return nil
	}
	if err := json.Unmarshal(l.Raw, e); err != nil {
		return errBroken
	}
	l.Entry, l.Raw = e, nil
	return nil
}

// parseHead reads the members that every line begins with, as this package writes
// them; it is many times faster than encoding/json.
func parseHead(line []byte) (l Line, ok bool) {
	rest := line
	next := func(prefix, until string) string {
		if !ok || !bytes.HasPrefix(rest, []byte(prefix)) {
			ok = false
			return ""
		}
		value, after, found := bytes.Cut(rest[len(prefix):], []byte(until))
		rest, ok = after, found && !bytes.ContainsAny(value, `\"`)
		return string(value)
	}
	number := func(s string) uint64 {
		n, err := strconv.ParseUint(s, 10, 63)
		ok = ok && err == nil
		return n
	}
	ok = true
	if bytes.HasPrefix(rest, []byte(`{"format":`)) {
		l.Format = int(number(next(`{"format":`, `,`)))
		l.Seq = number(next(`"seq":`, `,`))
	} else {
		l.Seq = number(next(`{"seq":`, `,`))
	}
	at, err := time.Parse(time.RFC3339Nano, next(`"time":"`, `"`))
	l.Kind = Kind(next(`,"kind":"`, `"`))
	l.At = at.UTC()
	return l, ok && err == nil
}

// parseAnyHead reads them from any JSON.
func parseAnyHead(line []byte) (Line, bool) {
	var head struct {
		Format int       `json:"format"`
		Seq    uint64    `json:"seq"`
		Time   time.Time `json:"time"`
		Kind   Kind      `json:"kind"`
	}
	if json.Unmarshal(line, &head) != nil || head.Kind == "" || head.Format < 0 {
		return Line{}, false
	}
	if head.Seq > math.MaxInt64 {
		return Line{}, false
	}
	return Line{Seq: head.Seq, At: head.Time.UTC(), Kind: head.Kind, Format: head.Format}, true
}

// segmentID names a segment within a recording.
type segmentID struct {
	camera string
	n      uint64
}

// committed returns the segments that a commit line speaks of, without decoding the rest
// of it where it has the form this package writes. Camera names never need escaping.
func (l *Line) committed() []segmentID {
	if c, ok := l.Entry.(*Commit); ok {
		return committedBy(c)
	}
	var ids []segmentID
	rest := l.Raw
	for {
		_, after, found := bytes.Cut(rest, []byte(`{"camera":"`))
		if !found {
			break
		}
		name, after, _ := bytes.Cut(after, []byte(`","n":`))
		digits, _, _ := bytes.Cut(after, []byte(`,`))
		n, err := strconv.ParseUint(string(digits), 10, 64)
		if err != nil || bytes.ContainsAny(name, `\"`) {
			ids = nil
			break
		}
		ids, rest = append(ids, segmentID{string(name), n}), after
	}
	if ids != nil {
		return ids
	}
	var c Commit
	if json.Unmarshal(l.Raw, &c) != nil {
		return nil
	}
	return committedBy(&c)
}

func committedBy(c *Commit) []segmentID {
	var ids []segmentID
	for _, f := range c.Files {
		ids = append(ids, segmentID{f.Camera, f.N})
	}
	return ids
}
