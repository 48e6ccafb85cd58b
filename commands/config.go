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
	"rtsprec/engine/settings"
	"rtsprec/engine/vfs"
)

// serveConfig is serve's file being read.
type serveConfig struct {
	settings.File
	p       *process
	dir     string // of the file: relative names in it are relative to that
	mode    fs.FileMode
	options engine.ServeOptions
	said    map[string]pathSaid
	names   []string // of all paths, patterns too
	cameras string   // file of cameras by name; empty: the usual one
}

// pathSaid is what an entry of paths says of recording, as opposed to leaving it out.
type pathSaid struct {
	at     settings.Value
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
	data, err := vfs.ReadFile(p.FS, name, settings.Limit)
	if err != nil {
		return defaults, configFault(name, err)
	}
	c := &serveConfig{File: settings.File{Name: name}, p: p, dir: filepath.Dir(name), mode: info.Mode(), options: defaults, cameras: cameras}
	c.read(ctx, data)
	if err := c.Err(); err != nil {
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
	root, ok := c.Root(data)
	if !ok {
		return
	}
	o := &c.options
	typed, paths := c.cameras, settings.Value{}
	c.Keys(root, map[string]func(settings.Value){
		"rtsp": c.addresses(&o.RTSP), "rtsps": c.addresses(&o.RTSPS),
		"http": c.addresses(&o.HTTP), "https": c.addresses(&o.HTTPS),
		"certificate": c.file(&o.Cert), "key": c.file(&o.Key),
		"udp": c.Number(&o.UDP, 0, 65534), "multicast": c.Text(&o.Multicast),
		"archives":  c.files(&o.Archives),
		"record":    c.record,
		"retention": c.retention,
		"users":     func(v settings.Value) { o.Users = nil; c.List(v, c.user) },
		"anybody":   func(v settings.Value) { c.anybody(v) },
		"tries":     c.Number(&o.Tries, 1, 1<<20), "tries_window": c.span(&o.TriesWindow, time.Second, 24*time.Hour),
		"connections": c.Number(&o.Connections, 1, 1<<20), "per_address": c.Number(&o.PerAddress, 1, 1<<20),
		"idle": c.span(&o.Idle, time.Second, 24*time.Hour), "queue": c.size(&o.Queue),
		"latency": c.span(&o.Latency, leastLatency, mostLatency),
		"grace":   c.span(&o.Grace, time.Second, 10*time.Minute),
		"ctl":     c.file(&o.Socket),
		"cameras": c.file(&c.cameras),
		"paths":   func(v settings.Value) { paths = v },
	})
	if typed != "" {
		c.cameras = typed
	}
	if paths.Set() { // last, because they may name cameras
		c.paths(ctx, paths)
	}
	c.settlePaths()
	for _, err := range c.options.Validate() {
		c.Wrong(c.placeOf(err), "%v", err)
	}
}

// placeOf finds the line of what Validate says of a path.
func (c *serveConfig) placeOf(err error) settings.Value {
	for name, said := range c.said {
		if strings.Contains(err.Error(), fmt.Sprintf("path %q ", name)) || strings.HasPrefix(err.Error(), "path "+name+" ") {
			return said.at
		}
	}
	return settings.Value{}
}

// addresses takes one address or a list; an empty one turns the protocol off.
func (c *serveConfig) addresses(to *[]string) func(settings.Value) {
	return func(v settings.Value) {
		c.Texts(to)(v)
		for _, a := range *to {
			c.Refused(v, checkAddress(a))
		}
	}
}

// file takes a name that is relative to the file it stands in.
func (c *serveConfig) file(to *string) func(settings.Value) {
	return func(v settings.Value) {
		if c.Text(to)(v); *to != "" && !filepath.IsAbs(*to) {
			*to = filepath.Join(c.dir, *to)
		}
	}
}

func (c *serveConfig) files(to *[]string) func(settings.Value) {
	return func(v settings.Value) {
		*to = nil
		c.List(v, func(v settings.Value) {
			var name string
			if c.file(&name)(v); name != "" {
				*to = append(*to, name)
			}
		})
	}
}

func (c *serveConfig) size(to *int64) func(settings.Value) {
	return c.Parsed(func(text string) (err error) {
		*to, err = parseSize(text)
		return err
	})
}

func (c *serveConfig) record(v settings.Value) {
	r := &c.options.Record
	c.Keys(v, map[string]func(settings.Value){
		"dir":      c.file(&r.Dir),
		"segment":  c.span(&r.Segment, time.Second, 24*time.Hour),
		"commit":   c.span(&r.Commit, 100*time.Millisecond, time.Minute),
		"fragment": c.span(&r.Fragment, 20*time.Millisecond, 10*time.Second),
		"queue":    c.size(&r.Queue),

		"backfill_rate": c.size(&r.BackfillRate),
	})
}

func (c *serveConfig) retention(v settings.Value) {
	k := &c.options.Record.Keep
	*k = archive.Keep{}
	c.Keys(v, map[string]func(settings.Value){
		"archives": c.Flag(&c.options.Record.KeepArchives),
		"age":      c.age(&k.Age), "size": c.size(&k.Size), "free": c.size(&k.Free),
		"cameras": func(v settings.Value) {
			k.Cameras = map[string]archive.Keep{}
			c.Each(v, func(name string, v settings.Value) {
				c.Refused(v, journal.ValidCameraName(name))
				var own archive.Keep
				v.At = "retention.cameras.*"
				c.Keys(v, map[string]func(settings.Value){"age": c.age(&own.Age), "size": c.size(&own.Size)})
				k.Cameras[name] = own
			})
		},
	})
}

// span takes a length of time, as flags do, within bounds.
func (c *serveConfig) span(to *time.Duration, least, most time.Duration) func(settings.Value) {
	return c.Parsed(func(text string) error {
		f := span{min: least, max: most}
		if err := f.Set(text); err != nil {
			return err
		}
		*to = f.d
		return nil
	})
}

// age takes a length of time that may be in days.
func (c *serveConfig) age(to *time.Duration) func(settings.Value) {
	return c.Parsed(func(text string) (err error) {
		*to, err = parseAge(text)
		return err
	})
}

func (c *serveConfig) user(v settings.Value) {
	var u access.User
	var env, file string
	v.At = "users"
	c.Keys(v, map[string]func(settings.Value){
		"name": c.Text(&u.Name), "password_env": c.Text(&env), "password_file": c.file(&file), "hash": c.Text(&u.Hash),
		"grants": func(v settings.Value) { c.List(v, func(v settings.Value) { u.Grants = append(u.Grants, c.grant(v)) }) },
		"password": func(v settings.Value) {
			c.Wrong(v, "a password does not stand here: password_env: NAME, password_file: FILE, or hash: (rtsprec hash-password)")
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
		c.Wrong(v, "a user needs a name; what everybody may do stands under anybody")
		return
	case given != 1:
		c.Wrong(v, "user %q needs exactly one of password_env, password_file and hash", u.Name)
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
		c.Wrong(v, "user %q: %v", u.Name, err)
		return
	}
	if slices.ContainsFunc(c.options.Users, func(o access.User) bool { return o.Name == u.Name }) {
		c.Wrong(v, "user %q is there twice", u.Name)
		return
	}
	c.options.Users = append(c.options.Users, u)
}

func (c *serveConfig) anybody(v settings.Value) {
	u := access.User{}
	c.List(v, func(v settings.Value) { u.Grants = append(u.Grants, c.grant(v)) })
	if c.options.Users = append(c.options.Users, u); c.Sound() {
		c.Refused(v, u.Validate())
	}
}

func (c *serveConfig) grant(v settings.Value) access.Grant {
	g := access.Grant{}
	var rights []string
	v.At = "grants"
	c.Keys(v, map[string]func(settings.Value){"paths": c.Texts(&g.Paths), "rights": c.Texts(&rights)})
	for _, r := range rights {
		if !slices.Contains(access.Rights(), access.Right(r)) {
			c.Wrong(v, "%q is no right: there are publish, read, replay and steer", r)
		}
		g.Rights = append(g.Rights, access.Right(r))
	}
	if len(g.Paths) == 0 || len(rights) == 0 {
		c.Wrong(v, "a grant has paths and rights")
	}
	return g
}

func (c *serveConfig) paths(ctx context.Context, v settings.Value) {
	c.options.Paths = nil
	c.said = map[string]pathSaid{}
	c.names = v.Names()
	c.Each(v, func(name string, v settings.Value) {
		said := pathSaid{at: v}
		v.At = "paths.*"
		var source, sub, fingerprint string
		var composed settings.Value
		link := connection{reorder: span{d: engine.DefaultReorder}, file: c.cameras}
		path := engine.ServePath{Name: name}
		c.Keys(v, map[string]func(settings.Value){
			"source": c.Text(&source), "sub": c.Text(&sub), "fingerprint": c.Text(&fingerprint),
			"transport": c.Parsed(enum[rtsp.Transport]{&link.transport, rtsp.Transports}.Set),
			"reorder":   c.span(&link.reorder.d, time.Millisecond, 5*time.Second),
			"insecure":  c.Flag(&link.insecure),
			"pull":      c.Parsed(enum[string]{&said.pull, []string{"always", "on-demand"}}.Set),
			"idle":      c.span(&path.Idle, time.Second, 24*time.Hour),
			"record":    func(v settings.Value) { said.record = new(bool); c.Flag(said.record)(v) },
			"backfill":  c.Text(&path.Backfill),
			"adapt":     c.adapt(&path.Adapt),
			"compose":   func(v settings.Value) { composed = v },
		})
		link.fingerprint = fingerprint
		if composed.Set() { // last, because how cameras are reached stands beside it
			path.Compose = c.compose(ctx, composed, name, link)
		}
		if path.Backfill != "" {
			c.private(v, name, path.Backfill)
			path.Backfill = c.p.login(path.Backfill)
		}
		if source != "" {
			path.Camera = c.camera(ctx, v, name, source, sub, link)
		} else if sub != "" || said.pull != "" && path.Compose == nil {
			c.Wrong(v, "path %q has no source to pull", name)
		}
		c.said[name] = said
		c.options.Paths = append(c.options.Paths, path)
	})
}

// adapt takes yes, no, or the name of a ladder.
func (c *serveConfig) adapt(to *engine.RelayAdapt) func(settings.Value) {
	return c.Parsed(func(name string) (err error) {
		switch name {
		case "false":
			*to = engine.RelayAdapt{}
			return nil
		case "true":
			name = defaultLadder
		}
		to.Ladder, err = c.p.ladder(name)
		return err
	})
}

// private refuses a password in an address where others may read the file.
func (c *serveConfig) private(v settings.Value, path, address string) {
	if !hasPassword(address) {
		return
	}
	if err := checkPrivate(c.Name, c.mode); err != nil {
		c.Wrong(v, "path %q: the source holds a password, and %v", path, err)
	}
}

// camera is what a path is pulled from: a URL, or a camera by its name.
func (c *serveConfig) camera(ctx context.Context, v settings.Value, path, source, sub string, link connection) *journal.Camera {
	if strings.Contains(source, "://") {
		c.private(v, path, source)
	}
	c.private(v, path, sub)
	found, err := link.resolveInputs(ctx, c.p, []string{source})
	if err == nil && sub != "" {
		err = checkURL(sub)
	}
	if err != nil {
		c.Wrong(v, "path %q: %v", path, err)
		return &journal.Camera{Name: path} // so that what follows is judged as what was meant
	}
	camera := found[0]
	camera.Name, camera.Transport = path, string(cmp.Or(link.transport, rtsp.Transport(camera.Transport), rtsp.Auto))
	if sub != "" && c.p.login(sub) == camera.URL {
		c.Wrong(v, "path %q: source and sub are the same address: leave sub out", path)
	}
	if sub != "" {
		camera.SubURL = c.p.login(sub)
	}
	return &camera
}

// settlePaths decides what the entries left open: with a directory to record into
// everything is recorded, except what is pulled on demand. What is composed costs much, so
// it is on demand unless something is said.
func (c *serveConfig) settlePaths() {
	for i := range c.options.Paths {
		path := &c.options.Paths[i]
		said := c.said[path.Name]
		path.OnDemand = said.pull == "on-demand" || path.Compose != nil && said.pull == "" && said.record == nil
		path.Record = c.options.Record.Dir != "" && !path.OnDemand
		if said.record != nil {
			path.Record = *said.record
		}
		if (path.Camera != nil || path.Compose != nil) && said.pull == "" && !path.Record {
			path.OnDemand = true
		}
	}
}
