package vfs_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"rtsprec/engine/vfs"
	"rtsprec/engine/vfs/crashfs"
)

// The two implementations are held together by a long random sequence of operations
// too, not only by the cases somebody thought of.
func FuzzBothFileSystemsAgree(f *testing.F) {
	f.Add([]byte("\x00\x10\x20\x31\x42\x53\x64\x05\x16\x27\x00\x11\x22\x33\x44\x55"))
	f.Add(slices.Repeat([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 40, 81, 130, 200, 255}, 8))
	f.Fuzz(func(t *testing.T, script []byte) {
		mem := crashfs.New()
		must(t, mem.MkdirAll("/d", 0o755))
		host, dir := vfs.OS(), t.TempDir()
		a, b := play(mem, "/d", script), play(host, dir, script)
		for i := range a {
			if a[i] != b[i] {
				t.Fatalf("step %d: crashfs says %q, the host %q", i, a[i], b[i])
			}
		}
	})
}

// play runs operations drawn from a script and tells the outcome of each.
func play(f vfs.FS, dir string, script []byte) []string {
	files := []string{"a", "b", "s/a", "s", "t"}
	name := func(b byte) string { return filepath.Join(dir, files[int(b)%len(files)]) }
	var log []string
	say := func(what string, err error) {
		if n, ok := errors.AsType[syscall.Errno](err); ok {
			what += " " + n.Error()
		} else if err != nil {
			what += " failed"
		}
		log = append(log, what)
	}
	for len(script) >= 3 && len(log) < 200 {
		op, x, y := script[0], script[1], script[2]
		script = script[3:]
		switch op % 8 {
		case 0:
			h, err := f.Create(name(x), 0o600)
			if err == nil {
				h.Write(bytes.Repeat([]byte{y}, int(y)*50))
				h.Close()
			}
			say("create", err)
		case 1, 2:
			if info, err := f.Stat(name(x)); err != nil || info.IsDir() {
				continue
			}
			h, err := f.OpenRW(name(x))
			if err == nil {
				switch op % 3 {
				case 0:
					_, err = h.WriteAt([]byte("hello"), int64(y)*40)
				case 1:
					err = h.Truncate(int64(y) * 40)
					h.Write([]byte("!"))
				case 2:
					_, err = h.Write(bytes.Repeat([]byte{y}, 500))
					h.Sync()
				}
				h.Close()
			}
			say("change", err)
		case 3:
			say("rename", f.Rename(name(x), name(y)))
		case 4:
			say("remove", f.Remove(name(x)))
		case 5:
			say("mkdir", f.Mkdir(name(x), 0o755))
		case 6:
			entries, err := f.ReadDir(name(x))
			what := "list"
			for _, e := range entries {
				what += " " + e.Name()
			}
			say(what, err)
		case 7:
			if info, err := f.Stat(name(x)); err == nil && !info.IsDir() {
				data, err := vfs.ReadFile(f, name(x), 1<<20)
				say("read "+string(data), err)
			}
		}
	}
	return log
}
