package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/rtsp"
)

// known is a process that knows cameras by name.
func known(t *testing.T, text string) *fake {
	t.Helper()
	f := newFake(t)
	dir := t.TempDir()
	f.env[configDirEnv] = dir
	write(t, filepath.Join(dir, camerasName), text, 0o600)
	return f
}

func write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
}

const twoCameras = `# of room 301
cameras:
  - name: teacher # on the wall
    url: rtsps://cam1/live
    sub_url: rtsp://cam1/low
    transport: tcp
    fingerprint: ` + "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a" + `
    user: ad min
    password: "p@ss: w/rd"

  # the other one
  - name: Student
    url: rtsp://cam2/live?a=b
    insecure: true
`

func TestNamesAreTakenWhereURLsAre(t *testing.T) {
	f := known(t, twoCameras)
	conn := connection{transport: rtsp.Auto, reorder: span{d: time.Second}}
	list, err := conn.resolveInputs(t.Context(), f.process(), []string{"teacher", "left=student", "door=rtsp://cam3/x", "rtsp://cam4/x"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []journal.Camera{
		{
			Name: "teacher", URL: "rtsps://ad%20min:p%40ss%3A%20w%2Frd@cam1/live", SubURL: "rtsp://ad%20min:p%40ss%3A%20w%2Frd@cam1/low",
			Transport: "tcp", Reorder: journal.Duration(time.Second), Fingerprint: strings.Repeat("0a", 32),
		},
		{Name: "left", URL: "rtsp://cam2/live?a=b", Transport: "auto", Reorder: journal.Duration(time.Second), Insecure: true},
		{Name: "door", URL: "rtsp://cam3/x", Transport: "auto", Reorder: journal.Duration(time.Second)},
		{Name: "camera-4", URL: "rtsp://cam4/x", Transport: "auto", Reorder: journal.Duration(time.Second)},
	} {
		if list[i] != want {
			t.Errorf("camera %d is\n%+v, want\n%+v", i, list[i], want)
		}
	}
}

func TestFlagsOverrideWhatTheFileSaysOfACamera(t *testing.T) {
	f := known(t, twoCameras)
	var conn connection
	cmd := &cobra.Command{}
	conn.addFlags(cmd)
	if err := cmd.ParseFlags([]string{"--transport", "auto", "--fingerprint", strings.Repeat("0b", 32)}); err != nil {
		t.Fatal(err)
	}
	list, err := conn.resolveInputs(t.Context(), f.process(), []string{"teacher"})
	if err != nil || list[0].Transport != "auto" || list[0].Fingerprint != strings.Repeat("0b", 32) {
		t.Errorf("%v %+v", err, list)
	}
}

func TestPasswordsComeFromWhereTheFileSays(t *testing.T) {
	f := known(t, `cameras:
  - {name: env, url: "rtsp://admin@cam/1", password_env: CAM_PASSWORD}
  - {name: file, url: "rtsp://admin@cam/2", password_file: secret}
  - {name: command, url: "rtsp://admin@cam/3", password_command: [sh, -c, "echo fr0m-command; echo more"]}
  - {name: own, url: "rtsp://admin:own@cam/4"}
  - {name: none, url: "rtsp://cam/5"}
`)
	f.env["CAM_PASSWORD"] = "fr0m-env"
	write(t, filepath.Join(f.env[configDirEnv], "secret"), "fr0m-file\nmore\n", 0o600)
	var conn connection
	list, err := conn.resolveInputs(t.Context(), f.process(), []string{"env", "file", "command", "own", "none"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"rtsp://admin:fr0m-env@cam/1", "rtsp://admin:fr0m-file@cam/2", "rtsp://admin:fr0m-command@cam/3", "rtsp://admin:own@cam/4", "rtsp://cam/5",
	} {
		if list[i].URL != want {
			t.Errorf("%s, want %s", list[i].URL, want)
		}
	}
}

func TestAPasswordThatDoesNotComeIsSaid(t *testing.T) {
	f := known(t, `cameras:
  - {name: env, url: "rtsp://a@cam/1", password_env: CAM_PASSWORD}
  - {name: open, url: "rtsp://a@cam/2", password_file: open}
  - {name: absent, url: "rtsp://a@cam/2", password_file: absent}
  - {name: fails, url: "rtsp://a@cam/3", password_command: [sh, -c, "echo locked >&2; exit 3"]}
  - {name: empty, url: "rtsp://a@cam/3", password_command: ["true"]}
  - {name: unknown, url: "rtsp://a@cam/3", password_command: [rtsprec-has-no-such-command]}
`)
	open := filepath.Join(f.env[configDirEnv], "open")
	write(t, open, "s3cret\n", 0o644)
	for name, hint := range map[string]string{
		"env": "export CAM_PASSWORD=", "open": "chmod 600 " + open, "absent": "chmod 600", "fails": "try it: sh -c", "empty": "try it: true", "unknown": "try it",
	} {
		var conn connection
		_, err := conn.resolveInputs(t.Context(), f.process(), []string{name})
		h, ok := err.(hinted)
		if !ok || !fault.Is(err, fault.Usage) || !strings.Contains(h.hint, hint) {
			t.Errorf("%s: %v; want a usage error with the hint %q", name, err, hint)
		}
		if strings.Contains(err.Error()+h.hint, "s3cret") {
			t.Errorf("%s: %v shows the password", name, err)
		}
	}
}

func TestAFileWithAPasswordThatOthersMayReadIsRefused(t *testing.T) {
	for text, refused := range map[string]bool{
		twoCameras: true,
		"cameras:\n  - {name: a, url: \"rtsp://u:p@cam/1\"}\n":                               true,
		"cameras:\n  - {name: a, url: \"rtsp://cam/1\", sub_url: \"rtsp://u:p@cam/2\"}\n":    true,
		"cameras:\n  - {name: teacher, url: \"rtsp://u@cam/1\", password_command: [echo]}\n": false,
	} {
		f := known(t, text)
		name := filepath.Join(f.env[configDirEnv], camerasName)
		if err := os.Chmod(name, 0o640); err != nil {
			t.Fatal(err)
		}
		_, err := f.process().readCameras("")
		h, _ := err.(hinted)
		if refused != (err != nil) || refused && h.hint != "chmod 600 "+name {
			t.Errorf("%s\n%v, hint %q; refused: %v", text, err, h.hint, refused)
		}
	}
}

func TestAllMistakesOfTheFileAreToldWithTheirLines(t *testing.T) {
	_, err := parseCameras("cameras.yaml", []byte(`cameras:
  - name: a/b
    url: rtsp://cam/1
  - name: c
    adress: rtsp://cam/2
    transport: smoke
  - url: http://cam/3
    insecure: perhaps
    fingerprint: 12
  - name: d
    url: rtsp://u:s3cret@/4
  - name: e
    url: rtsp://cam/5
    password: x
    password_env: Y
  - name: E
    url: rtsp://cam/6
archives: here
`))
	if err == nil {
		t.Fatal("nothing is wrong?")
	}
	contains(t, err.Error(),
		"cameras.yaml:2:", "cameras.yaml:4: camera c has no url", "cameras.yaml:5: there is no key \"adress\"", "cameras.yaml:6:", "smoke",
		"this camera has no name", "cameras.yaml:7:", "cameras.yaml:8:", "cameras.yaml:9:", "cameras.yaml:11:",
		"cameras.yaml:12: camera e has 2 passwords", "cameras.yaml:16: there are two cameras called E", "cameras.yaml:18: there is no key \"archives\"")
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("%v shows a password", err)
	}
}

func TestANameThatNobodyHasIsSaid(t *testing.T) {
	f := known(t, twoCameras)
	for name, hint := range map[string]string{"teecher": "is it teacher?", "door": "rtsprec cameras add door"} {
		var conn connection
		_, err := conn.resolveInputs(t.Context(), f.process(), []string{name})
		if h, ok := err.(hinted); !ok || !fault.Is(err, fault.Usage) || !strings.Contains(h.hint, hint) {
			t.Errorf("%s: %v, want a usage error with the hint %q", name, err, hint)
		}
	}
}

func TestNamesComplete(t *testing.T) {
	f := known(t, twoCameras)
	var conn connection
	names, _ := conn.completeCameras(f.process())(nil, []string{"teacher"}, "")
	if len(names) != 1 || !strings.HasPrefix(names[0], "Student\t") {
		t.Errorf("%q", names)
	}
}

func TestAddingKeepsWhatIsThere(t *testing.T) {
	for _, before := range []string{"", "# none yet\n", "cameras:\n", twoCameras, strings.TrimRight(twoCameras, "\n"), "cameras:\n- name: x\n  url: rtsp://x/1\n# end\n"} {
		f := known(t, before)
		name := filepath.Join(f.env[configDirEnv], camerasName)
		f.Args = []string{"cameras", "add", "new", "rtsp://admin:p%40%20%23@cam9/live", "--transport", "udp"}
		f.run(t, exitDone)
		after, err := os.ReadFile(name)
		if err != nil || !strings.HasPrefix(string(after), strings.TrimRight(before, "\n")) {
			t.Errorf("%v: %q became %q", err, before, after)
		}
		if info, _ := os.Stat(name); info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v", info.Mode())
		}
		list, err := f.process().readCameras("")
		if err != nil {
			t.Fatalf("%v\n%s", err, after)
		}
		l := list.cameras[len(list.cameras)-1]
		if l.name != "new" || l.url != "rtsp://cam9/live" || l.user != "admin" || l.password != "p@ #" || l.transport != "udp" {
			t.Errorf("%+v of\n%s", l, after)
		}
		contains(t, f.err.String(), "rtsprec cameras test new")
	}
}

func TestAddingWhatIsWrongChangesNothing(t *testing.T) {
	for _, args := range [][]string{
		{"teacher", "rtsp://cam/1"}, {"TEACHER", "rtsp://cam/1"}, {"a/b", "rtsp://cam/1"}, {"new", "cam"}, {"new"},
		{"new", "rtsp://cam/1", "--sub", "cam"}, {"new", "rtsp://cam/1", "--fingerprint", "12"},
		{"new", "rtsp://u@cam/1", "--password-env", "A", "--password-file", "b"},
		{"new", "rtsp://u@cam/1"}, // nobody says the password
	} {
		f := known(t, twoCameras)
		f.Args = append([]string{"cameras", "add"}, args...)
		f.run(t, 2)
		after, _ := os.ReadFile(filepath.Join(f.env[configDirEnv], camerasName))
		if string(after) != twoCameras {
			t.Errorf("%q changed the file", args)
		}
	}
}

func TestAFormThatNothingCanBeAddedToIsLeftAlone(t *testing.T) {
	const flow = "cameras: [{name: a, url: \"rtsp://cam/1\"}]\n"
	f := known(t, flow)
	f.Args = []string{"cameras", "add", "new", "rtsp://cam/2"}
	f.run(t, 2)
	contains(t, f.err.String(), "by hand")
	if after, _ := os.ReadFile(filepath.Join(f.env[configDirEnv], camerasName)); string(after) != flow {
		t.Errorf("%s", after)
	}
}

func TestPasswordsAreReadFromStandardInput(t *testing.T) {
	f := known(t, "")
	f.In = strings.NewReader("s3cret word\nmore\n")
	f.Args = []string{"cameras", "add", "new", "rtsp://admin@cam/2"}
	f.run(t, exitDone)
	list, err := f.process().readCameras("")
	if err != nil || list.cameras[0].password != "s3cret word" || list.cameras[0].user != "admin" {
		t.Errorf("%v %+v", err, list)
	}
}

func FuzzCamerasFile(f *testing.F) {
	f.Add([]byte(twoCameras))
	f.Add([]byte("cameras: [{name: a, url: \"rtsp://cam/1\"}]"))
	f.Add([]byte("cameras:\n- name: x\n  url: rtsp://x/1\n---\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parseCameras("f", data)
		if err != nil {
			return
		}
		for _, l := range list.cameras {
			if l.url == "" || journal.ValidCameraName(l.name) != nil || l.sources() > 1 {
				t.Errorf("%+v was let in", l)
			}
		}
		// What can be added says the same as before, and the new camera.
		l := listedCamera{name: "new-one", url: "rtsp://cam/9", password: "x: #"}
		text := withEntry(data, []byte("name: new-one\nurl: rtsp://cam/9\npassword: 'x: #'\n"))
		if sameBut("f", data, text, l) == nil {
			if now, err := parseCameras("f", text); err != nil || len(now.cameras) != len(list.cameras)+1 {
				t.Errorf("%v: %d cameras became %+v", err, len(list.cameras), now)
			}
		}
	})
}
