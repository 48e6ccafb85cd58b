package segment

import (
	"bytes"
	"encoding/hex"
	"hash"
	"reflect"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// finish sums up and looks at what stands behind the last fragment.
func (s *scanner) finish() error {
	f, b := s.file, s.body
	f.Fragments, f.Tracks, f.Sound = b.fragments, b.infos(), b.size
	if !s.Quick {
		f.body = b
		sha := b.sum()
		if err := s.hashRest(sha); err != nil {
			return err
		}
		f.SHA256 = hex.EncodeToString(sha.Sum(nil))
	}
	if f.Problem != nil || f.State == Open && f.Size == f.Sound {
		return nil
	}
	err := s.ending()
	if err != nil && !fault.Is(err, fault.Damaged) {
		return err
	}
	f.Problem = fault.Wrap(fault.Damaged, "read the end of the file", err)
	if err == nil && s.first != fileType+string(sealedHeader(b.size)) {
		f.State = Unfinished
	}
	return nil
}

// hashRest adds what stands behind the last fragment.
func (s *scanner) hashRest(sha hash.Hash) error {
	for at := s.body.size; at < s.win.size; {
		p, _, err := s.win.at(at, min(int64(s.win.ahead), s.win.size-at))
		if err != nil {
			return err
		}
		sha.Write(p)
		at += int64(len(p))
	}
	return nil
}

// ending checks index and tables against the fragments.
func (s *scanner) ending() error {
	b := s.body
	want := make(builder, 0, 4096)
	want.index(b)
	if err := s.compareIndex(want); err != nil || s.Quick {
		return err
	}
	at := b.size + int64(len(want))
	p, ok, err := s.win.at(at, 8)
	if err != nil {
		return err
	}
	kind, size, _ := boxAt(p)
	if !ok || kind != "moov" || size != s.win.size-at || size > b.maxMoov() {
		return fault.New(fault.Damaged, "no tables")
	}
	if p, _, err = s.win.at(at, size); err != nil {
		return err
	}
	return b.agree(p[8:])
}

func (s *scanner) compareIndex(want []byte) error {
	p, ok, err := s.win.at(s.body.size, int64(len(want)))
	if err != nil {
		return err
	}
	if !ok || !bytes.Equal(p, want) {
		return fault.New(fault.Damaged, "the index does not agree with the fragments")
	}
	return nil
}

// maxMoov bounds what the tables can take: 24 bytes a unit when nothing repeats, and as
// much again as the first moov for everything else.
func (b *body) maxMoov() int64 {
	n := b.init + 1<<16
	for i := range b.tables {
		n += 24*b.tables[i].count + 20*int64(len(b.tables[i].chunks))
	}
	return n
}

// agree checks that the tables of the second moov list exactly the units of the fragments.
func (b *body) agree(moov []byte) error {
	seen := map[int]bool{}
	for kind, trak := range children(moov) {
		if kind != "trak" {
			continue
		}
		id, t, err := readTrack(trak)
		if err != nil {
			return err
		}
		i := id - 1
		if i < 0 || i >= len(b.tables) || seen[i] {
			return fault.New(fault.Damaged, "tables of a track %d that is not there", id)
		}
		seen[i] = true
		t.ID, t.AAL2 = media.TrackID(i), b.header.Tracks[i].AAL2
		if !reflect.DeepEqual(t, b.header.Tracks[i]) {
			return fault.New(fault.Damaged, "track %d is another than at the beginning", id)
		}
		if !b.listed(i, trak) {
			return fault.New(fault.Damaged, "the tables of track %d do not agree with the fragments", id)
		}
	}
	for i := range b.tables {
		if b.tables[i].count > 0 && !seen[i] {
			return fault.New(fault.Damaged, "no tables of track %d", i+1)
		}
	}
	return nil
}

// listed compares a trak's tables and edit list with what they have to be.
func (b *body) listed(i int, trak []byte) bool {
	k := layout{header: b.header, origin: b.origin(), tables: b.tables}.trak(i)
	var want builder
	want.edts(&k)
	edts, _ := child(trak, "edts")
	if !bytes.Equal(edts, want[8:]) {
		return false
	}
	stbl, _ := child(trak, "mdia", "minf", "stbl")
	_, size, _ := boxAt(stbl)
	if size > int64(len(stbl)) {
		return false
	}
	want = want[:0]
	want.tables(&b.tables[i], 0, b.header.Tracks[i].Codec.Video())
	return bytes.Equal(stbl[size:], want) // behind stsd
}

// fromIndex takes everything from the index of a sealed file. done is false when there
// is none that is sound.
func (s *scanner) fromIndex() (done bool, err error) {
	f := s.file
	header := fields{p: []byte(s.first[headerOffset+8:])}
	end := int64(header.u64()) + headerOffset
	if f.State != Sealed || s.first[:headerOffset] != fileType || end < f.init || end > f.Size {
		return false, nil
	}
	p, ok, err := s.win.at(end, 8)
	if err != nil || !ok {
		return false, err
	}
	_, size, sane := boxAt(p)
	if size > MaxFragment {
		return false, nil
	}
	if p, ok, err = s.win.at(end, size); err != nil || !ok || !sane {
		return false, err
	}
	f.Fragments, f.Tracks, ok = readIndex(p, f.Header, f.init, end)
	f.Sound = end
	return ok, nil
}
