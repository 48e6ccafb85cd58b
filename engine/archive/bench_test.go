package archive

import (
	"context"
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// BenchmarkVerify reads 4 files of some 80 MB, as a camera of 8 Mbit/s fills them, from
// the page cache with one worker.
func BenchmarkVerify(b *testing.B) {
	for name, deep := range map[string]bool{"plain": false, "deep": true} {
		b.Run(name, func(b *testing.B) {
			m := begin(b, vfs.OS(), b.TempDir(), "a")
			m.run("a", nine)
			start := nine
			for range 4 {
				s := m.open("a", start)
				s.heavy(80 * time.Second)
				s.commit()
				s.seal()
				start = start.Add(80 * time.Second)
			}
			m.close(start)
			var bytes int64
			b.ResetTimer()
			for b.Loop() {
				r, err := Verify(context.Background(), m.fs, m.dir, VerifyOptions{Workers: 1, Deep: deep})
				if err != nil || r.Status != Clean {
					b.Fatal(err, found(r))
				}
				bytes = r.Bytes
			}
			b.SetBytes(bytes)
		})
	}
}

// heavy adds pictures of 40 kB, at 25 a second.
func (s *open) heavy(d time.Duration) {
	key := media.AppendNAL(append([]byte(nil), sets...), append([]byte{0x65, 0x88}, make([]byte, 40<<10)...))
	other := media.AppendNAL(nil, append([]byte{0x41, 0x9a}, make([]byte, 40<<10)...))
	for i := range len(key) - len(sets) - 6 { // not zeros, which a decoder may take for start codes
		key[len(sets)+6+i] = byte(i%251 + 1)
	}
	for i := range len(other) - 6 {
		other[6+i] = byte(i%241 + 1)
	}
	for n := range int64(d / (40 * time.Millisecond)) {
		u := segment.Sample{DTS: n * 3600, Duration: 3600, Key: n%25 == 0, Data: other}
		if u.Key {
			u.Data = key
		}
		if _, span, _ := s.w.Pending(); u.Key || span >= 250*time.Millisecond {
			s.must(s.w.Flush())
		}
		s.must(s.w.Add(u))
	}
}
