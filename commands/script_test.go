package commands

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rtsprec/engine/av"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/vfs"
)

// TestMain makes the test binary be rtsprec where a script runs it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"rtsprec": func() {
			edge := System("1.2.3")
			edge.Coder = av.New(av.Options{})
			os.Exit(Main(edge))
		},
	})
}

// TestScripts runs testdata/*.txtar: rtsprec as a technician types it, with a scripted
// camera. Besides testscript's own commands there are
//
//	camera VAR STREAM [user:password]   starts a camera; $VAR is the URL of its stream
//	closed VAR                          $VAR is an address at which nobody listens
//	web VAR                             $VAR is the address of a web server
//	lock FILE                           holds the lock until the script ends
//	exits CODE COMMAND...               like exec, for one exit code
//	await PATTERN [BYTES]               waits until a file matches and is that large
//
// and the condition [codecs]: this build has them.
func TestScripts(t *testing.T) {
	for _, tool := range []string{"ffprobe", "script"} { // the scripts leave out what needs them
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("CI") == "true" {
			t.Errorf("the scripts need %s", tool)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Condition: func(word string) (bool, error) {
			if word == "codecs" {
				return av.New(av.Options{}) != nil, nil
			}
			return false, fmt.Errorf("no condition %q", word)
		},
		Deadline: time.Now().Add(2 * time.Minute), // a script that waits for ever says so
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"camera": scriptCamera, "closed": scriptClosed, "web": scriptWeb, "lock": scriptLock,
			"exits": scriptExits, "await": scriptAwait,
		},
	})
}

// scriptTB is what rtspcam.Start needs, of a script.
type scriptTB struct{ *testscript.TestScript }

func (scriptTB) Helper()            {}
func (s scriptTB) Cleanup(f func()) { s.Defer(f) }

func scriptCamera(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: camera VAR STREAM [user:password]")
	}
	o := rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": rtspcam.Stream(args[1])}}
	if len(args) > 2 {
		user, password, _ := strings.Cut(args[2], ":")
		o.User, o.Password = user, password
	}
	camera := rtspcam.Start(scriptTB{ts}, o)
	ts.Setenv(args[0], "rtsp://"+camera.Addr().String()+"/live")
}

func scriptClosed(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	ts.Check(l.Close())
}

func scriptWeb(ts *testscript.TestScript, _ bool, args []string) {
	server := httptest.NewServer(http.NotFoundHandler())
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.Listener.Addr().String())
}

func scriptLock(ts *testscript.TestScript, _ bool, args []string) {
	lock, err := vfs.OS().Lock(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(func() { lock.Close() })
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func scriptAwait(ts *testscript.TestScript, _ bool, args []string) {
	size := 0
	if len(args) > 1 {
		var err error
		size, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		found, err := filepath.Glob(ts.MkAbs(args[0]))
		ts.Check(err)
		for _, name := range found {
			if info, err := os.Stat(name); err == nil && info.Size() >= int64(size) {
				return
			}
		}
		<-tick.C
	}
	ts.Fatalf("no file of %d bytes matches %s", size, args[0])
}
