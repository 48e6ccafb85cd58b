package engine_test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/av"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
	"rtsprec/engine/vfs/crashfs"
)

func TestDoctorMeasuresTheDiskAndLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	r, err := engine.Doctor(t.Context(), engine.Deps{FS: vfs.OS(), Clock: media.SystemClock{}, Coder: av.New(av.Options{})}, engine.DoctorOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if r.Disk.Speed <= 0 || r.Disk.Sync <= 0 || r.Disk.SlowSync < r.Disk.Sync || r.Disk.Free == 0 || r.Disk.Error != "" {
		t.Errorf("%+v", r.Disk)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%s was left behind", left[0].Name())
	}
	if r.Files.Limit == 0 || r.Files.Used == 0 {
		t.Errorf("%+v", r.Files)
	}
	names := ""
	for _, c := range r.Checks {
		names += c.Name + " "
		if c.Text == "" || !c.OK && c.Name != "disk" && c.Hint == "" {
			t.Errorf("%+v", c)
		}
	}
	if names != "codecs disk clock sockets files " {
		t.Error(names)
	}
	if av.New(av.Options{}) == nil {
		if len(r.Codecs) > 0 || r.Checks[0].OK {
			t.Error("a build without codecs says that it has some")
		}
		return
	}
	if last := r.Codecs[len(r.Codecs)-1]; last.Device != "software" || len(last.Decode) == 0 || len(last.Encode) == 0 {
		t.Errorf("%+v", last)
	}
}

// slowClock moves by a second each time it is asked, as on a disk that takes so long.
type slowClock struct{ t time.Time }

func (c *slowClock) Now() time.Time  { c.t = c.t.Add(time.Second); return c.t }
func (c *slowClock) Wall() time.Time { return c.t }

func TestDoctorOnASlowDiskStopsSoonAndSaysSo(t *testing.T) {
	dir := t.TempDir()
	r, err := engine.Doctor(t.Context(), engine.Deps{FS: vfs.OS(), Clock: &slowClock{}}, engine.DoctorOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	disk := r.Checks[1]
	if disk.OK || disk.Hint == "" || r.Disk.SlowSync < 1000 {
		t.Errorf("%+v %+v", disk, r.Disk)
	}
}

func TestDoctorSaysWhatTheDiskSays(t *testing.T) {
	for _, k := range []struct {
		err  error
		kind fault.Kind
	}{{syscall.ENOSPC, fault.DiskFull}, {syscall.EIO, fault.DiskFailed}, {syscall.EACCES, fault.Denied}} {
		for n := 1; ; n++ {
			fs := crashfs.New()
			if err := fs.MkdirAll("/rec", 0o755); err != nil {
				t.Fatal(err)
			}
			fs.Fail(fs.Ops()+n, k.err)
			r, err := engine.Doctor(t.Context(), engine.Deps{FS: fs, Clock: &slowClock{}}, engine.DoctorOptions{Dir: "/rec"})
			if err == nil {
				if n < 4 {
					t.Errorf("%v at operation %d went unnoticed", k.err, n)
				}
				break
			}
			if !errors.Is(err, k.err) || fault.KindOf(err) != k.kind || r.Checks[1].OK || !strings.Contains(r.Checks[1].Text, "/rec") {
				t.Errorf("operation %d: %v: %+v", n, err, r.Checks[1])
			}
			if n > 50 {
				t.Fatal("it never ends")
			}
		}
	}
}
