package media_test

import (
	"bytes"
	"slices"
	"testing"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

func TestNALsGivesBackWhatAppendNALTook(t *testing.T) {
	want := [][]byte{{0x67, 1, 2}, {0x68}, bytes.Repeat([]byte{0x65}, 70000)}
	var unit []byte
	for _, nal := range want {
		unit = media.AppendNAL(media.AppendNAL(unit, nil), nal)
	}
	if got := slices.Collect(media.NALs(unit)); !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%d NAL units came back, %d went in", len(got), len(want))
	}
	if err := media.ValidNALs(unit); err != nil {
		t.Error(err)
	}
}

func TestValidNALsRefusesWhatAPowerCutLeaves(t *testing.T) {
	whole := media.AppendNAL(media.AppendNAL(nil, []byte{0x65, 1, 2, 3}), []byte{0x41, 9})
	for name, bad := range map[string][]byte{
		"nothing":                nil,
		"a page of zeros":        make([]byte, 4096),
		"zeros behind a unit":    append(slices.Clone(whole), make([]byte, 512)...),
		"a unit cut short":       whole[:len(whole)-1],
		"a length cut short":     whole[:10],
		"an enormous length":     {0xff, 0xff, 0xff, 0xff, 0x65},
		"an Annex B start code":  {0, 0, 0, 1, 0x65, 0x88, 0x84, 0x00},
		"an empty NAL unit only": {0, 0, 0, 0},
	} {
		if err := media.ValidNALs(bad); !fault.Is(err, fault.Damaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzNALsAndValidNALsAgree(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0x65, 0, 0, 0, 2, 1, 2})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		var again []byte
		empty := false
		for nal := range media.NALs(data) {
			empty = empty || len(nal) == 0
			again = media.AppendNAL(again, nal)
		}
		valid := media.ValidNALs(data) == nil
		if whole := len(data) > 0 && !empty && bytes.Equal(again, data); valid != whole {
			t.Errorf("valid %v, but walking gives %x of %x", valid, again, data)
		}
	})
}
