package engine_test

import (
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/vfs"
)

// readSlowly is a viewer that takes nothing after its PLAY.
func readSlowly(t testing.TB, url string) {
	t.Helper()
	host := strings.TrimPrefix(url, "rtsp://")
	host, path, _ := strings.Cut(host, "/")
	c, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.(*net.TCPConn).SetReadBuffer(4096)
	ask := func(request string) string {
		fmt.Fprint(c, request)
		answer := make([]byte, 4096)
		n, err := c.Read(answer)
		if err != nil || !strings.HasPrefix(string(answer[:n]), "RTSP/1.0 200") {
			t.Fatalf("%s: %v %s", request, err, answer[:n])
		}
		return string(answer[:n])
	}
	url = "rtsp://" + host + "/" + path
	description := ask("DESCRIBE " + url + " RTSP/1.0\r\nCSeq: 1\r\n\r\n")
	control := url + "/trackID=0"
	for _, line := range strings.Split(description, "\r\n") {
		if c, ok := strings.CutPrefix(line, "a=control:"); ok && c != "*" && !strings.HasPrefix(c, "rtsp://"+host+"/"+path+"\r") {
			if control = c; !strings.Contains(c, "://") {
				control = url + "/" + c
			}
		}
	}
	answer := ask("SETUP " + control + " RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n")
	_, session, _ := strings.Cut(answer, "Session: ")
	session, _, _ = strings.Cut(session, "\r\n")
	session, _, _ = strings.Cut(session, ";")
	fmt.Fprintf(c, "PLAY %s RTSP/1.0\r\nCSeq: 3\r\nSession: %s\r\n\r\n", url, session)
}

func TestASlowViewerDelaysNeitherOthersNorTheRecording(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264"}})
	dir := filepath.Join(t.TempDir(), "live")
	a := pulled("a", cam.URL("a"))
	a.Record = true
	s := serve(t, engine.ServeOptions{Record: engine.RecordInto{Dir: dir}, Queue: 64 << 10, Paths: []engine.ServePath{a}})
	v := s.watch(t, "a")
	sees(t, v, 5)
	for range 3 {
		readSlowly(t, s.rtsp+"a")
	}
	sees(t, v, 100)
	s.end(t)
	verified(t, s.Deps, dir, archive.Clean)
	noneMissing(t, "a", readMarks(t, filepath.Join(dir, "a")))
}

// stallFS is a disk that takes nothing while it is stalled.
type stallFS struct {
	vfs.FS
	mu   sync.Mutex
	gate chan struct{} // nil: takes everything
}

func (f *stallFS) stall() (release func()) {
	gate := make(chan struct{})
	f.mu.Lock()
	f.gate = gate
	f.mu.Unlock()
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.gate = nil
		close(gate)
	}
}

func (f *stallFS) wait() {
	f.mu.Lock()
	gate := f.gate
	f.mu.Unlock()
	if gate != nil {
		<-gate
	}
}

func (f *stallFS) Create(name string, perm fs.FileMode) (vfs.File, error) {
	f.wait()
	file, err := f.FS.Create(name, perm)
	if err != nil {
		return nil, err
	}
	return stallFile{file, f}, nil
}

type stallFile struct {
	vfs.File
	fs *stallFS
}

func (f stallFile) Write(b []byte) (int, error) { f.fs.wait(); return f.File.Write(b) }
func (f stallFile) Sync() error                 { f.fs.wait(); return f.File.Sync() }

func TestADiskThatHangsDelaysNoViewerAndLosesNothing(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac"}})
	dir := filepath.Join(t.TempDir(), "live")
	a := pulled("a", cam.URL("a"))
	a.Record = true
	disk := &stallFS{FS: vfs.OS()}
	s := serveOn(t, disk, engine.ServeOptions{Record: engine.RecordInto{Dir: dir, Segment: 2 * time.Second}, Paths: []engine.ServePath{a}})
	v := s.watch(t, "a")
	sees(t, v, 30)
	release := disk.stall()
	began := time.Now()
	sees(t, v, 100) // four seconds of 25 pictures
	if d := time.Since(began); d > 8*time.Second {
		t.Errorf("100 pictures took %v", d)
	}
	release()
	sees(t, v, 30)
	s.end(t)
	verified(t, s.Deps, dir, archive.Clean)
	noneMissing(t, "a", readMarks(t, filepath.Join(dir, "a")))
}
