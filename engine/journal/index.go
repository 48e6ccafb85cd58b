package journal

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"rtsprec/engine/vfs"
)

// Index describes the closed files of a journal, in the order of their lines.
type Index struct{ Files []Indexed }

// Indexed is one line of index.jsonl: what one closed file holds. Everything in it
// follows from that file alone.
type Indexed struct {
	Format  int        `json:"format"`
	File    string     `json:"file"`
	From    uint64     `json:"from"` // the lines it stands for
	To      uint64     `json:"to"`
	Size    int64      `json:"size"`
	Sum     Hex32      `json:"sum"` // CRC-32C of the file
	End     End        `json:"end"`
	Compact bool       `json:"compact,omitempty"`
	Since   time.Time  `json:"since"` // earliest and latest time of a line or of media it speaks of
	Until   time.Time  `json:"until"`
	Run     uint64     `json:"run,omitempty"` // highest run and gap
	Gap     uint64     `json:"gap,omitempty"`
	Protect uint64     `json:"protect,omitempty"` // highest ID of a protection; such files are always read
	Closed  *Close     `json:"closed,omitempty"`  // how the window was ended here, unless it was gone on with
	GoesOn  bool       `json:"goes_on,omitempty"` // it was gone on with here, and not ended
	Cameras []Coverage `json:"cameras,omitempty"` // by name
}

// Coverage is what one file says of one camera.
type Coverage struct {
	Camera   string    `json:"camera"`
	First    time.Time `json:"first,omitzero"` // of the media sealed: start of the first, end of the last segment
	Last     time.Time `json:"last,omitzero"`
	Bytes    int64     `json:"bytes"`
	Media    Duration  `json:"media"`    // length of the union of the segments sealed
	Segments int       `json:"segments"` // how many were sealed, and the range of their numbers
	Lowest   uint64    `json:"lowest,omitempty"`
	Highest  uint64    `json:"highest,omitempty"` // also of those only begun
	Sub      Duration  `json:"sub,omitempty"`     // of Media, from the sub-stream
	Limited  Duration  `json:"limited,omitempty"` // of Media, while the encoder was held at a low rate
	Gaps     int       `json:"gaps,omitempty"`
	Missing  Duration  `json:"missing,omitempty"` // length of the union of the gaps that ended

	// What this file takes back of what it or others say: segments that retention removed,
	// and media that fills gaps.
	Pruned      []Range   `json:"pruned,omitempty"` // their numbers
	PrunedBytes int64     `json:"pruned_bytes,omitempty"`
	PrunedMedia Duration  `json:"pruned_media,omitempty"`
	PrunedFrom  time.Time `json:"pruned_from,omitzero"` // earliest start and latest end
	PrunedTo    time.Time `json:"pruned_to,omitzero"`
	Filled      Duration  `json:"filled,omitempty"` // of gaps

	// What goes from file to file: segments and gaps begun here that do not end here, and
	// ended here that did not begin here.
	Open      []uint64 `json:"open,omitempty"`
	Ended     []uint64 `json:"ended,omitempty"`
	GapsOpen  []uint64 `json:"gaps_open,omitempty"`
	GapsEnded []uint64 `json:"gaps_ended,omitempty"`
}

// Range is the numbers from From to To, both included.
type Range struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// Has reports whether n is in the range.
func (r Range) Has(n uint64) bool { return r.From <= n && n <= r.To }

// carried names a segment or a gap that goes from one file to the next.
type carried struct {
	camera string
	n      uint64
	gap    bool
}

func (x *Indexed) eachOpen(visit func(carried)) {
	for _, c := range x.Cameras {
		for _, n := range c.Open {
			visit(carried{c.Camera, n, false})
		}
		for _, n := range c.GapsOpen {
			visit(carried{c.Camera, n, true})
		}
	}
}

func (x *Indexed) eachEnded(visit func(carried)) {
	for _, c := range x.Cameras {
		for _, n := range c.Ended {
			visit(carried{c.Camera, n, false})
		}
		for _, n := range c.GapsEnded {
			visit(carried{c.Camera, n, true})
		}
	}
}

// touches reports whether the file may speak of media between from and to.
func (x *Indexed) touches(from, to time.Time) bool {
	if !x.Since.After(to) && !x.Until.Before(from) {
		return true
	}
	for _, c := range x.Cameras {
		if len(c.Pruned) > 0 && !c.PrunedFrom.After(to) && !c.PrunedTo.Before(from) {
			return true
		}
	}
	return x.Protect > 0
}

func (x *Indexed) info() FileInfo {
	return FileInfo{Name: x.File, From: x.From, To: x.To, Size: x.Size, End: x.End, Compact: x.Compact, Indexed: true}
}

// loadIndex reads what of index.jsonl may be believed: lines that are whole, of the known
// format, and of files that have the size they say.
func (c *catalogue) loadIndex() {
	sizes := map[string]int64{}
	for _, l := range c.files {
		sizes[l.String()] = l.size
	}
	known := map[string]Indexed{}
	var all file
	err := c.each(indexName, &all, func(_ int64, line []byte) error {
		var x Indexed
		if line == nil || !checkLine(line) || json.Unmarshal(line, &x) != nil || x.Format != Format {
			c.stale = true
			return nil
		}
		if size, ok := sizes[x.File]; !ok || size != x.Size {
			c.stale = true
			return nil
		}
		known[x.File] = x
		return nil
	})
	if err != nil {
		c.stale = true
	}
	for _, l := range c.files {
		if x, ok := known[l.String()]; ok {
			c.index.Files = append(c.index.Files, x)
		}
	}
	for i := range c.index.Files {
		c.indexed[c.index.Files[i].File] = &c.index.Files[i]
	}
}

// line renders an index line.
func (x Indexed) line() ([]byte, error) {
	members, err := json.Marshal(x)
	if err != nil {
		return nil, err
	}
	return appendLine(nil, members[1:len(members)-1], false), nil
}

// writeIndex replaces index.jsonl.
func writeIndex(fsys vfs.FS, dir string, files []Indexed) error {
	var data []byte
	for _, x := range files {
		line, err := x.line()
		if err != nil {
			return err
		}
		data = append(data, line...)
	}
	return vfs.Replace(fsys, filepath.Join(dir, indexName), data, 0o644)
}

// appendIndex adds a line to index.jsonl. What a failure leaves is found by its checksum.
func appendIndex(fsys vfs.FS, dir string, x Indexed) (err error) {
	line, err := x.line()
	if err != nil {
		return err
	}
	f, err := fsys.OpenRW(filepath.Join(dir, indexName))
	if errors.Is(err, fs.ErrNotExist) {
		return writeIndex(fsys, dir, []Indexed{x})
	}
	if err != nil {
		return err
	}
	size, err := f.Size()
	if err == nil {
		_, err = f.Write(line)
	}
	if err == nil {
		err = f.Sync()
	} else {
		err = errors.Join(err, f.Truncate(size))
	}
	return errors.Join(err, f.Close())
}

// summarize describes a file by its lines.
func summarize(f *file) Indexed {
	x := Indexed{Format: Format, File: f.Name, From: f.From, To: f.To, Size: f.Size, Sum: Hex32(f.sum), End: f.End, Compact: f.Compact}
	s := summary{file: &x, cameras: map[string]*cameraSummary{}}
	for i := range f.lines {
		s.add(&f.lines[i])
	}
	for name, c := range s.cameras {
		x.Cameras = append(x.Cameras, c.coverage(name))
	}
	slices.SortFunc(x.Cameras, func(a, b Coverage) int { return cmp.Compare(a.Camera, b.Camera) })
	return x
}
