package engine_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rtsprec/engine/rtspcam"
	"rtsprec/testdata/peers"
)

// mediaFiles lists the media files below a folder, by name.
func mediaFiles(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.Contains(e.Name(), ".mp4") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// decodes has ffmpeg decode every file below a folder, all tracks, without tolerance.
func decodes(t testing.TB, dir string) {
	t.Helper()
	if testing.Short() {
		return
	}
	peers.Need(t, "ffmpeg")
	files := mediaFiles(t, dir)
	if len(files) == 0 {
		t.Errorf("no media in %s", dir)
	}
	for _, name := range files {
		// An explicit format: the name of an open file tells ffmpeg nothing. Times as they
		// are: rounded to a frame rate, true ones would now and then fall on one another.
		out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-xerror", "-f", "mp4", "-i", name,
			"-map", "0", "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-").CombinedOutput()
		if err != nil || len(bytes.TrimSpace(out)) > 0 {
			t.Errorf("ffmpeg on %s: %v %s", filepath.Base(name), err, out)
			said, _ := exec.Command("ffmpeg", "-nostdin", "-v", "verbose", "-f", "mp4", "-i", name, "-map", "0", "-f", "null", "-").CombinedOutput()
			packets, _ := exec.Command("ffprobe", "-v", "error", "-show_entries", "packet=stream_index,pts,duration,size,flags", "-of", "csv=p=0", name).CombinedOutput()
			t.Logf("without -xerror: %s\npackets:\n%s", said[max(0, len(said)-4000):], packets[:min(len(packets), 4000)])
		}
	}
}

// playsInVLC has VLC play every file below a folder and keep each fifth picture.
func playsInVLC(t testing.TB, dir string) {
	t.Helper()
	if testing.Short() {
		return
	}
	peers.Need(t, "cvlc")
	home, err := os.MkdirTemp("", "vlc") // not t.TempDir: nobody must get there
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	args := []string{"cvlc", "-q", "-I", "dummy", "--no-audio", "--vout=dummy", "--video-filter=scene", "--scene-format=png",
		"--scene-ratio=5", "--scene-path=" + home, "--rate=8", "--play-and-exit",
		"--no-drop-late-frames", "--no-skip-frames"} // on a busy machine it is late
	if os.Getuid() == 0 { // VLC refuses to be root
		args = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, args...)
		if err := os.Chown(home, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range mediaFiles(t, dir) {
		file := filepath.Join(home, fmt.Sprintf("%d.mp4", i))
		data, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(file, data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		prefix := fmt.Sprintf("picture-%d-", i)
		cmd := exec.Command(args[0], append(args[1:len(args):len(args)], "--scene-prefix="+prefix, file, "vlc://quit")...)
		cmd.Env = append(os.Environ(), "HOME="+home, "XDG_RUNTIME_DIR="+home)
		out, err := cmd.CombinedOutput()
		pictures, _ := filepath.Glob(filepath.Join(home, prefix+"*.png"))
		if err != nil || len(pictures) < 3 {
			t.Errorf("VLC on %s: %d pictures, %v %s", filepath.Base(name), len(pictures), err, out)
		}
	}
}

// plays has ffmpeg play every file below a folder to its end: media may be damaged, the
// container may not.
func plays(t testing.TB, dir string) {
	t.Helper()
	peers.Need(t, "ffmpeg")
	for _, name := range mediaFiles(t, dir) {
		out, err := exec.Command("ffmpeg", "-nostdin", "-v", "fatal", "-f", "mp4", "-i", name, "-map", "0", "-f", "null", "-").CombinedOutput()
		if err != nil {
			t.Errorf("ffmpeg on %s: %v %s", filepath.Base(name), err, out)
			said, _ := exec.Command("ffmpeg", "-nostdin", "-v", "verbose", "-f", "mp4", "-i", name, "-map", "0", "-f", "null", "-").CombinedOutput()
			packets, _ := exec.Command("ffprobe", "-v", "error", "-show_entries", "packet=stream_index,pts,duration,size,flags", "-of", "csv=p=0", name).CombinedOutput()
			t.Logf("without -xerror: %s\npackets:\n%s", said[max(0, len(said)-4000):], packets[:min(len(packets), 4000)])
		}
	}
}

// readMarks returns the marks of a camera's folder.
func readMarks(t testing.TB, dir string) []rtspcam.Mark {
	t.Helper()
	marks, err := rtspcam.Recorded(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(marks) == 0 {
		t.Fatalf("no marked unit in %s", dir)
	}
	return marks
}
