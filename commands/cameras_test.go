package commands

import (
	"strings"
	"testing"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
)

func TestNameCountsOnlyBeforeColonAndSlash(t *testing.T) {
	for text, want := range map[string][2]string{
		"rtsp://cam/live":                              {"", "rtsp://cam/live"},
		"rtsp://cam/live?channel=1&subtype=0":          {"", "rtsp://cam/live?channel=1&subtype=0"},
		"rtsp://u:p=q@cam/live":                        {"", "rtsp://u:p=q@cam/live"},
		"teacher=rtsp://cam/live":                      {"teacher", "rtsp://cam/live"},
		"teacher=rtsp://cam/live?x=1":                  {"teacher", "rtsp://cam/live?x=1"},
		"Hörsaal-1.links=rtsps://[2001:db8::1]:322/a":  {"Hörsaal-1.links", "rtsps://[2001:db8::1]:322/a"},
		"RTSP://cam":                                   {"", "RTSP://cam"},
		"rtsp://admin:a/b@cam:554/x":                   {"", "rtsp://admin:a/b@cam:554/x"},
		"rtsp://admin:50%off@cam/x":                    {"", "rtsp://admin:50%off@cam/x"},
		"rtsp://cam:554/Streaming/Channels/101?a=b,c":  {"", "rtsp://cam:554/Streaming/Channels/101?a=b,c"},
		"rtsp://cam/live@2":                            {"", "rtsp://cam/live@2"},
		"rtsp://user@cam.example:8554/user=admin_pass": {"", "rtsp://user@cam.example:8554/user=admin_pass"},
	} {
		name, address, err := parseInput(text)
		if err != nil || name != want[0] || address != want[1] {
			t.Errorf("parseInput(%q) = %q, %q, %v; want %q", text, name, address, err, want)
		}
	}
}

func TestBadInputsAreRefusedWithAHintAndWithoutPassword(t *testing.T) {
	for text, hint := range map[string]string{
		"":                                       "rtsp://",
		"cam":                                    "rtsp://cam",
		"192.168.1.10/live":                      "rtsp://192.168.1.10/live",
		"http://cam/video":                       "rtsp:// or rtsps://",
		"http://u:secret@cam/video":              "rtsp:// or rtsps://",
		"rtsp:/cam/live":                         "rtsp://HOST/PATH",
		"rtsp://":                                "rtsp://HOST/PATH",
		"rtsp:///live":                           "rtsp://HOST/PATH",
		"rtsp://cam:99999/live":                  "rtsp://HOST/PATH",
		"rtsp://cam:/live":                       "rtsp://HOST/PATH",
		"rtsp://cam:x/live":                      "rtsp://HOST/PATH",
		"rtsp://u:secret@/live":                  "rtsp://HOST/PATH",
		"rtsp://u:secret@:554/live":              "rtsp://HOST/PATH",
		".=rtsp://cam/live":                      "becomes a folder",
		"=rtsp://cam/live":                       "becomes a folder",
		"a b=rtsp://cam/live":                    "becomes a folder",
		"journal=rtsp://cam/live":                "becomes a folder",
		"a/b=rtsp://u:secret@cam/live":           "becomes a folder",
		"a:b=rtsp://cam/live":                    "becomes a folder",
		"a=b=rtsp://cam/live":                    "rtsp://",
		strings.Repeat("x", 256) + "=rtsp://cam": "becomes a folder",
	} {
		_, _, err := parseInput(text)
		h, ok := err.(hinted)
		if !ok || !fault.Is(err, fault.Usage) {
			t.Errorf("parseInput(%q): %v, want a usage error with a hint", text, err)
			continue
		}
		if !strings.Contains(h.hint, hint) {
			t.Errorf("parseInput(%q): the hint is %q, want %q", text, h.hint, hint)
		}
		if strings.Contains(err.Error()+h.hint, "secret") {
			t.Errorf("parseInput(%q) shows the password: %v, %s", text, err, h.hint)
		}
	}
}

func TestCamerasWithoutNameGetOne(t *testing.T) {
	for _, c := range []struct {
		typed []string
		want  string
	}{
		{[]string{"rtsp://a/1"}, "camera"},
		{[]string{"rtsp://a/1", "rtsp://a/2"}, "camera-1 camera-2"},
		{[]string{"left=rtsp://a/1", "rtsp://a/2"}, "left camera-2"},
	} {
		f := newFake(t)
		var conn connection
		list, err := conn.resolveInputs(t.Context(), f.process(), c.typed)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, camera := range list {
			names = append(names, camera.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%q are called %q, want %q", c.typed, got, c.want)
		}
	}
}

func TestTwoCamerasOfOneNameAreRefused(t *testing.T) {
	for _, typed := range [][]string{
		{"a=rtsp://h/1", "a=rtsp://h/2"},
		{"Left=rtsp://h/1", "left=rtsp://h/2"},
		{"camera-2=rtsp://h/1", "rtsp://h/2"},
	} {
		var conn connection
		if _, err := conn.resolveInputs(t.Context(), newFake(t).process(), typed); !fault.Is(err, fault.Usage) {
			t.Errorf("%q: %v, want a usage error", typed, err)
		}
	}
}

func TestEnvironmentFillsInWhatTheURLDoesNotSay(t *testing.T) {
	for _, c := range []struct{ user, password, typed, want string }{
		{"", "", "rtsp://cam/live", "rtsp://cam/live"},
		{"admin", "s3/cr@t", "rtsp://cam/live", "rtsp://admin:s3%2Fcr%40t@cam/live"},
		{"admin", "s3cret", "rtsp://other@cam/live", "rtsp://other:s3cret@cam/live"},
		{"admin", "s3cret", "rtsp://other:own@cam/live", "rtsp://other:own@cam/live"},
		{"admin", "", "rtsp://cam/live?x=a@b", "rtsp://admin@cam/live?x=a@b"},
		{"", "s3cret", "rtsp://cam/live", "rtsp://cam/live"},
		{"", "s3cret", "rtsp://u@cam/live", "rtsp://u:s3cret@cam/live"},
		{"a b", "", "rtsp://cam/live", "rtsp://a%20b@cam/live"},
	} {
		f := newFake(t)
		if c.user != "" {
			f.env["RTSPREC_USER"] = c.user
		}
		if c.password != "" {
			f.env["RTSPREC_PASSWORD"] = c.password
		}
		if got := f.process().login(c.typed); got != c.want {
			t.Errorf("%s with user %q and password %q is %s, want %s", c.typed, c.user, c.password, got, c.want)
		}
	}
}

func TestFingerprintsAreTakenAsToolsPrintThem(t *testing.T) {
	plain := strings.Repeat("0a", 32)
	for text, want := range map[string]string{
		"": "", plain: plain, strings.ToUpper(plain): plain,
		strings.TrimSuffix(strings.Repeat("0A:", 32), ":"): plain,
	} {
		if got, err := parseFingerprint(text); err != nil || got != want {
			t.Errorf("parseFingerprint(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"xy", "0a", plain + "0a"} {
		if _, err := parseFingerprint(text); !fault.Is(err, fault.Usage) {
			t.Errorf("parseFingerprint(%q): %v, want a usage error", text, err)
		}
	}
}

func TestSubStreamsBelongToACamera(t *testing.T) {
	p := &process{Edge: newFake(t).Edge}
	list := []journal.Camera{{Name: "left", URL: "rtsp://cam1/main"}, {Name: "right", URL: "rtsp://cam2/main"}}
	if err := addSubStreams(p, list, []string{"right=rtsp://cam2/sub"}); err != nil || list[1].SubURL != "rtsp://cam2/sub" || list[0].SubURL != "" {
		t.Errorf("%v %+v", err, list)
	}
	for _, text := range []string{"rtsp://cam2/sub", "middle=rtsp://cam2/sub", "right=rtsp://cam2/other", "left=cam", "left=rtsp://cam1/main"} {
		if err := addSubStreams(p, list, []string{text}); !fault.Is(err, fault.Usage) {
			t.Errorf("--sub %s: %v, want a usage error", text, err)
		}
	}
	lone := []journal.Camera{{Name: loneCamera, URL: "rtsp://cam1/main"}}
	if err := addSubStreams(p, lone, []string{"rtsp://cam1/sub"}); err != nil || lone[0].SubURL != "rtsp://cam1/sub" {
		t.Errorf("%v %+v", err, lone)
	}
}
