package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
	"rtsprec/engine/vfs/crashfs"
)

// conform runs one test over every implementation, in an empty directory.
func conform(t *testing.T, test func(t *testing.T, f vfs.FS, dir string)) {
	t.Run("os", func(t *testing.T) { test(t, vfs.OS(), t.TempDir()) })
	t.Run("crashfs", func(t *testing.T) {
		f := crashfs.New()
		must(t, f.MkdirAll("/tmp/x", 0o755))
		test(t, f, "/tmp/x")
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantIs(t *testing.T, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: %v, want %v", what, err, target)
	}
}

func create(t *testing.T, f vfs.FS, name, content string) {
	t.Helper()
	h, err := f.Create(name, 0o640)
	must(t, err)
	_, err = io.WriteString(h, content)
	must(t, err)
	must(t, h.Close())
}

func content(t *testing.T, f vfs.FS, name string) string {
	t.Helper()
	data, err := vfs.ReadFile(f, name, 1<<30)
	must(t, err)
	return string(data)
}

func names(t *testing.T, f vfs.FS, dir string) string {
	t.Helper()
	entries, err := f.ReadDir(dir)
	must(t, err)
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return strings.Join(list, " ")
}

func TestCreateIsExclusive(t *testing.T) {
	conform(t, func(t *testing.T, f vfs.FS, dir string) {
		name := filepath.Join(dir, "a")
		create(t, f, name, "one")
		_, err := f.Create(name, 0o600)
		wantIs(t, "create again", err, fs.ErrExist)
		_, err = f.Create(filepath.Join(dir, "no", "a"), 0o600)
		wantIs(t, "create in no directory", err, fs.ErrNotExist)
		_, err = f.Create(filepath.Join(name, "b"), 0o600)
		wantIs(t, "create below a file", err, syscall.ENOTDIR)
		_, err = f.Create(filepath.Join(dir, strings.Repeat("x", 256)), 0o600)
		wantIs(t, "create with 256 bytes of name", err, syscall.ENAMETOOLONG)
		create(t, f, filepath.Join(dir, strings.Repeat("x", 255)), "")
		if got := content(t, f, name); got != "one" {
			t.Errorf("content is %q", got)
		}
		info, err := f.Stat(name)
		must(t, err)
		if info.Size() != 3 || info.Mode().Perm() != 0o640 || info.IsDir() || info.Name() != "a" {
			t.Errorf("stat: %d bytes, %v, %q", info.Size(), info.Mode(), info.Name())
		}
	})
}

func TestWriteGoesOnBehindItsOwnLastByte(t *testing.T) {
	conform(t, func(t *testing.T, f vfs.FS, dir string) {
		name := filepath.Join(dir, "a")
		create(t, f, name, "0123456789")
		h, err := f.OpenRW(name)
		must(t, err)
		write := func(text string) {
			n, err := io.WriteString(h, text)
			must(t, err)
			if n != len(text) {
				t.Fatalf("wrote %d of %d", n, len(text))
			}
		}
		write("ab")
		_, err = h.WriteAt([]byte("XY"), 1)
		must(t, err)
		write("cd")
		must(t, h.Truncate(12))
		write("e")
		must(t, h.Truncate(15))
		write("f")
		size, err := h.Size()
		must(t, err)
		if got, want := content(t, f, name), "0XY3456789abe\x00\x00f"; got != want || size != 16 {
			t.Errorf("content is %q, %d bytes; want %q", got, size, want)
		}
		must(t, h.Sync())
		must(t, h.Close())
		wantIs(t, "close twice", h.Close(), fs.ErrClosed)
		_, err = h.Write([]byte("x"))
		wantIs(t, "write when closed", err, fs.ErrClosed)
		wantIs(t, "sync when closed", h.Sync(), fs.ErrClosed)
	})
}

func TestReadAtEndsAsReaderAtDoes(t *testing.T) {
	conform(t, func(t *testing.T, f vfs.FS, dir string) {
		name := filepath.Join(dir, "a")
		create(t, f, name, "0123456789")
		h, err := f.Open(name)
		must(t, err)
		defer h.Close()
		for _, c := range []struct {
			off  int64
			len  int
			want string
			err  error
		}{{0, 4, "0123", nil}, {8, 2, "89", nil}, {8, 4, "89", io.EOF}, {10, 1, "", io.EOF}, {99, 1, "", io.EOF}, {3, 0, "", nil}} {
			p := make([]byte, c.len)
			n, err := h.ReadAt(p, c.off)
			if string(p[:n]) != c.want || err != c.err {
				t.Errorf("ReadAt(%d bytes, %d) = %q, %v", c.len, c.off, p[:n], err)
			}
		}
		if _, err := h.ReadAt(make([]byte, 1), -1); err == nil {
			t.Error("a negative offset is read")
		}
		_, err = h.Write([]byte("x"))
		wantIs(t, "write to a file open for reading", err, syscall.EBADF)
		// A file that is open for reading can be synced: that is how what a killed process
		// wrote is made durable.
		must(t, h.Sync())
	})
}

func TestHolesReadAsZeros(t *testing.T) {
	conform(t, func(t *testing.T, f vfs.FS, dir string) {
		name := filepath.Join(dir, "a")
		h, err := f.Create(name, 0o600)
		must(t, err)
		defer h.Close()
		_, err = h.WriteAt([]byte("end"), 10000)
		must(t, err)
		must(t, h.Truncate(10001))
		must(t, h.Truncate(20000))
		want := append(make([]byte, 10000), 'e')
		want = append(want, make([]byte, 9999)...)
		if got := content(t, f, name); !bytes.Equal([]byte(got), want) {
			t.Errorf("%d bytes, wrong", len(got))
		}
	})
}

func TestRenameReplaces(t *testing.T) {
	conform(t, func(t *testing.T, f vfs.FS, dir string) {
		a, b, sub := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "sub")
		create(t, f, a, "one")
		create(t, f, b, "two")
		old, err := f.Open(b)
		must(t, err)
		defer old.Close()
		must(t, f.Rename(a, b))
		if got := names(t, f, dir) + content(t, f, b); got != "bone" {
			t.Errorf("after the rename: %q", got)
		}
		p := make([]byte, 3)
		if _, err := old.ReadAt(p, 0); err != nil || string(p) != "two" {
			t.Errorf("the file that was replaced reads %q, %v through an open handle", p, err)
		}
		wantIs(t, "rename of nothing", f.Rename(a, b), fs.ErrNotExist)
		must(t, f.Mkdir(sub, 0o755))
		must(t, f.Rename(b, filepath.Join(sub, "c")))
		wantIs(t, "rename into no directory", f.Rename(filepath.Join(sub, "c"), filepath.Join(dir, "no", "c")), fs.ErrNotExist)
		if got := names(t, f, dir) + " " + names(t, f, sub); got != "sub c" {
			t.Errorf("after moving: %q", got)
		}
		// A directory moves with what is in it.
		must(t, f.Rename(sub, filepath.Join(dir, "moved")))
		if got := content(t, f, filepath.Join(dir, "moved", "c")); got != "one" {
			t.Errorf("in the moved directory: %q", got)
		}
		create(t, f, a, "")
		for _, names := range [][2]string{{"a", "moved"}, {"moved", "a"}} {
			if f.Rename(filepath.Join(dir, names[0]), filepath.Join(dir, names[1])) == nil {
				t.Errorf("%s replaced %s", names[0], names[1])
			}
		}
	})
}

func TestRemove(t *testing.T) {
	conform(t, func(t *testing.T, f vfs.FS, dir string) {
		a, sub := filepath.Join(dir, "a"), filepath.Join(dir, "sub")
		create(t, f, a, "one")
		must(t, f.Mkdir(sub, 0o755))
		create(t, f, filepath.Join(sub, "b"), "")
		h, err := f.OpenRW(a)
		must(t, err)
		must(t, f.Remove(a))
		_, err = h.Write([]byte("two"))
		must(t, err)
		must(t, h.Sync())
		must(t, h.Close())
		wantIs(t, "remove again", f.Remove(a), fs.ErrNotExist)
		_, err = f.Stat(a)
		wantIs(t, "stat", err, fs.ErrNotExist)
		wantIs(t, "remove a directory with files", f.Remove(sub), syscall.ENOTEMPTY)
		must(t, f.Remove(filepath.Join(sub, "b")))
		must(t, f.Remove(sub))
		if got := names(t, f, dir); got != "" {
			t.Errorf("left: %q", got)
		}
	})
}

func TestDirectories(t *testing.T) {
	conform(t, func(t *testing.T, f vfs.FS, dir string) {
		deep := filepath.Join(dir, "x", "y", "z")
		wantIs(t, "mkdir without its parent", f.Mkdir(deep, 0o755), fs.ErrNotExist)
		must(t, f.MkdirAll(deep, 0o755))
		must(t, f.MkdirAll(deep, 0o755))
		wantIs(t, "mkdir again", f.Mkdir(deep, 0o755), fs.ErrExist)
		for _, name := range []string{"ü", "b", "a"} {
			create(t, f, filepath.Join(deep, name), "")
		}
		wantIs(t, "mkdirall over a file", f.MkdirAll(filepath.Join(deep, "a", "b"), 0o755), syscall.ENOTDIR)
		if got := names(t, f, deep); got != "a b ü" {
			t.Errorf("listed %q", got)
		}
		entries, err := f.ReadDir(filepath.Join(dir, "x"))
		must(t, err)
		if info, err := entries[0].Info(); err != nil || !entries[0].IsDir() || !info.IsDir() {
			t.Errorf("a directory is listed as %v, %v", entries[0], err)
		}
		must(t, f.SyncDir(deep))
		_, err = f.ReadDir(filepath.Join(dir, "no"))
		wantIs(t, "list what is not there", err, fs.ErrNotExist)
		wantIs(t, "sync what is not there", f.SyncDir(filepath.Join(dir, "no")), fs.ErrNotExist)
		_, err = f.ReadDir(filepath.Join(deep, "a"))
		wantIs(t, "list a file", err, syscall.ENOTDIR)
	})
}

func TestTwoLocksExcludeEachOther(t *testing.T) {
	conform(t, func(t *testing.T, f vfs.FS, dir string) {
		name := filepath.Join(dir, "lock")
		first, err := f.Lock(name)
		must(t, err)
		for range 2 {
			_, err = f.Lock(name)
			if !fault.Is(err, fault.Busy) || !fault.Is(vfs.Fault("open", err), fault.Busy) {
				t.Fatalf("second lock: %v", err)
			}
		}
		must(t, first.Close())
		second, err := f.Lock(name)
		must(t, err)
		must(t, first.Close()) // again: does nothing
		if _, err := f.Lock(name); !fault.Is(err, fault.Busy) {
			t.Errorf("a lock closed twice took another's away: %v", err)
		}
		must(t, second.Close())
		info, err := f.Stat(name)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("the lock has mode %v", info.Mode())
		}
		if _, err := f.Lock(filepath.Join(dir, "no", "lock")); !fault.Is(vfs.Fault("lock", err), fault.NotFound) {
			t.Errorf("lock in no directory: %v", err)
		}
	})
}

func TestLockedOnlyLooks(t *testing.T) {
	conform(t, func(t *testing.T, f vfs.FS, dir string) {
		name := filepath.Join(dir, "lock")
		locked := func() bool {
			is, err := f.Locked(name)
			must(t, err)
			return is
		}
		if locked() {
			t.Error("locked before it exists")
		}
		if _, err := f.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("looking made it: %v", err)
		}
		l, err := f.Lock(name)
		must(t, err)
		for range 2 {
			if !locked() {
				t.Error("not locked while it is")
			}
		}
		must(t, l.Close())
		if locked() {
			t.Error("locked after it was closed")
		}
	})
}

// TestLockedDoesNotStandInTheWayOfLock asks all the time.
func TestLockedDoesNotStandInTheWayOfLock(t *testing.T) {
	conform(t, func(t *testing.T, f vfs.FS, dir string) {
		name := filepath.Join(dir, "lock")
		stop := make(chan struct{})
		var asking sync.WaitGroup
		asking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					f.Locked(name)
				}
			}
		})
		for range 200 {
			l, err := f.Lock(name)
			must(t, err)
			must(t, l.Close())
		}
		close(stop)
		asking.Wait()
	})
}

func TestAFileThatIsHeldCannotBeSeized(t *testing.T) {
	conform(t, func(t *testing.T, f vfs.FS, dir string) {
		name := filepath.Join(dir, "a")
		create(t, f, name, "bytes")
		one, err := f.Hold(name)
		must(t, err)
		two, err := f.Hold(name)
		must(t, err)
		seize := func(want bool) {
			t.Helper()
			l, err := f.Seize(name)
			if err == nil != want || err != nil && !fault.Is(vfs.Fault("seize", err), fault.Busy) {
				t.Errorf("seized: %v, want %t", err, want)
			}
			if err == nil {
				_, err := f.Hold(name)
				if !fault.Is(vfs.Fault("hold", err), fault.Busy) {
					t.Errorf("held while it is seized: %v", err)
				}
				must(t, l.Close())
			}
		}
		seize(false)
		must(t, one.Close())
		seize(false)
		if err := f.Rename(name, name+"2"); err != nil || content(t, f, name+"2") != "bytes" {
			t.Errorf("what is held cannot be renamed: %v", err)
		}
		must(t, f.Rename(name+"2", name))
		must(t, two.Close())
		seize(true)
		_, err = f.Hold(filepath.Join(dir, "no"))
		wantIs(t, "hold nothing", err, fs.ErrNotExist)
		_, err = f.Seize(filepath.Join(dir, "no"))
		wantIs(t, "seize nothing", err, fs.ErrNotExist)
	})
}

func TestFree(t *testing.T) {
	conform(t, func(t *testing.T, f vfs.FS, dir string) {
		if n, err := f.Free(dir); err != nil || n == 0 {
			t.Errorf("%d bytes free, %v", n, err)
		}
		_, err := f.Free(filepath.Join(dir, "no"))
		wantIs(t, "free of nothing", err, fs.ErrNotExist)
	})
}

func TestReplaceIsAtomicAndLeavesNothingBeside(t *testing.T) {
	conform(t, func(t *testing.T, f vfs.FS, dir string) {
		name := filepath.Join(dir, "a")
		create(t, f, name+vfs.TempSuffix, "left by a crash")
		for _, text := range []string{"one", "twofold"} {
			must(t, vfs.Replace(f, name, []byte(text), 0o600))
			if got := names(t, f, dir) + content(t, f, name); got != "a"+text {
				t.Errorf("after Replace: %q", got)
			}
		}
		info, err := f.Stat(name)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v", info.Mode())
		}
		if _, err := vfs.ReadFile(f, name, 6); err == nil {
			t.Error("7 bytes fit in 6")
		}
	})
}
