//go:build cgo

package av

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rtsprec/engine/fault"
)

// Files whose bytes are wrong here and there are read or refused, and leave nothing
// behind; RTSPREC_SOAK says for how long they are tried.
func TestBrokenFilesAreReadOrRefused(t *testing.T) {
	long, err := time.ParseDuration(os.Getenv("RTSPREC_SOAK"))
	if err != nil {
		long = time.Second
	}
	var whole [][]byte
	names := []string{"a.mp4", "a.mkv", "a.ts", "a.avi"}
	for _, name := range names {
		data, err := os.ReadFile(made(t, name, "-c:v", "mpeg4", "-c:a", "aac", "-t", "0.6"))
		if err != nil {
			t.Fatal(err)
		}
		whole = append(whole, data)
	}
	dir, seed, units := t.TempDir(), uint64(1), 0
	for end := time.Now().Add(long); time.Now().Before(end) && !t.Failed(); seed++ {
		r := rand.New(rand.NewPCG(seed, 1))
		i := r.IntN(len(whole))
		data := append([]byte{}, whole[i]...)
		for range 1 + r.IntN(20) {
			at := r.IntN(len(data))
			if r.IntN(2) == 0 { // headers stand at the start or the end
				at = min(r.IntN(3000), len(data)-1)
			}
			data[at] = byte(r.Uint32())
		}
		path := filepath.Join(dir, names[i])
		if err := os.WriteFile(path, data[:len(data)-r.IntN(len(data)/4)], 0o600); err != nil {
			t.Fatal(err)
		}
		c := newCoder(t)
		f, err := c.File(context.Background(), path, start)
		if err != nil {
			if !fault.Is(err, fault.Unsupported) {
				t.Errorf("seed %d: %v is %v", seed, err, fault.KindOf(err))
			}
			continue
		}
		for {
			au, err := f.Next(context.Background())
			if err != nil {
				if !errors.Is(err, io.EOF) && !fault.Is(err, fault.Damaged) {
					t.Errorf("seed %d: %v is %v", seed, err, fault.KindOf(err))
				}
				break
			}
			if units++; au.DTS > au.PTS || len(au.Data) == 0 {
				t.Errorf("seed %d: a unit with DTS %d, PTS %d, %d bytes", seed, au.DTS, au.PTS, len(au.Data))
			}
		}
		f.Close()
	}
	if t.Logf("%d files, %d units", seed-1, units); units == 0 {
		t.Error("nothing could be read of any")
	}
}
