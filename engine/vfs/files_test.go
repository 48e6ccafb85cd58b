package vfs_test

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
	"rtsprec/engine/vfs/crashfs"
)

func TestReplaceSurvivesEveryCutAndEveryFault(t *testing.T) {
	for n := 1; ; n++ {
		f := crashfs.New()
		must(t, vfs.Replace(f, "/a", []byte("old"), 0o600))
		base := f.Ops()
		var seen []string
		f.OnOp(func(crashfs.Op) {
			for _, mode := range crashfs.Modes {
				seen = append(seen, content(t, f.Clone(mode), "/a"))
			}
			for seed := range uint64(8) {
				seen = append(seen, content(t, f.CloneMixed(seed), "/a"))
			}
		})
		f.Fail(base+n, syscall.EIO)
		err := vfs.Replace(f, "/a", []byte("new"), 0o600)
		for _, got := range seen {
			if got != "old" && got != "new" {
				t.Fatalf("fault %d: a cut left %q", n, got)
			}
		}
		if err != nil {
			wantIs(t, "replace", err, syscall.EIO)
			if got := content(t, f, "/a"); got != "old" && got != "new" {
				t.Errorf("fault %d left %q", n, got)
			}
			continue
		}
		if got := content(t, f.Clone(crashfs.Dropped), "/a"); got != "new" {
			t.Errorf("Replace returned nil, and a cut left %q", got)
		}
		if f.Ops() < base+n {
			if n < 6 {
				t.Errorf("only %d operations were seen", n)
			}
			return
		}
	}
}

func TestFaultSortsErrors(t *testing.T) {
	path := func(err error) error { return &fs.PathError{Op: "write", Path: "/x", Err: err} }
	for _, c := range []struct {
		err  error
		want fault.Kind
	}{
		{path(syscall.ENOSPC), fault.DiskFull},
		{path(syscall.EDQUOT), fault.DiskFull},
		{path(syscall.EIO), fault.DiskFailed},
		{path(syscall.EROFS), fault.DiskFailed},
		{errors.Join(path(syscall.ENOSPC), path(syscall.EIO)), fault.DiskFull},
		{path(fs.ErrClosed), fault.DiskFailed},
		{path(syscall.ENOENT), fault.NotFound},
		{path(syscall.EACCES), fault.Denied},
		{path(syscall.EPERM), fault.Denied},
		{path(syscall.EEXIST), fault.Busy},
		{syscall.EWOULDBLOCK, fault.Busy},
		{fault.New(fault.Damaged, "read"), fault.Damaged},
	} {
		err := vfs.Fault("do it", c.err)
		if got := fault.KindOf(err); got != c.want {
			t.Errorf("Fault(%v) is %v, want %v", c.err, got, c.want)
		}
		if !strings.HasPrefix(err.Error(), "do it: ") || !errors.Is(err, c.err) {
			t.Errorf("Fault(%v) = %v", c.err, err)
		}
	}
	if vfs.Fault("do it", nil) != nil {
		t.Error("nil becomes an error")
	}
}
