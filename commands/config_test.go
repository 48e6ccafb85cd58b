package commands

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"rtsprec/engine"
	"rtsprec/engine/access"
	"rtsprec/engine/fault"
	"rtsprec/engine/settings"
	"rtsprec/engine/vfs/crashfs"
)

// config writes a file and reads it over serve's defaults.
func (f *fake) config(t *testing.T, text string) (engine.ServeOptions, error) {
	t.Helper()
	if err := os.WriteFile("serve.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return f.process().readConfig(t.Context(), "serve.yaml", "", defaultServe())
}

// defaultServe is what counts when nothing was typed.
func defaultServe() engine.ServeOptions {
	o := defaultServeOptions()
	o.bind(&cobra.Command{}, &process{})
	return o.flags()
}

func TestAConfigSaysWhatItMeans(t *testing.T) {
	f := newFake(t)
	f.env["PW"] = "p@ss"
	if err := os.WriteFile("admin.password", []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := f.config(t, `
rtsp: ["127.0.0.1:8554", "[::1]:8554"]
http: []
archives: /srv/recordings
record: {dir: live, segment: 5m, queue: 1GiB}
retention: {age: 30d, free: 50GB, cameras: {gate: {age: 7d}}}
users:
  - {name: a, password_env: PW, grants: [{paths: "**", rights: [publish, read, replay]}]}
  - {name: b, password_file: admin.password, grants: []}
anybody: [{paths: lobby, rights: read}]
tries: 3
paths:
  gate: {source: "rtsp://cam/live?channel=1&x=y", sub: rtsp://cam/sub, transport: tcp}
  lobby: {source: rtsp://cam2/live, pull: on-demand, idle: 30s}
  hall: {source: rtsp://cam3/live, record: false}
  "class-*":
  stage: {record: false}
`)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(o.RTSP, " ") != "127.0.0.1:8554 [::1]:8554" || len(o.HTTP) != 0 || o.Archives[0] != "/srv/recordings" {
		t.Errorf("addresses and archives: %+v", o)
	}
	r := o.Record
	if r.Dir != "live" || r.Segment != 5*time.Minute || r.Commit != engine.DefaultCommit || r.Queue != 1<<30 {
		t.Errorf("record: %+v", r)
	}
	if k := r.Keep; k.Age != 30*24*time.Hour || k.Free != 50e9 || k.Cameras["gate"].Age != 7*24*time.Hour {
		t.Errorf("retention: %+v", k)
	}
	list, err := access.New(o.Users)
	if err != nil {
		t.Fatal(err)
	}
	if !list.Check("a", "p@ss") || !list.Check("b", "s3cret") || !list.Allow("", "lobby", access.Read) || list.Allow("b", "gate", access.Read) {
		t.Error("users are not as configured")
	}
	got := map[string]engine.ServePath{}
	for _, p := range o.Paths {
		got[p.Name] = p
	}
	if p := got["gate"]; p.Camera == nil || p.Camera.URL != "rtsp://cam/live?channel=1&x=y" || p.Camera.SubURL != "rtsp://cam/sub" || p.Camera.Transport != "tcp" || !p.Record || p.OnDemand {
		t.Errorf("gate: %+v %+v", p, p.Camera)
	}
	if p := got["lobby"]; !p.OnDemand || p.Record || p.Idle != 30*time.Second {
		t.Errorf("lobby: %+v", p)
	}
	if p := got["hall"]; p.Record || !p.OnDemand {
		t.Errorf("hall: what is not recorded is pulled on demand: %+v", p)
	}
	if p := got["class-*"]; p.Camera != nil || !p.Record {
		t.Errorf("class-*: %+v", p)
	}
	if got["stage"].Record {
		t.Error("stage is recorded")
	}
}

func TestGapsAreFilledFromWhatIsNamedForThat(t *testing.T) {
	f := newFake(t)
	o, err := f.config(t, `
record: {dir: live, backfill_rate: 1MB}
paths:
  gate: {source: rtsp://cam/live, backfill: "rtsp://near/gate?from={start}"}
  hall: {source: rtsp://cam2/live}
`)
	if err != nil {
		t.Fatal(err)
	}
	if o.Record.BackfillRate != 1_000_000 || o.Paths[0].Backfill != "rtsp://near/gate?from={start}" || o.Paths[1].Backfill != "" {
		t.Errorf("%+v", o)
	}
	serve := defaultServeOptions()
	serve.backfill.typed = []string{"rtsp://all/x"}
	if err := serve.fills(f.process(), o.Paths); err != nil || o.Paths[0].Backfill == "rtsp://all/x" || o.Paths[1].Backfill != "rtsp://all/x" {
		t.Errorf("%v: %+v", err, o.Paths)
	}
	serve.backfill.typed = []string{"elsewhere=rtsp://all/x"}
	if err := serve.fills(f.process(), o.Paths); !fault.Is(err, fault.Usage) {
		t.Errorf("a path that is not there: %v", err)
	}
	for _, wrong := range []string{"{backfill: rtsp://near/x}", "{source: rtsp://cam/x, backfill: 'http://near/x'}", "{source: rtsp://cam/x, record: false, backfill: rtsp://near/x}"} {
		if _, err := f.config(t, "record: {dir: live}\npaths:\n  gate: "+wrong+"\n"); err == nil || !strings.Contains(err.Error(), "serve.yaml:3: ") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestPathsMayNameCamerasOfTheirOwnFile(t *testing.T) {
	f := newFake(t)
	if err := os.WriteFile("known.yaml", []byte("cameras:\n  - {name: door, url: rtsp://cam7/live, transport: udp}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := f.config(t, "paths:\n  a: {source: door}\n  b: {source: door, transport: tcp}\n  c: {source: rtsp://cam8/x}\ncameras: known.yaml\n")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"a rtsp://cam7/live udp", "b rtsp://cam7/live tcp", "c rtsp://cam8/x auto"} {
		if c := o.Paths[i].Camera; c.Name+" "+c.URL+" "+c.Transport != want {
			t.Errorf("%+v, want %s", c, want)
		}
	}
	if _, err := f.config(t, "cameras: known.yaml\npaths:\n  a: {source: dooor}\n"); err == nil || !strings.HasPrefix(err.Error(), "serve.yaml:3:") {
		t.Errorf("a camera that nobody knows: %v", err)
	}
}

func TestAllMistakesOfAConfigAreToldAtOnceWithTheirLines(t *testing.T) {
	f := newFake(t)
	_, err := f.config(t, `rtsp: 8554
htpp: ":8080"
record:
  segment: soon
  dirr: x
tries: 0
users:
  - name: a
    password: secret123
  - name: b
    password_env: NOT_THERE
    grants: [{paths: "[", rights: write}]
paths:
  gate: {source: "http://cam/x"}
  "a/../b":
  lobby:
    source: rtsp://cam/live
    pull: on-demand
    record: true
  lobby: {}
connections: many
`)
	if !fault.Is(err, fault.Usage) {
		t.Fatalf("%v", err)
	}
	for line, words := range map[int]string{
		1: "8554", 2: `is it "http"?`, 4: "record.segment", 5: `is it "dir"?`, 6: "tries", 8: "exactly one of", 9: "password_env", 10: "",
		14: "http://cam/x", 15: "..", 20: "twice", 21: "connections",
	} {
		if words == "" {
			continue
		}
		found := false
		for _, l := range strings.Split(err.Error(), "\n") {
			found = found || strings.HasPrefix(l, "serve.yaml:"+strconv.Itoa(line)+":") && strings.Contains(l, words)
		}
		if !found {
			t.Errorf("line %d: nothing about %q in\n%v", line, words, err)
		}
	}
	if strings.Contains(err.Error(), "secret123") {
		t.Error("a password is told")
	}
}

func TestAConfigThatIsNoYAMLSaysWhere(t *testing.T) {
	f := newFake(t)
	for text, line := range map[string]string{
		"rtsp: [\nhttp: 1\n":               "serve.yaml:",
		"a: &x 1\nb: *x\n":                 "serve.yaml:",
		"- rtsp\n":                         "serve.yaml:1:",
		"rtsp: ':1'\n---\nhttp: ':2'\n":    "serve.yaml:3:",
		"paths: [a, b]\n":                  "serve.yaml:1:",
		"rtsp: {a: b}\n":                   "serve.yaml:1:",
		strings.Repeat("a: {", 3000) + "}": "serve.yaml:",
	} {
		if _, err := f.config(t, text); !fault.Is(err, fault.Usage) || !strings.HasPrefix(err.Error(), line) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	if _, err := f.config(t, ""); err != nil {
		t.Errorf("an empty file: %v", err)
	}
	if _, err := f.config(t, "# nothing but a remark\n"); err != nil {
		t.Errorf("a file of remarks: %v", err)
	}
}

func TestSecretsThatOthersMayReadAreRefused(t *testing.T) {
	f := newFake(t)
	if err := os.WriteFile("pw", []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := f.config(t, "users: [{name: a, password_file: pw, grants: []}]\n")
	if err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a password file for everybody: %v", err)
	}
	text := "paths: {gate: {source: 'rtsp://u:topsecret@cam/live'}}\n"
	if _, err := f.config(t, text); err != nil {
		t.Errorf("a private file: %v", err)
	}
	if err := os.Chmod("serve.yaml", 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = f.process().readConfig(t.Context(), "serve.yaml", "", defaultServe())
	if err == nil || !strings.Contains(err.Error(), "chmod 600") || strings.Contains(err.Error(), "topsecret") {
		t.Errorf("a configuration with a password for everybody: %v", err)
	}
}

// example is the configuration that is packed, with the examples in it counting.
func example(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "packaging", "serve.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`^#( *(- )?("[^"]*"|[a-z_]+):( .*)?| +- .*)$`)
	var lines []string
	for _, line := range strings.Split(string(data), "\n") {
		if key.MatchString(line) {
			line = line[1:]
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestTheExampleConfigHasEveryKeyAndTheDefaults(t *testing.T) {
	text := example(t)
	packed, err := os.ReadFile(filepath.Join("..", "packaging", "serve.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	f := newFake(t)
	f.env["ENCODER_PASSWORD"] = "x"
	o, err := f.config(t, string(packed))
	if err != nil {
		t.Fatalf("as it is packed: %v", err)
	}
	if got, want := configText(o), configText(defaultServe()); got != want {
		t.Errorf("as it is packed it changes defaults:\n%s\nwant\n%s", got, want)
	}
	if err := os.MkdirAll("etc", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("etc/admin.password", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	text = strings.ReplaceAll(text, "/etc/rtsprec/", "etc/")
	c := &serveConfig{File: settings.File{Name: "serve.yaml"}, p: f.process(), dir: ".", mode: 0o600, options: defaultServe()}
	c.read(t.Context(), []byte(text))
	if err := c.Err(); err != nil {
		t.Fatalf("with its examples: %v", err)
	}
	if keys := c.Unmet(); len(keys) != 1 || keys[0] != "users.password" { // which only says where a password belongs
		t.Errorf("keys that the example does not show: %v", keys)
	}
	if len(c.options.Paths) != 5 || len(c.options.Users) != 4 {
		t.Errorf("%d paths, %d users", len(c.options.Paths), len(c.options.Users))
	}
}

// readsBack fails where a configuration does not read as what it was printed from.
func (f *fake) readsBack(t *testing.T, o engine.ServeOptions) {
	t.Helper()
	text := configText(o)
	again, err := f.config(t, text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if got := configText(again); got != text {
		t.Errorf("printed:\n%s\nread and printed again:\n%s", text, got)
	}
}

func TestAPrintedConfigReadsAsWhatItWasPrintedFrom(t *testing.T) {
	f := newFake(t)
	o, err := f.config(t, `
archives: [a, b]
latency: 300ms
record: {dir: live}
retention: {age: 30d, size: 1500GB, cameras: {gate: {size: 1TB}}}
anybody: [{paths: ["**", "x/*"], rights: [read, replay]}]
paths:
  gate: {source: rtsp://cam/live, sub: rtsp://cam/sub, transport: udp}
  lobby: {source: rtsp://cam2/live, pull: on-demand, idle: 30s}
  "class-*": {record: false}
`)
	if err != nil {
		t.Fatal(err)
	}
	f.readsBack(t, o)
}

func TestSizesAndAges(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1000000": 1e6, "64MiB": 64 << 20, "500GB": 500e9, "1.5T": 1.5e12, "2kB": 2000, "2K": 2000, "1KiB": 1024, "7B": 7,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
		if want > 0 {
			if got, err := parseSize(sizeText(want)); err != nil || got != want {
				t.Errorf("%d is written %s, which is %d", want, sizeText(want), got)
			}
		}
	}
	for _, text := range []string{"", "much", "-1", "1iB", "1e9", "9999999TB", "GB"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q: %d", text, got)
		}
	}
	for text, want := range map[string]time.Duration{"30d": 720 * time.Hour, "1.5d": 36 * time.Hour, "45m": 45 * time.Minute, "90": 90 * time.Second} {
		got, err := parseAge(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
		if again, err := parseAge(ageText(got)); err != nil || again != got {
			t.Errorf("%v is written %s", got, ageText(got))
		}
	}
}

// FuzzConfigsFromAnywhere holds that a file is refused with lines that name it, or gives
// options that make sense.
func FuzzConfigsFromAnywhere(f *testing.F) {
	f.Add("rtsp: ':8554'\npaths: {gate: {source: rtsp://cam/x}}\n")
	f.Add("users:\n  - name: a\n    hash: x\nanybody: [{paths: a, rights: read}]\n")
	f.Add("? [a]\n: {b: c}\n")
	f.Add("<<: {a: b}\n!!str a: |\n  x\n")
	f.Fuzz(func(t *testing.T, text string) {
		p := &process{Edge: Edge{Env: func(string) (string, bool) { return "", false }, FS: crashfs.New()}}
		c := &serveConfig{File: settings.File{Name: "f"}, p: p, dir: ".", mode: 0o600, options: defaultServe()}
		c.read(t.Context(), []byte(text))
		if err := c.Err(); err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				if !strings.HasPrefix(line, "f:") {
					t.Errorf("a mistake without its file: %q", line)
				}
			}
			return
		}
		if wrong := c.options.Validate(); len(wrong) > 0 {
			t.Errorf("taken, and makes no sense: %v", wrong)
		}
	})
}

func TestPathsAreAdaptedByTheLaddersTheyName(t *testing.T) {
	f := newFake(t)
	o, err := f.config(t, "paths:\n  a: {adapt: true}\n  b: {adapt: mobile}\n  c: {adapt: false}\n  d: {}\n")
	if err != nil {
		t.Fatal(err)
	}
	var ladders []string
	for _, p := range o.Paths {
		ladders = append(ladders, p.Adapt.Ladder.Name)
	}
	if strings.Join(ladders, " ") != "standard mobile  " {
		t.Errorf("ladders: %q", ladders)
	}
	if text := configText(o); !strings.Contains(text, `adapt: "mobile"`) {
		t.Error(text)
	}
	if _, err := f.config(t, "paths:\n  a: {adapt: steep}\n"); err == nil || !strings.HasPrefix(err.Error(), "serve.yaml:2:") || !strings.Contains(err.Error(), "mobile") {
		t.Errorf("a ladder that is not there: %v", err)
	}
	serve := defaultServeOptions()
	serve.adapt, serve.ladder = true, "mobile"
	if err := serve.adapts(f.process(), o.Paths, func(string) bool { return true }); err != nil || o.Paths[3].Adapt.Ladder.Name != "mobile" {
		t.Errorf("%v: %+v", err, o.Paths[3].Adapt)
	}
	serve.adapt = false
	if err := serve.adapts(f.process(), o.Paths, func(string) bool { return true }); !fault.Is(err, fault.Usage) {
		t.Errorf("a ladder for nothing: %v", err)
	}
}
