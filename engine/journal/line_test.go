package journal

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/testdata/peers"
)

// everyEntry has every member of every kind filled in.
func everyEntry() []Entry {
	at, track := day1.Add(123456789), 1
	tracks := []Track{{Codec: media.H264, Clock: 90000}, {Codec: media.AAC, Clock: 48000, Channels: 2, Skipped: "why"}}
	times := []time.Time{at, at.Add(time.Second)}
	return []Entry{
		&Open{Version: "1", Why: "create", Wall: at, Before: "torn"},
		&PlanChanged{Plan: Plan{Format: 1, Created: at, Cameras: []Camera{{Name: "a", URL: "rtsp://x/<&>"}}, Length: Duration(time.Hour)}},
		&Run{Camera: "a", Run: 3, Start: at, Origin: "live", Peer: "Lehrer-Kamera \"ü\"\n\u2028", Tracks: tracks},
		&Segment{Camera: "ü", N: 7, File: "ü/2026-11-22/090000.000Z-000007.mp4", Run: 3, Start: at, Tracks: tracks, Instead: []Instead{{N: 6, From: 99}}},
		&Commit{Files: []Committed{{Camera: "a", N: 7, From: 16, Size: 99, Sum: 0xdeadbeef, Ends: times, Units: []int64{1, 2}}, {Camera: "ü", N: 1 << 40}}},
		&Seal{Camera: "a", N: 7, Size: 99, SHA256: "ab", Start: at, End: at, Starts: times, Ends: times, Units: []int64{1}, Salvaged: 5, Cut: 6},
		&Gap{ID: 4, Camera: "a", Track: &track, From: at, To: at.Add(time.Minute), Causes: media.Because(media.Loss, media.DiskFull), Note: "x"},
		&Damage{Camera: "a", Track: 1, From: at, To: at, Units: 3, Lost: 4},
		&Clock{What: "raw", Camera: "a", Track: &track, At: at, Offset: -5, RTP: 1, NTP: 1 << 63, Arrival: at, Within: 9},
		&Compact{From: 3, To: 9},
		&Close{Why: "stopped", At: at},
		&Lead{Camera: "a", From: at, To: at, Waited: true},
	}
}

func TestEveryKindOfLineReadsBackAsWritten(t *testing.T) {
	for i, e := range everyEntry() {
		if reflect.TypeOf(newEntry(e.Kind())) != reflect.TypeOf(e) {
			t.Errorf("%s decodes into %T", e.Kind(), newEntry(e.Kind()))
		}
		b, err := body(uint64(i+1), day1, e)
		must(t, err)
		for _, first := range []bool{false, true} {
			line := bytes.TrimSuffix(appendLine(nil, b, first), []byte("\n"))
			if !json.Valid(line) || bytes.IndexByte(line, '\n') >= 0 {
				t.Fatalf("not a line of JSON: %s", line)
			}
			l, err := parseLine(line)
			must(t, err)
			if l.Kind == KindCommit {
				must(t, l.decode())
			}
			if !reflect.DeepEqual(l.Entry, e) || l.Seq != uint64(i+1) || !l.At.Equal(day1) || l.Raw != nil || (l.Format != 0) != first {
				t.Errorf("wrote %+v\nread  %+v", e, l.Entry)
			}
			// What the quick way reads, any JSON parser reads too.
			quick, ok := parseHead(line)
			slow, ok2 := parseAnyHead(line)
			if !ok || !ok2 || !reflect.DeepEqual(quick, slow) {
				t.Errorf("heads differ: %+v, %+v", quick, slow)
			}
		}
	}
}

// The members that every line has must not be taken by an entry.
func TestNoEntryUsesTheMembersOfALine(t *testing.T) {
	for _, e := range everyEntry() {
		typ := reflect.TypeOf(e).Elem()
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			switch strings.ToLower(name) {
			case "", "format", "seq", "time", "kind", "crc":
				t.Errorf("%s has a member %q", e.Kind(), name)
			}
		}
	}
}

func TestTheQuickWayFindsTheSegmentsOfACommit(t *testing.T) {
	c := &Commit{Files: []Committed{{Camera: "a", N: 7}, {Camera: "ü-1.x", N: 12345678901}}}
	b, err := body(1, day1, c)
	must(t, err)
	line := bytes.TrimSuffix(appendLine(nil, b, true), []byte("\n"))
	spaced := bytes.ReplaceAll(line, []byte(`{"camera":`), []byte(`{ "camera" : `))
	for _, raw := range [][]byte{line, spaced} {
		l := Line{Kind: KindCommit, Raw: raw}
		if got := l.committed(); !reflect.DeepEqual(got, committedBy(c)) {
			t.Errorf("%s: %v", raw, got)
		}
	}
	if got := (&Line{Kind: KindCommit, Raw: []byte(`{}`)}).committed(); got != nil {
		t.Errorf("an empty commit: %v", got)
	}
}

func TestALineWithAnyBitFlippedIsBroken(t *testing.T) {
	b, err := body(7, day1, seal("a", 1, day1, time.Minute))
	must(t, err)
	line := bytes.TrimSuffix(appendLine(nil, b, true), []byte("\n"))
	if _, err := parseLine(line); err != nil {
		t.Fatal(err)
	}
	for i := range line {
		for bit := range 8 {
			line[i] ^= 1 << bit
			_, err := parseLine(line)
			line[i] ^= 1 << bit
			// Upper case digits of a checksum are the same checksum.
			digit := i >= len(line)-10 && i < len(line)-2 && bit == 5 && line[i] >= 'a'
			if err == nil && !digit {
				t.Fatalf("bit %d of byte %d (%q) flipped and nobody noticed", bit, i, line[i])
			}
		}
		if _, err := parseLine(line[:i]); err == nil {
			t.Fatalf("%d of %d bytes are a line", i, len(line))
		}
	}
}

func TestALineTooLongIsRefused(t *testing.T) {
	f := newFS(t)
	w := open(t, f, newClock())
	_, err := w.Append(&Gap{Camera: strings.Repeat("x", MaxLine)})
	if err == nil {
		t.Error("accepted")
	}
	add(t, w, &Close{Why: "stopped", At: day1})
	must(t, w.Close())
	if log := readLog(t, f); len(log.Lines) != 1 || log.Lines[0].Seq != 1 || log.End != Clean {
		t.Errorf("%+v", log)
	}
}

// The checksum is computed as the package comment says, by somebody else's code.
func TestTheChecksumIsWhatTheFormatSays(t *testing.T) {
	peers.Need(t, "python3")
	b, err := body(7, day1, seal("a", 1, day1, time.Minute))
	must(t, err)
	cmd := exec.Command("python3", "-c", `
import sys, json
line = sys.stdin.buffer.read()
crc = 0xffffffff
for byte in line[:line.rindex(b',"crc"')]:
    crc ^= byte
    for _ in range(8): crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
entry = json.loads(line)
assert list(entry)[-1] == "crc" and list(entry)[0] == "format" and entry["format"] == 1
assert entry["crc"] == "%08x" % (crc ^ 0xffffffff), entry["crc"]
assert entry["seq"] == 7 and entry["kind"] == "seal" and entry["time"] == "2026-11-22T09:00:00.000Z"
`)
	cmd.Stdin = bytes.NewReader(appendLine(nil, b, true))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
