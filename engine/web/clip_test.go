package web

import (
	"bytes"
	"mime"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAClipIsOneFileWithRanges(t *testing.T) {
	lib := &archive{film: makeFilm(t, "h264+aac")}
	s := serve(t, Options{Library: lib})
	url := s.URL + "/clip?camera=class/teacher&from=2026-11-22T09:00:00Z&to=2026-11-22T09:00:20Z"
	status, header, body := fetch(t, url)
	if status != 200 || header.Get("Content-Length") != strconv.Itoa(len(lib.film.data)) || !bytes.Equal([]byte(body), lib.film.data) {
		t.Fatalf("%d %v, %d bytes", status, header, len(body))
	}
	for name, want := range map[string]string{
		"Content-Type": "video/mp4", "Accept-Ranges": "bytes", "X-Clip-Start": "2026-11-22T09:00:00Z", "X-Clip-End": "2026-11-22T09:00:20Z",
		"X-Clip-Note": "u-law became FLAC", "Content-Disposition": "attachment; filename=teacher-20261122T090000Z.mp4",
	} {
		if header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, header.Get(name), want)
		}
	}
	size := len(lib.film.data)
	for ask, want := range map[string]string{
		"bytes=0-99": string(lib.film.data[:100]), "bytes=1000-1999": string(lib.film.data[1000:2000]),
		"bytes=-7": string(lib.film.data[size-7:]), "bytes=" + strconv.Itoa(size-1) + "-": string(lib.film.data[size-1:]),
	} {
		if status, _, got := fetch(t, url, "Range", ask); status != 206 || got != want {
			t.Errorf("%s: %d, %d bytes", ask, status, len(got))
		}
	}
	for _, ask := range []string{"bytes=" + strconv.Itoa(size) + "-", "bytes=9-1", "bytes=x-", "bytes=-", "bytes=99999999999999999999-"} {
		if status, _, got := fetch(t, url, "Range", ask); status != 416 || len(got) > 1000 {
			t.Errorf("%s: %d, %d bytes", ask, status, len(got))
		}
	}
	// What goes on after a break is the same clip, or it begins anew.
	if status, _, _ := fetch(t, url, "Range", "bytes=5-", "If-Range", header.Get("ETag")); status != 206 {
		t.Errorf("the same clip: %d", status)
	}
	if status, _, _ := fetch(t, url, "Range", "bytes=5-", "If-Range", `"another"`); status != 200 {
		t.Errorf("another clip: %d", status)
	}
	waitFor(t, "clips to be closed", func() bool { return lib.left() == 0 })
}

func TestAClipThatCannotBeSaysWhy(t *testing.T) {
	s := serve(t, Options{Library: &archive{film: makeFilm(t, "h264+aac")}})
	for query, want := range map[string]string{
		"":                                                   "400 say which camera",
		"camera=class/teacher":                               "400 say from when to when",
		"camera=class/teacher&from=1":                        "400 say from when to when",
		"camera=class/teacher&from=9&to=1":                   "400 to must be later",
		"camera=class/teacher&from=1&to=1":                   "400 to must be later",
		"camera=class/teacher&from=x&to=1":                   `400 from: \"x\" is no time`,
		"camera=class/teacher&from=1&to=é":                   `400 to: \"é\" is no time`,
		"camera=class/nobody&from=1&to=2":                    "404 no camera",
		"camera=../x&from=1&to=2":                            "400 camera: ",
		"camera=class/teacher&from=1&to=2":                   "404 no media from",
		"camera=class/teacher&from=1&to=1e9":                 "400 to: ",
		"camera=class/teacher&from=4102444800&to=4102444801": "404 no media from", // in the future
		"camera=class/teacher&from=1&to=4102444801":          "400 at most 24h",
	} {
		status, _, text := fetch(t, s.URL+"/clip?"+query)
		code, sentence, _ := strings.Cut(want, " ")
		if strconv.Itoa(status) != code || !strings.Contains(text, sentence) {
			t.Errorf("%s: %d %s, want %s", query, status, text, want)
		}
	}
	if status, _, text := fetch(t, s.URL+"/still.jpg?camera=class/teacher"); status != 404 || !strings.Contains(text, "no decoder") {
		t.Errorf("a still: %d %s", status, text)
	}
}

func FuzzTheNameOfADownloadIsSafe(f *testing.F) {
	for _, s := range []string{"class/teacher", "a/..", "a/Tür 1", "x/\"\r\nSet-Cookie: a=b", "a/....", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, camera string) {
		text := attachment(camera, day)
		if strings.ContainsAny(text, "\r\n") {
			t.Fatalf("%q breaks the header: %q", camera, text)
		}
		kind, params, err := mime.ParseMediaType(text)
		name := params["filename"]
		if err != nil || kind != "attachment" || !utf8.ValidString(name) {
			t.Fatalf("%q became %q: %v", camera, text, err)
		}
		if strings.HasPrefix(name, ".") || strings.ContainsAny(name, "/\\\x00:*?\"<>|") || !strings.HasSuffix(name, ".mp4") {
			t.Errorf("%q became %q", camera, name)
		}
	})
}

func TestNotesFitIntoAHeader(t *testing.T) {
	if got := headerText("G.711 µ-law\r\nx: y — é"); got != "G.711 u-law??x: y ? ?" {
		t.Errorf("%q", got)
	}
}
