package segment

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"

	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
	"rtsprec/engine/vfs/crashfs"
)

// life writes a toy segment from beginning to end on fs: sync after every third
// fragment, as commits do. It returns the first error.
func life(fs vfs.FS, s script) error {
	f, err := fs.Create("x", 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	w, err := NewWriter(f, s.header)
	if err != nil {
		return err
	}
	fs.SyncDir(".")
	flushes := 0
	for _, u := range s.samples {
		if cut(s.header, w, u) {
			if err := w.Flush(); err != nil {
				return err
			}
			if flushes++; flushes%3 == 0 {
				if err := f.Sync(); err != nil {
					return err
				}
			}
		}
		if err := w.Add(u); err != nil {
			return err
		}
	}
	_, err = w.Seal()
	return err
}

// repair does with a file what recovery does, and returns what it then holds. nil means
// that there was no beginning of a segment, and so no media.
func repair(t *testing.T, fs vfs.FS) *File {
	t.Helper()
	f, err := fs.OpenRW("x")
	if err != nil {
		return nil
	}
	t.Cleanup(func() { f.Close() })
	size := must[int64](t)(f.Size())
	found, err := Scan(f, size, ScanOptions{})
	if fault.Is(err, fault.Damaged) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	if found.State == Sealed && found.Problem == nil {
		return found
	}
	w := must[*Writer](t)(Resume(f, found))
	sum := must[Summary](t)(w.Seal())
	size = must[int64](t)(f.Size())
	mended := must[*File](t)(Scan(f, size, ScanOptions{}))
	if mended.Problem != nil || mended.State != Sealed || mended.SHA256 != sum.SHA256 || mended.Size != sum.Size {
		t.Fatalf("%v after repair: %v", mended.State, mended.Problem)
	}
	if !slices.Equal(mended.Fragments, found.Fragments) {
		t.Fatal("repair changed the fragments")
	}
	return mended
}

// prefix fails unless f holds the first units of every track of s, and at least the
// committed ones.
func prefix(t *testing.T, s script, f *File, least int) {
	t.Helper()
	want, got := byTrack(4, s.samples), byTrack(4, read(t, f))
	total := 0
	for i := range got {
		if len(got[i]) > len(want[i]) {
			t.Fatalf("track %d has %d units of %d", i, len(got[i]), len(want[i]))
		}
		want[i] = want[i][:len(got[i])]
		total += len(got[i])
	}
	// The duration of a fragment's last unit was nominal, so all else must be equal.
	same(t, 4, slices.Concat(want...), slices.Concat(got...))
	if total < least {
		t.Fatalf("%d units, but %d were synced", total, least)
	}
}

func TestPowerCutAtEveryOperationLeavesASoundPrefix(t *testing.T) {
	s := toy(40)
	fs := crashfs.New()
	type cutAt struct {
		fs     *crashfs.FS
		name   string
		synced int
	}
	var cuts []cutAt
	synced := 0
	fs.OnOp(func(op crashfs.Op) {
		if op.Done && op.Kind == crashfs.Sync {
			synced = len(unitsOn(t, fs))
		}
		name := fmt.Sprintf("%s %d done %v", op.Kind, op.N, op.Done)
		for _, mode := range crashfs.Modes {
			cuts = append(cuts, cutAt{fs.Clone(mode), name + " " + mode.String(), synced})
		}
		for seed := range uint64(4) {
			cuts = append(cuts, cutAt{fs.CloneMixed(seed), name + " mixed", synced})
		}
	})
	if err := life(fs, s); err != nil {
		t.Fatal(err)
	}
	fs.OnOp(nil)
	for _, c := range cuts {
		t.Run(c.name, func(t *testing.T) {
			f := repair(t, c.fs)
			if f == nil {
				if c.synced > 0 {
					t.Fatal("nothing left")
				}
				return
			}
			prefix(t, s, f, c.synced)
		})
	}
	prefix(t, s, repair(t, fs), len(s.samples))
}

func TestAnyPrefixCanBeResumedAndSealed(t *testing.T) {
	s, data, whole := sealed(t, 12)
	_, length := whole.InitRange()
	for n := BodyOffset + length; n <= int64(len(data)); n += 11 {
		fs := crashfs.New()
		f := must[vfs.File](t)(fs.Create("x", 0o600))
		must[int](t)(f.Write(data[:n]))
		f.Close()
		if got := repair(t, fs); len(got.Fragments) != inside(whole, n) {
			t.Fatalf("%d bytes: %d fragments", n, len(got.Fragments))
		} else {
			prefix(t, s, got, 0)
		}
	}
}

func unitsOn(t *testing.T, fs vfs.FS) []Sample {
	f := must[vfs.File](t)(fs.Open("x"))
	defer f.Close()
	size := must[int64](t)(f.Size())
	return read(t, must[*File](t)(Scan(f, size, ScanOptions{})))
}

func TestACrashInTheMiddleOfRepairIsRepairedToo(t *testing.T) {
	s := toy(40)
	fs := crashfs.New()
	fs.Fail(12, errors.New("pulled"))
	if err := life(fs, s); err == nil {
		t.Fatal("nothing failed")
	}
	base := len(unitsOn(t, fs.Clone(crashfs.Kept)))
	again := fs.Clone(crashfs.Kept)
	var cuts []*crashfs.FS
	again.OnOp(func(crashfs.Op) {
		for seed := range uint64(8) {
			cuts = append(cuts, again.CloneMixed(seed))
		}
	})
	repair(t, again)
	again.OnOp(nil)
	for _, c := range cuts {
		prefix(t, s, repair(t, c), base)
	}
	if len(cuts) < 8*2*5 {
		t.Fatalf("%d cuts", len(cuts))
	}
}

func TestAResumedFileGoesOnAndSealsAsOneThatWasNeverInterrupted(t *testing.T) {
	s := toy(30)
	fs := crashfs.New()
	f := must[vfs.File](t)(fs.Create("x", 0o600))
	w := must[*Writer](t)(NewWriter(f, s.header))
	half := len(s.samples) / 2
	s.write(t, w, s.samples[:half])
	before := w.TakeCommit()
	w = must[*Writer](t)(Resume(f, scan(t, f, ScanOptions{})))
	if c := w.TakeCommit(); c.From != before.Size || c.Size != before.Size || c.CRC != 0 {
		t.Fatalf("%+v after %+v", c, before)
	}
	s.write(t, w, s.samples[half:])
	sum := must[Summary](t)(w.Seal())
	other := must[vfs.File](t)(fs.Create("y", 0o600))
	w = must[*Writer](t)(NewWriter(other, s.header))
	s.write(t, w, s.samples[:half])
	s.write(t, w, s.samples[half:])
	if whole := must[Summary](t)(w.Seal()); whole.SHA256 != sum.SHA256 {
		t.Fatalf("%+v, want %+v", sum, whole)
	}
	same(t, 4, s.samples, read(t, scan(t, f, ScanOptions{})))
	if _, err := Resume(f, scan(t, f, ScanOptions{})); err == nil {
		t.Fatal("a sealed file was resumed")
	}
	if _, err := Resume(f, scan(t, f, ScanOptions{Quick: true})); err == nil {
		t.Fatal("a file that was not read was resumed")
	}
}

func TestAFullDiskLosesNothingOnceThereIsSpace(t *testing.T) {
	s := toy(20)
	fs := crashfs.New()
	f := must[vfs.File](t)(fs.Create("x", 0o600))
	w := must[*Writer](t)(NewWriter(f, s.header))
	try := func(do func() error) {
		t.Helper()
		fs.SetSpace(fs.Used() + 100)
		if err := do(); !fault.Is(err, fault.DiskFull) || !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("without space: %v", err)
		}
		fs.SetSpace(-1)
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	for i, u := range s.samples {
		if cut(s.header, w, u) {
			if i%3 == 0 && i > 0 {
				try(w.Flush)
			} else if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Add(u); err != nil {
			t.Fatal(err)
		}
	}
	try(func() error { _, err := w.Seal(); return err })
	same(t, 4, s.samples, read(t, scan(t, f, ScanOptions{})))
}
