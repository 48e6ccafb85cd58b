package crashfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
	"rtsprec/engine/vfs/crashfs"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// create makes a durable file.
func create(t testing.TB, f *crashfs.FS, name string, data []byte) vfs.File {
	t.Helper()
	h, err := f.Create(name, 0o600)
	must(t, err)
	write(t, h, data)
	must(t, h.Sync())
	must(t, f.SyncDir("/"))
	return h
}

func write(t testing.TB, h vfs.File, data []byte) {
	t.Helper()
	_, err := h.Write(data)
	must(t, err)
}

// read returns a file's content, or what is wrong.
func read(f vfs.FS, name string) string {
	data, err := vfs.ReadFile(f, name, 1<<30)
	if errors.Is(err, fs.ErrNotExist) {
		return "absent"
	}
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func wantModes(t *testing.T, f *crashfs.FS, name string, kept, dropped, zeroed string) {
	t.Helper()
	for mode, want := range map[crashfs.Mode]string{crashfs.Kept: kept, crashfs.Dropped: dropped, crashfs.Zeroed: zeroed} {
		if got := read(f.Clone(mode), name); got != want {
			t.Errorf("%s after a cut, %v: %.60q (%d bytes), want %.60q", name, mode, got, len(got), want)
		}
	}
}

func TestUnsyncedBytesAreKeptDroppedOrZeros(t *testing.T) {
	f := crashfs.New()
	h := create(t, f, "/a", []byte("0123"))
	write(t, h, []byte("4567"))
	_, err := h.WriteAt([]byte("XY"), 1)
	must(t, err)
	wantModes(t, f, "/a", "0XY34567", "0123", "0123\x00\x00\x00\x00")
	must(t, h.Sync())
	wantModes(t, f, "/a", "0XY34567", "0XY34567", "0XY34567")
	must(t, h.Truncate(2))
	wantModes(t, f, "/a", "0X", "0XY34567", "0X")
	write(t, h, []byte("ab"))
	wantModes(t, f, "/a", "0Xab", "0XY34567", "0XY3")
	must(t, h.Truncate(6))
	must(t, h.Sync())
	wantModes(t, f, "/a", "0Xab\x00\x00", "0Xab\x00\x00", "0Xab\x00\x00")
}

func TestUnsyncedNamesAreKeptOrDropped(t *testing.T) {
	f := crashfs.New()
	create(t, f, "/a", []byte("old")).Close()
	b := create(t, f, "/b", []byte("new"))
	must(t, f.Rename("/b", "/a"))
	wantModes(t, f, "/a", "new", "old", "new")
	wantModes(t, f, "/b", "absent", "new", "absent")
	must(t, b.Sync()) // syncing the file does not make its name durable
	wantModes(t, f, "/a", "new", "old", "new")
	must(t, f.SyncDir("/"))
	wantModes(t, f, "/a", "new", "new", "new")
	must(t, f.Remove("/a"))
	wantModes(t, f, "/a", "absent", "new", "absent")
	must(t, f.SyncDir("/"))
	wantModes(t, f, "/a", "absent", "absent", "absent")
}

func TestADirectoryIsDurableWithItsParent(t *testing.T) {
	f := crashfs.New()
	must(t, f.Mkdir("/d", 0o755))
	h, err := f.Create("/d/a", 0o600)
	must(t, err)
	write(t, h, []byte("x"))
	must(t, h.Sync())
	must(t, f.SyncDir("/d"))
	wantModes(t, f, "/d/a", "x", "absent", "x")
	must(t, f.SyncDir("/"))
	wantModes(t, f, "/d/a", "x", "x", "x")
}

func TestARenameBetweenDirectoriesIsDurableInHalves(t *testing.T) {
	f := crashfs.New()
	must(t, f.Mkdir("/d", 0o755))
	create(t, f, "/a", []byte("x")).Close()
	must(t, f.SyncDir("/"))
	must(t, f.Rename("/a", "/d/a"))
	other := f.Clone(crashfs.Kept)
	must(t, f.SyncDir("/d"))
	if got := read(f.Clone(crashfs.Dropped), "/d/a") + read(f.Clone(crashfs.Dropped), "/a"); got != "xx" {
		t.Errorf("target synced first: %q", got)
	}
	if got := read(other.Clone(crashfs.Dropped), "/d/a"); got != "x" {
		t.Errorf("a clone begins durable: %q", got)
	}
}

func TestAFailedSyncLosesAndTheNextOneLies(t *testing.T) {
	f := crashfs.New()
	h := create(t, f, "/a", []byte("0123"))
	write(t, h, []byte(strings.Repeat("x", 8192)))
	f.Fail(f.Ops()+1, syscall.EIO)
	if err := h.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("sync: %v", err)
	}
	all := "0123" + strings.Repeat("x", 8192)
	if got := read(f, "/a"); got != all {
		t.Errorf("the cache forgot what a failed sync lost: %d bytes", len(got))
	}
	wantModes(t, f, "/a", "0123"+strings.Repeat("\x00", 8192), "0123", "0123"+strings.Repeat("\x00", 8192))
	must(t, h.Sync())
	wantModes(t, f, "/a", "0123"+strings.Repeat("\x00", 8192), "0123"+strings.Repeat("\x00", 8192), "0123"+strings.Repeat("\x00", 8192))
	// A page that is written again is written whole.
	write(t, h, []byte("!"))
	must(t, h.Sync())
	if got, want := read(f.Clone(crashfs.Dropped), "/a"), "0123"+strings.Repeat("\x00", 8188)+"xxxx!"; got != want {
		t.Errorf("after writing on: %q...%q", got[:8], got[len(got)-8:])
	}
}

// After a mixed cut each sector is as synced, or as last written, and the size is between.
func TestAMixedCutIsOldOrNewSectorBySector(t *testing.T) {
	f := crashfs.New()
	h := create(t, f, "/a", bytes.Repeat([]byte("o"), 10000))
	_, err := h.WriteAt(bytes.Repeat([]byte("n"), 20000), 0)
	must(t, err)
	sizes, kinds := map[int]bool{}, map[string]int{}
	for seed := range uint64(200) {
		got := read(f.CloneMixed(seed), "/a")
		if again := read(f.CloneMixed(seed), "/a"); got != again {
			t.Fatal("the same seed gives another cut")
		}
		sizes[len(got)] = true
		if len(got) < 10000 || len(got) > 20000 {
			t.Fatalf("%d bytes", len(got))
		}
		for at := 0; at < len(got); at += 512 {
			sector := got[at:min(at+512, len(got))]
			for i, b := range []byte(sector) {
				old := byte('o')
				if at+i >= 10000 {
					old = 0
				}
				if b != 'n' && b != old {
					t.Fatalf("byte %d is %q", at+i, b)
				}
				if (b == 'n') != (sector[0] == 'n') {
					t.Fatalf("the sector at %d is torn", at)
				}
			}
			kinds[sector[:1]]++
		}
	}
	if len(sizes) < 10 || len(kinds) != 3 {
		t.Errorf("%d sizes, sectors %v: little variety", len(sizes), kinds)
	}
}

func TestAMixedCutKeepsTheOrderOfNames(t *testing.T) {
	f := crashfs.New()
	for i := range 5 {
		h, err := f.Create(fmt.Sprintf("/%d", i), 0o600)
		must(t, err)
		must(t, h.Close())
	}
	seen := map[int]bool{}
	for seed := range uint64(100) {
		entries, err := f.CloneMixed(seed).ReadDir("/")
		must(t, err)
		for i, e := range entries {
			if e.Name() != fmt.Sprint(i) {
				t.Fatalf("name %d is %s", i, e.Name())
			}
		}
		seen[len(entries)] = true
	}
	if len(seen) != 6 {
		t.Errorf("%v of 0 to 5 names seen", seen)
	}
}

func TestACloneAndItsOriginalDoNotSeeEachOther(t *testing.T) {
	f := crashfs.New()
	h := create(t, f, "/a", []byte("0123"))
	c := f.Clone(crashfs.Kept)
	_, err := h.WriteAt([]byte("O"), 0)
	must(t, err)
	ch, err := c.OpenRW("/a")
	must(t, err)
	_, err = ch.WriteAt([]byte("C"), 1)
	must(t, err)
	must(t, c.Remove("/a"))
	if got := read(f, "/a") + read(c, "/a"); got != "O123absent" {
		t.Errorf("%q", got)
	}
	if got := read(c.Clone(crashfs.Dropped), "/a"); got != "0123" {
		t.Errorf("the clone's durable file is %q", got)
	}
}

// Whatever is done to a file, the original and its clones read what a plain model says.
func TestRandomWritesMatchAModel(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		f := crashfs.New()
		h := create(t, f, "/a", nil)
		var live, durable []byte
		for range 60 {
			switch rng.IntN(5) {
			case 0:
				size := rng.IntN(20000)
				must(t, h.Truncate(int64(size)))
				live = append(live[:min(size, len(live))], make([]byte, max(0, size-len(live)))...)
			case 1:
				must(t, h.Sync())
				durable = bytes.Clone(live)
			case 2:
				if c := f.Clone(crashfs.Kept); read(c, "/a") != string(live) {
					t.Fatalf("seed %d: kept differs", seed)
				}
				if c := f.Clone(crashfs.Dropped); read(c, "/a") != string(durable) {
					t.Fatalf("seed %d: dropped differs", seed)
				}
				want := make([]byte, len(live))
				copy(want, durable)
				if c := f.Clone(crashfs.Zeroed); read(c, "/a") != string(want) {
					t.Fatalf("seed %d: zeroed differs", seed)
				}
			default:
				p := bytes.Repeat([]byte{byte(1 + rng.IntN(255))}, rng.IntN(6000))
				off := rng.IntN(20000)
				_, err := h.WriteAt(p, int64(off))
				must(t, err)
				if len(p) > 0 {
					live = append(live, make([]byte, max(0, off+len(p)-len(live)))...)
					copy(live[off:], p)
				}
			}
			if read(f, "/a") != string(live) {
				t.Fatalf("seed %d: differs", seed)
			}
		}
	}
}

func TestNoSpaceWritesWhatFits(t *testing.T) {
	f := crashfs.New()
	h := create(t, f, "/a", []byte("0123"))
	f.SetSpace(10)
	n, err := h.Write([]byte("456789abc"))
	if n != 6 || !fault.Is(vfs.Fault("write", err), fault.DiskFull) {
		t.Errorf("wrote %d, %v", n, err)
	}
	if n, err := h.WriteAt([]byte("XYZ"), 3); n != 3 || err != nil {
		t.Errorf("an overwrite needs no space: %d, %v", n, err)
	}
	if _, err := f.Create("/b", 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("create: %v", err)
	}
	if free, err := f.Free("/"); free != 0 || err != nil {
		t.Errorf("%d free, %v", free, err)
	}
	must(t, f.Remove("/a"))
	if f.Used() != 10 {
		t.Errorf("%d used by a removed file that is open", f.Used())
	}
	must(t, h.Close())
	if f.Used() != 0 {
		t.Errorf("%d used by nothing", f.Used())
	}
	create(t, f, "/b", []byte("0123456789"))
	if got := f.Clone(crashfs.Kept).Used(); got != 10 {
		t.Errorf("a clone of 10 bytes uses %d", got)
	}
}

func TestFaultsHitWhatTheyAreAimedAt(t *testing.T) {
	f := crashfs.New()
	h := create(t, f, "/a", []byte("0123"))
	f.Fail(f.Ops()+2, &crashfs.Short{N: 2, Err: syscall.EIO})
	write(t, h, []byte("45"))
	if n, err := h.Write([]byte("6789")); n != 2 || !errors.Is(err, syscall.EIO) {
		t.Errorf("short write: %d, %v", n, err)
	}
	write(t, h, []byte("8"))
	f.SetError(func(op crashfs.Op) error {
		if op.Kind == crashfs.Read && op.Name == "/a" || op.Kind == crashfs.Rename {
			return syscall.EROFS
		}
		return nil
	})
	for range 2 {
		if _, err := h.ReadAt(make([]byte, 1), 0); !errors.Is(err, syscall.EROFS) {
			t.Errorf("read: %v", err)
		}
		if err := f.Rename("/a", "/b"); !errors.Is(err, syscall.EROFS) {
			t.Errorf("rename: %v", err)
		}
	}
	f.SetError(nil)
	if got := read(f, "/a"); got != "01234567"+"8" {
		t.Errorf("%q", got)
	}
}

func TestTheHookSeesEachChangeBeforeAndAfter(t *testing.T) {
	f := crashfs.New()
	var log []string
	f.OnOp(func(op crashfs.Op) {
		log = append(log, fmt.Sprintf("%d %s %s %v %v", op.N, op.Kind, read(f, "/a"), op.Done, op.Err != nil))
	})
	f.Fail(3, syscall.EIO)
	h, err := f.Create("/a", 0o600)
	must(t, err)
	write(t, h, []byte("x"))
	if h.Sync() == nil {
		t.Error("no fault")
	}
	want := "1 create absent false false,1 create  true false,2 write  false false,2 write x true false,3 sync x false false,3 sync x true true"
	if got := strings.Join(log, ","); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestABlockingHookIsASlowSyncThatHoldsNothingElseUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := crashfs.New()
		slow, quick := create(t, f, "/slow", nil), create(t, f, "/quick", nil)
		f.OnOp(func(op crashfs.Op) {
			if op.Kind == crashfs.Sync && op.Name == "/slow" && !op.Done {
				time.Sleep(10 * time.Second)
			}
		})
		begin := time.Now()
		done := make(chan error)
		go func() { done <- slow.Sync() }()
		write(t, slow, []byte("x"))
		must(t, quick.Sync())
		if since := time.Since(begin); since != 0 {
			t.Errorf("others waited %v", since)
		}
		must(t, <-done)
		if since := time.Since(begin); since != 10*time.Second {
			t.Errorf("the sync took %v", since)
		}
	})
}

func TestRemoveAllIsAsSomebodyElseDoesIt(t *testing.T) {
	f := crashfs.New()
	must(t, f.MkdirAll("/d/e", 0o755))
	h, err := f.Create("/d/e/a", 0o600)
	must(t, err)
	write(t, h, []byte("x"))
	f.RemoveAll("/d")
	write(t, h, []byte("y"))
	must(t, h.Sync())
	if _, err := f.Stat("/d"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat: %v", err)
	}
	must(t, h.Close())
	if f.Used() != 0 {
		t.Errorf("%d bytes used", f.Used())
	}
}

// A test that cuts at every write makes thousands of clones.
func BenchmarkCloneOf20Files(b *testing.B) {
	f := crashfs.New()
	var files []vfs.File
	for i := range 20 {
		files = append(files, create(b, f, fmt.Sprintf("/%d", i), make([]byte, 300<<10)))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		write(b, files[i%20], []byte("a line of a journal or so"))
		f.CloneMixed(uint64(i))
	}
}
