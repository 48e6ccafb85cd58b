//go:build unix

package engine_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/journal"
	"rtsprec/engine/rtspcam"
)

// noRights is who a recorder is that has no rights. Where the tests do not run as root, they
// have none themselves.
const noRights = 65534

// openFolder is a directory that everybody may go into, unlike that of t.TempDir.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rtsprec-case30-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	mode(t, dir, 0o755)
	return dir
}

func mode(t *testing.T, name string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
}

// powerless is a recorder without rights to what is not its own.
func powerless(t *testing.T, dir string, o engine.RecordOptions) *exec.Cmd {
	t.Helper()
	cmd := recorderProcess(t, o)
	if os.Getuid() != 0 {
		return cmd
	}
	from, err := os.Open(cmd.Path) // go test keeps it where nobody may read
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	cmd.Path = filepath.Join(dir, "recorder")
	to, err := os.OpenFile(cmd.Path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: noRights, Gid: noRights}}
	return cmd
}

func TestCase30ReadOnlyFromTheStart(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264"}})
	dir := openFolder(t)
	locked := filepath.Join(dir, "locked")
	if err := os.Mkdir(locked, 0o555); err != nil {
		t.Fatal(err)
	}
	cmd := powerless(t, dir, engine.RecordOptions{
		Dir: filepath.Join(locked, "rec"), Length: time.Minute, Cameras: []journal.Camera{camera("a", cam.URL("a"), "tcp")},
	})
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "permission denied") {
		t.Errorf("%v %s", err, out)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v to say so", took)
	}
	if entries, _ := os.ReadDir(locked); len(entries) > 0 {
		t.Errorf("it made %v", entries)
	}
}

// TestCase30ReadOnlyFromTheMiddleOn takes the rights to a camera's folder away while files
// are made in it, and gives them back: nothing is missing.
func TestCase30ReadOnlyFromTheMiddleOn(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac"}})
	dir := openFolder(t)
	own := filepath.Join(dir, "own")
	if err := os.Mkdir(own, 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(own, noRights, noRights); err != nil {
			t.Fatal(err)
		}
	}
	o := engine.RecordOptions{
		Dir: filepath.Join(own, "rec"), Length: 12 * time.Second, Segment: time.Second,
		Cameras: []journal.Camera{camera("a", cam.URL("a"), "tcp")},
	}
	cmd := powerless(t, dir, o)
	var out strings.Builder
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	files := func() []string {
		found, _ := filepath.Glob(filepath.Join(o.Dir, "a", "*", "*.mp4*"))
		return found
	}
	waitFor(t, "files", func() bool { return len(files()) > 2 })
	day := filepath.Dir(files()[0])
	mode(t, day, 0o555)
	before := len(files())
	sent := func() (n uint64) {
		for _, r := range cam.SentTrack("a", 0) {
			n = max(n, r.Last.Counter)
		}
		return n
	}
	until := sent() + 75 // three seconds of pictures
	waitFor(t, "time to pass", func() bool { return sent() > until })
	if n := len(files()); n > before+1 {
		t.Errorf("%d files became %d in a folder in which none can be made", before, n)
	}
	mode(t, day, 0o755)
	if err := cmd.Wait(); err != nil {
		t.Errorf("record: %v %s", err, out.String())
	}
	d, _ := deps(t)
	verified(t, d, o.Dir, archive.Clean)
	noneMissing(t, "a", readMarks(t, o.Dir))
	decodes(t, o.Dir)
}
