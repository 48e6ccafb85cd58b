package web

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/fault"
)

func TestTimesAreRFC3339OrUnixSeconds(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2026-11-22T09:00:00Z":           day,
		"2026-11-22T10:00:00+01:00":      day,
		"2026-11-22T10:00:00 01:00":      day, // a + that nobody escaped
		"2026-11-22T09:00:00.250Z":       day.Add(250 * time.Millisecond),
		"1795338000":                     day,
		"1795338000.25":                  day.Add(250 * time.Millisecond),
		"1795338000.123456789":           day.Add(123456789),
		"1795338000.1234567899":          day.Add(123456789),
		"0":                              time.Unix(0, 0),
		"2026-11-22T09:00:00.000000001Z": day.Add(1),
	} {
		got, err := ParseTime(text)
		if err != nil || !got.Equal(want) {
			t.Errorf("%q: %v %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "x", "-5", "1e9", "NaN", "Inf", "12:00", "2026-11-22", "2026-13-01T00:00:00Z", "1.2.3", ".5",
		"999999999999999999999", "99999999999999", "1969-12-31T23:59:59Z", "0x10", "١٢", strings.Repeat("9", 5000), "2026-11-22T09:00:00Z\x00"} {
		_, err := ParseTime(text)
		if !fault.Is(err, fault.Usage) || len(err.Error()) > 200 {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

func FuzzTimeIsReadAsItIsWritten(f *testing.F) {
	for _, s := range []string{"2026-11-22T09:00:00Z", "1795338000.25", "1", "2026-11-22T10:00:00.5+01:00", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := ParseTime(s)
		if err != nil {
			if !fault.Is(err, fault.Usage) {
				t.Errorf("kind of %v", err)
			}
			return
		}
		if at.Unix() < 0 || at.Year() > 9999 {
			t.Errorf("%q is %v", s, at)
		}
		again, err := ParseTime(at.Format(time.RFC3339Nano))
		if err != nil || !again.Equal(at) {
			t.Errorf("%q is %v, and that is %v %v", s, at, again, err)
		}
	})
}

func TestNamesThatCanBeNoneAreRefused(t *testing.T) {
	for _, name := range []string{"../etc/passwd", "class/../../x", "class/./x", "a\x00b", "a\nb", strings.Repeat("x", 4096), "a//b", `a\b`, "\xff\xfe"} {
		if _, err := parseQuery(url.Values{"camera": {name}}); !fault.Is(err, fault.Usage) {
			t.Errorf("%.30q: %v", name, err)
		}
		if _, err := parseQuery(url.Values{"camera": {"ok"}, "audio": {name}}); !fault.Is(err, fault.Usage) {
			t.Errorf("audio %.30q: %v", name, err)
		}
	}
	for _, name := range []string{"class/teacher", "/class/teacher/", "Tür 1", "a/b/c", "..x"} {
		if _, err := parseQuery(url.Values{"camera": {name}}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func FuzzQueryNeverLeavesTheLibrary(f *testing.F) {
	f.Add("camera=class/teacher&from=1&to=2")
	f.Add("camera=../x&audio=%00&from=2026-11-22T09:00:00Z")
	f.Fuzz(func(t *testing.T, raw string) {
		v, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		q, err := parseQuery(v)
		if err != nil {
			if !fault.Is(err, fault.Usage) {
				t.Errorf("kind of %v", err)
			}
			return
		}
		for _, path := range []string{q.Camera, q.Audio} {
			for element := range strings.SplitSeq(path, "/") {
				if element == ".." || strings.ContainsAny(element, "\x00\n\\") {
					t.Errorf("%q went through", path)
				}
			}
		}
		if q.Camera == "" || !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To) {
			t.Errorf("%+v went through", q)
		}
		// What another URL repeats says the same.
		again, err := parseQuery(q.values())
		if err != nil || again.Camera != q.Camera || !again.From.Equal(q.From) || !again.To.Equal(q.To) {
			t.Errorf("%+v became %+v %v", q, again, err)
		}
	})
}
