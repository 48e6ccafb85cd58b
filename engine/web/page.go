package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"rtsprec/engine/fault"
)

// Everything the page is made of: it works without any other server.
//
//go:embed page
var pageFiles embed.FS

// page is the built-in page, ready to be sent.
type page struct {
	assets map[string]asset
	index  *template.Template
}

type asset struct {
	data []byte
	etag string
	kind string
}

// kinds of what the page is made of. They are written here because the host's own table
// may say anything.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "text/html; charset=utf-8"
}

func newPage() *page {
	p := &page{assets: map[string]asset{}}
	files, err := fs.ReadDir(pageFiles, "page")
	if err != nil {
		panic(err) // they are in the binary
	}
	for _, f := range files {
		data, err := pageFiles.ReadFile("page/" + f.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(data)
		p.assets[f.Name()] = asset{data, `"` + hex.EncodeToString(sum[:8]) + `"`, kindOf(f.Name())}
	}
	p.index = template.Must(template.New("index").Parse(string(p.assets["index.html"].data)))
	delete(p.assets, "index.html")
	return p
}

// home answers the page itself. Where there is nothing to see for anybody, anybody is
// asked who it is.
func (h *Handler) home(w http.ResponseWriter, r *http.Request, user string) error {
	if r.URL.Path != "/" {
		return fault.New(fault.NotFound, "nothing here; / is the page, /api/v1/recordings the list")
	}
	if user == "" && !h.o.Access.Open() {
		if _, err := h.seen(r.Context(), user); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	err := h.page.index.Execute(&b, struct {
		Version, User string
		CanLogin      bool
		Stills        bool
	}{h.o.Version, user, user == "" && !h.o.Access.Open(), h.o.Stills != nil})
	if err != nil {
		return fault.Wrap(fault.Bug, "write the page", err)
	}
	w.Header().Set("Content-Type", kindOf("index.html"))
	w.Header().Set("Cache-Control", "no-store")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b.Bytes()))
	return nil
}

// asset answers what the page needs. There is nothing secret in it.
func (h *Handler) asset(w http.ResponseWriter, r *http.Request, _ string) error {
	a, ok := h.page.assets[strings.TrimPrefix(r.URL.Path, "/page/")]
	if !ok {
		return fault.New(fault.NotFound, "nothing here")
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("ETag", a.etag)
	w.Header().Set("Cache-Control", "no-cache") // kept, and asked about each time
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.data))
	return nil
}

// loginPage makes a browser ask for user and password, and returns to the page with them.
func (h *Handler) loginPage(w http.ResponseWriter, r *http.Request, user string) error {
	if user == "" && !h.o.Access.Open() {
		return fault.New(fault.Denied, "log in")
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}
