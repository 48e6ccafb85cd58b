package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/access"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/vfs"
)

// serveConfig is serve's file being read.
type serveConfig struct {
	settings
	p       *process
	dir     string // of the file: relative names in it are relative to that
	mode    fs.FileMode
	options engine.ServeOptions
	said    map[string]pathSaid
	cameras string // file of cameras by name; empty: the usual one
}

// pathSaid is what an entry of paths says of recording, as opposed to leaving it out.
type pathSaid struct {
	at     value
	pull   string
	record *bool
}

// readConfig reads serve's file over the given defaults. The error lists everything that
// is wrong with it, a line each. cameras is the file of cameras by name, as typed. ctx
// bounds commands that give their passwords.
func (p *process) readConfig(ctx context.Context, name, cameras string, defaults engine.ServeOptions) (engine.ServeOptions, error) {
	info, err := p.FS.Stat(name)
	if err != nil {
		return defaults, configFault(name, err)
	}
	data, err := vfs.ReadFile(p.FS, name, settingsLimit)
	if err != nil {
		return defaults, configFault(name, err)
	}
	c := &serveConfig{settings: settings{name: name}, p: p, dir: filepath.Dir(name), mode: info.Mode(), options: defaults, cameras: cameras}
	c.read(ctx, data)
	if err := c.err(); err != nil {
		return defaults, fault.Wrap(fault.Usage, "", err)
	}
	return c.options, nil
}

// configFault is why a file could not be read: to serve, wrong usage.
func configFault(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return usage("--config FILE; the README has one to begin with", "there is no file %s", name)
	}
	return fault.Wrap(fault.Usage, "read "+name, err)
}

func (c *serveConfig) read(ctx context.Context, data []byte) {
	root, ok := c.root(data)
	if !ok {
		return
	}
	o := &c.options
	typed, paths := c.cameras, value{}
	c.keys(root, map[string]func(value){
		"rtsp": c.addresses(&o.RTSP), "rtsps": c.addresses(&o.RTSPS),
		"http": c.addresses(&o.HTTP), "https": c.addresses(&o.HTTPS),
		"certificate": c.file(&o.Cert), "key": c.file(&o.Key),
		"udp": c.number(&o.UDP, 0, 65534), "multicast": c.text(&o.Multicast),
		"archives":  c.files(&o.Archives),
		"record":    c.record,
		"retention": c.retention,
		"users":     func(v value) { o.Users = nil; c.list(v, c.user) },
		"anybody":   func(v value) { c.anybody(v) },
		"tries":     c.number(&o.Tries, 1, 1<<20), "tries_window": c.span(&o.TriesWindow, time.Second, 24*time.Hour),
		"connections": c.number(&o.Connections, 1, 1<<20), "per_address": c.number(&o.PerAddress, 1, 1<<20),
		"idle": c.span(&o.Idle, time.Second, 24*time.Hour), "queue": c.size(&o.Queue),
		"grace":   c.span(&o.Grace, time.Second, 10*time.Minute),
		"cameras": c.file(&c.cameras),
		"paths":   func(v value) { paths = v },
	})
	if typed != "" {
		c.cameras = typed
	}
	if paths.node != nil { // last, because they may name cameras
		c.paths(ctx, paths)
	}
	c.settlePaths()
	for _, err := range c.options.Validate() {
		c.wrong(c.placeOf(err), "%v", err)
	}
}

// placeOf finds the line of what Validate says of a path.
func (c *serveConfig) placeOf(err error) value {
	for name, said := range c.said {
		if strings.Contains(err.Error(), fmt.Sprintf("path %q ", name)) || strings.HasPrefix(err.Error(), "path "+name+" ") {
			return said.at
		}
	}
	return value{}
}

// addresses takes one address or a list; an empty one turns the protocol off.
func (c *serveConfig) addresses(to *[]string) func(value) {
	return func(v value) {
		c.texts(to)(v)
		for _, a := range *to {
			c.refused(v, checkAddress(a))
		}
	}
}

// file takes a name that is relative to the file it stands in.
func (c *serveConfig) file(to *string) func(value) {
	return func(v value) {
		if c.text(to)(v); *to != "" && !filepath.IsAbs(*to) {
			*to = filepath.Join(c.dir, *to)
		}
	}
}

func (c *serveConfig) files(to *[]string) func(value) {
	return func(v value) {
		*to = nil
		c.list(v, func(v value) {
			var name string
			if c.file(&name)(v); name != "" {
				*to = append(*to, name)
			}
		})
	}
}

func (c *serveConfig) size(to *int64) func(value) {
	return c.parsed(func(text string) (err error) {
		*to, err = parseSize(text)
		return err
	})
}

func (c *serveConfig) record(v value) {
	r := &c.options.Record
	c.keys(v, map[string]func(value){
		"dir":      c.file(&r.Dir),
		"segment":  c.span(&r.Segment, time.Second, 24*time.Hour),
		"commit":   c.span(&r.Commit, 100*time.Millisecond, time.Minute),
		"fragment": c.span(&r.Fragment, 20*time.Millisecond, 10*time.Second),
		"queue":    c.size(&r.Queue),
	})
}

func (c *serveConfig) retention(v value) {
	k := &c.options.Record.Keep
	*k = archive.Keep{}
	c.keys(v, map[string]func(value){
		"archives": c.flag(&c.options.Record.KeepArchives),
		"age":      c.age(&k.Age), "size": c.size(&k.Size), "free": c.size(&k.Free),
		"cameras": func(v value) {
			k.Cameras = map[string]archive.Keep{}
			c.each(v, func(name string, v value) {
				c.refused(v, journal.ValidCameraName(name))
				var own archive.Keep
				v.at = "retention.cameras.*"
				c.keys(v, map[string]func(value){"age": c.age(&own.Age), "size": c.size(&own.Size)})
				k.Cameras[name] = own
			})
		},
	})
}

// age takes a length of time that may be in days.
func (c *serveConfig) age(to *time.Duration) func(value) {
	return c.parsed(func(text string) (err error) {
		*to, err = parseAge(text)
		return err
	})
}

func (c *serveConfig) user(v value) {
	var u access.User
	var env, file string
	v.at = "users"
	c.keys(v, map[string]func(value){
		"name": c.text(&u.Name), "password_env": c.text(&env), "password_file": c.file(&file), "hash": c.text(&u.Hash),
		"grants": func(v value) { c.list(v, func(v value) { u.Grants = append(u.Grants, c.grant(v)) }) },
		"password": func(v value) {
			c.wrong(v, "a password does not stand here: password_env: NAME, password_file: FILE, or hash: (rtsprec hash-password)")
		},
	})
	given := 0
	for _, way := range []string{env, file, u.Hash} {
		if way != "" {
			given++
		}
	}
	switch {
	case u.Name == "":
		c.wrong(v, "a user needs a name; what everybody may do stands under anybody")
		return
	case given != 1:
		c.wrong(v, "user %q needs exactly one of password_env, password_file and hash", u.Name)
		return
	}
	var err error
	switch {
	case env != "":
		u.Password, err = c.p.passwordFromEnv(env)
	case file != "":
		u.Password, err = c.p.passwordFromFile(file)
	}
	if err == nil {
		err = u.Validate()
	}
	if err != nil {
		c.wrong(v, "user %q: %v", u.Name, err)
		return
	}
	if slices.ContainsFunc(c.options.Users, func(o access.User) bool { return o.Name == u.Name }) {
		c.wrong(v, "user %q is there twice", u.Name)
		return
	}
	c.options.Users = append(c.options.Users, u)
}

func (c *serveConfig) anybody(v value) {
	u := access.User{}
	c.list(v, func(v value) { u.Grants = append(u.Grants, c.grant(v)) })
	if c.options.Users = append(c.options.Users, u); len(c.problems) == 0 {
		c.refused(v, u.Validate())
	}
}

func (c *serveConfig) grant(v value) access.Grant {
	g := access.Grant{}
	var rights []string
	v.at = "grants"
	c.keys(v, map[string]func(value){"paths": c.texts(&g.Paths), "rights": c.texts(&rights)})
	for _, r := range rights {
		if !slices.Contains(access.Rights(), access.Right(r)) {
			c.wrong(v, "%q is no right: there are publish, read and replay", r)
		}
		g.Rights = append(g.Rights, access.Right(r))
	}
	if len(g.Paths) == 0 || len(rights) == 0 {
		c.wrong(v, "a grant has paths and rights")
	}
	return g
}

func (c *serveConfig) paths(ctx context.Context, v value) {
	c.options.Paths = nil
	c.said = map[string]pathSaid{}
	c.each(v, func(name string, v value) {
		said := pathSaid{at: v}
		v.at = "paths.*"
		var source, sub, fingerprint string
		link := connection{reorder: span{d: engine.DefaultReorder}, file: c.cameras}
		path := engine.ServePath{Name: name}
		c.keys(v, map[string]func(value){
			"source": c.text(&source), "sub": c.text(&sub), "fingerprint": c.text(&fingerprint),
			"transport": c.parsed(enum[rtsp.Transport]{&link.transport, rtsp.Transports}.Set),
			"reorder":   c.span(&link.reorder.d, time.Millisecond, 5*time.Second),
			"insecure":  c.flag(&link.insecure),
			"pull":      c.parsed(enum[string]{&said.pull, []string{"always", "on-demand"}}.Set),
			"idle":      c.span(&path.Idle, time.Second, 24*time.Hour),
			"record":    func(v value) { said.record = new(bool); c.flag(said.record)(v) },
		})
		link.fingerprint = fingerprint
		if source != "" {
			path.Camera = c.camera(ctx, v, name, source, sub, link)
		} else if sub != "" || said.pull != "" {
			c.wrong(v, "path %q has no source to pull", name)
		}
		c.said[name] = said
		c.options.Paths = append(c.options.Paths, path)
	})
}

// camera is what a path is pulled from: a URL, or a camera by its name.
func (c *serveConfig) camera(ctx context.Context, v value, path, source, sub string, link connection) *journal.Camera {
	if strings.Contains(source, "://") && hasPassword(source) || hasPassword(sub) {
		if err := checkPrivate(c.name, c.mode); err != nil {
			c.wrong(v, "path %q: the source holds a password, and %v", path, err)
		}
	}
	found, err := link.resolveInputs(ctx, c.p, []string{source})
	if err == nil && sub != "" {
		err = checkURL(sub)
	}
	if err != nil {
		c.wrong(v, "path %q: %v", path, err)
		return &journal.Camera{Name: path} // so that what follows is judged as what was meant
	}
	camera := found[0]
	camera.Name, camera.Transport = path, string(cmp.Or(link.transport, rtsp.Transport(camera.Transport), rtsp.Auto))
	if sub != "" {
		camera.SubURL = c.p.login(sub)
	}
	return &camera
}

// settlePaths decides what the entries left open: with a directory to record into
// everything is recorded, except what is pulled on demand.
func (c *serveConfig) settlePaths() {
	for i := range c.options.Paths {
		path := &c.options.Paths[i]
		said := c.said[path.Name]
		path.OnDemand = said.pull == "on-demand"
		path.Record = c.options.Record.Dir != "" && !path.OnDemand
		if said.record != nil {
			path.Record = *said.record
		}
		if path.Camera != nil && said.pull == "" && !path.Record {
			path.OnDemand = true
		}
	}
}
