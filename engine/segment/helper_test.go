package segment

import (
	"bytes"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// start has nanoseconds, so that rounding anywhere would show.
var start = time.Date(2026, 11, 22, 9, 0, 0, 123456789, time.UTC)

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// script is the units of several tracks in the order in which a recorder adds them.
type script struct {
	header  Header
	samples []Sample
}

// mix puts clips into one segment, each shifted by so many milliseconds.
func mix(shifts []int64, clips ...clip) script {
	s := script{header: Header{Camera: "Tür 1", Start: start}}
	for i, c := range clips {
		c.track.ID = media.TrackID(i)
		s.header.Tracks = append(s.header.Tracks, c.track)
		for _, u := range c.samples {
			u.Track = i
			u.DTS += shifts[i] * int64(c.track.ClockRate) / 1000
			s.samples = append(s.samples, u)
		}
	}
	sortByTime(s.header, s.samples)
	return s
}

func sortByTime(h Header, samples []Sample) {
	at := func(s Sample) time.Duration { return media.ToDuration(s.DTS, h.Tracks[s.Track].ClockRate) }
	for i := 1; i < len(samples); i++ { // stable, nearly sorted runs
		for j := i; j > 0 && at(samples[j]) < at(samples[j-1]); j-- {
			samples[j], samples[j-1] = samples[j-1], samples[j]
		}
	}
}

// cut reports whether a recorder flushes before adding s: a key picture, or a full
// fragment of 250 ms.
func cut(h Header, w *Writer, s Sample) bool {
	if s.Key && h.Tracks[s.Track].Codec.Video() {
		return true
	}
	_, span, _ := w.Pending()
	return span+media.ToDuration(int64(s.Duration), h.Tracks[s.Track].ClockRate) > 250*time.Millisecond
}

// write adds the samples and flushes as a recorder would, the last fragment too.
func (s script) write(t testing.TB, w *Writer, samples []Sample) {
	t.Helper()
	for _, u := range samples {
		if cut(s.header, w, u) {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Add(u); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// create writes an open segment to the host's disk.
func (s script) create(t testing.TB, name string) (path string, f vfs.File, w *Writer) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	f = must[vfs.File](t)(vfs.OS().Create(path, 0o600))
	t.Cleanup(func() { f.Close() })
	w = must[*Writer](t)(NewWriter(f, s.header))
	s.write(t, w, s.samples)
	return path, f, w
}

// scan reads a file of which nothing is wrong.
func scan(t testing.TB, f vfs.File, o ScanOptions) *File {
	t.Helper()
	size := must[int64](t)(f.Size())
	file := must[*File](t)(Scan(f, size, o))
	if file.Problem != nil {
		t.Fatal(file.Problem)
	}
	return file
}

// byTrack sorts samples into tracks.
func byTrack(n int, samples []Sample) [][]Sample {
	list := make([][]Sample, n)
	for _, s := range samples {
		list[s.Track] = append(list[s.Track], s)
	}
	return list
}

// read returns all units of a file.
func read(t testing.TB, f *File) []Sample {
	t.Helper()
	var list []Sample
	for u, err := range f.Samples(0, len(f.Fragments)) {
		if err != nil {
			t.Fatal(err)
		}
		if want := f.Header.at(u.Track, u.DTS+int64(u.Offset)); u.PTS != u.DTS+int64(u.Offset) || !u.Time.Equal(want) {
			t.Fatalf("unit at %d ticks has PTS %d and time %v", u.DTS, u.PTS, u.Time)
		}
		list = append(list, u.Sample)
	}
	return list
}

// same fails unless got is want, track by track, in data and in times.
func same(t testing.TB, tracks int, want, got []Sample) {
	t.Helper()
	a, b := byTrack(tracks, want), byTrack(tracks, got)
	for i := range a {
		if len(a[i]) != len(b[i]) {
			t.Fatalf("track %d: %d units, want %d", i, len(b[i]), len(a[i]))
		}
		for j := range a[i] {
			x, y := a[i][j], b[i][j]
			if !bytes.Equal(x.Data, y.Data) {
				t.Fatalf("track %d, unit %d: other data", i, j)
			}
			x.Data, y.Data = nil, nil
			if !reflect.DeepEqual(x, y) {
				t.Fatalf("track %d, unit %d: %+v, want %+v", i, j, y, x)
			}
		}
	}
}
