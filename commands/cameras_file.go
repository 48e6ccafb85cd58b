package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/settings"
	"rtsprec/engine/vfs"
)

// Where cameras are known by name.
const (
	configDirEnv = "RTSPREC_CONFIG_DIR" // in place of the usual directory
	camerasName  = "cameras.yaml"
)

// cameraList is cameras.yaml:
//
//	cameras:
//	  - name: teacher
//	    url: rtsp://192.168.1.10/live
//	    sub_url: rtsp://192.168.1.10/low      # recorded while the main stream is refused, or the way too narrow for it
//	    transport: tcp                        # auto, udp, tcp or multicast
//	    insecure: true                        # rtsps: accept any certificate
//	    fingerprint: 12:AB:...                # rtsps: accept only this one
//	    user: admin
//	    password: secret                      # or one of
//	    password_env: TEACHER_PASSWORD        # a variable of the environment
//	    password_file: teacher.password       # a file of mode 0600, beside this one
//	    password_command: [pass, show, cam1]  # the first line that it prints
type cameraList struct {
	file    string
	cameras []listedCamera
}

// configDir is where rtsprec's own files are.
func (p *process) configDir() (string, error) {
	if dir, set := p.Env(configDirEnv); set && dir != "" {
		return dir, nil
	}
	if dir, set := p.Env("XDG_CONFIG_HOME"); set && filepath.IsAbs(dir) {
		return filepath.Join(dir, "rtsprec"), nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", usage(configDirEnv+"=DIR, or --cameras FILE", "there is no directory for configuration: %v", err)
	}
	return filepath.Join(dir, "rtsprec"), nil
}

// camerasFile is the file of cameras: the one that was typed, or the usual one.
func (p *process) camerasFile(typed string) (string, error) {
	if typed != "" {
		return typed, nil
	}
	dir, err := p.configDir()
	return filepath.Join(dir, camerasName), err
}

// readCameras reads the file of cameras; typed may be empty. A usual file that is not
// there has no cameras. The error lists everything that is wrong with it.
func (p *process) readCameras(typed string) (*cameraList, error) {
	name, err := p.camerasFile(typed)
	if err != nil {
		return nil, err
	}
	info, err := p.FS.Stat(name)
	if errors.Is(err, fs.ErrNotExist) && typed == "" {
		return &cameraList{file: name}, nil
	}
	if err != nil {
		return nil, usage("ls -l "+quoted(name), "read the cameras: %v", err)
	}
	data, err := vfs.ReadFile(p.FS, name, settings.Limit)
	if err != nil {
		return nil, usage("ls -l "+quoted(name), "read the cameras: %v", err)
	}
	list, err := parseCameras(name, data)
	if err != nil {
		return nil, hinted{fault.Wrap(fault.Usage, "", err), "rtsprec help cameras"}
	}
	if list.secret() && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, usage("chmod 600 "+quoted(name), "%s holds a password, and others may read it", name)
	}
	return list, nil
}

// parseCameras reads a file's text strictly.
func parseCameras(name string, data []byte) (*cameraList, error) {
	s := settings.File{Name: name}
	list := &cameraList{file: name}
	if root, ok := s.Root(data); ok {
		s.Keys(root, map[string]func(settings.Value){
			"cameras": func(v settings.Value) { s.List(v, func(v settings.Value) { list.read(&s, v) }) },
		})
	}
	return list, s.Err()
}

// read takes one camera.
func (c *cameraList) read(s *settings.File, v settings.Value) {
	l := listedCamera{line: v.Line}
	at := v // of what concerns the whole camera
	address := func(to *string) func(settings.Value) {
		return s.Parsed(func(text string) error {
			*to = text
			return checkURL(text)
		})
	}
	s.Keys(v, map[string]func(settings.Value){
		"name": func(v settings.Value) {
			at = v
			s.Text(&l.name)(v)
			s.Refused(v, journal.ValidCameraName(l.name))
		},
		"url": address(&l.url), "sub_url": address(&l.sub),
		"transport": s.Parsed(enum[rtsp.Transport]{&l.transport, rtsp.Transports}.Set),
		"insecure":  s.Flag(&l.insecure),
		"fingerprint": s.Parsed(func(text string) (err error) {
			l.fingerprint, err = parseFingerprint(text)
			return err
		}),
		"user": s.Text(&l.user), "password": s.Text(&l.password), "password_env": s.Text(&l.passwordEnv),
		"password_file": s.Text(&l.passwordFile), "password_command": s.Texts(&l.passwordCommand),
	})
	if l.passwordFile != "" && !filepath.IsAbs(l.passwordFile) {
		l.passwordFile = filepath.Join(filepath.Dir(c.file), l.passwordFile)
	}
	who := "this camera"
	if l.name != "" {
		who = "camera " + l.name
	} else {
		s.Wrong(at, "this camera has no name")
	}
	if l.url == "" {
		s.Wrong(at, "%s has no url", who)
	}
	if l.sub != "" && l.sub == l.url {
		s.Wrong(at, "%s has the same address for url and sub_url: leave sub_url out", who)
	}
	if n := l.sources(); n > 1 {
		s.Wrong(at, "%s has %d passwords: one of password, password_env, password_file and password_command is enough", who, n)
	}
	if slices.ContainsFunc(c.cameras, func(o listedCamera) bool { return strings.EqualFold(o.name, l.name) && l.name != "" }) {
		s.Wrong(at, "there are two cameras called %s", l.name)
	}
	c.cameras = append(c.cameras, l)
}

// sources counts where the password could come from.
func (l *listedCamera) sources() int {
	n := 0
	for _, set := range []bool{l.password != "", l.passwordEnv != "", l.passwordFile != "", len(l.passwordCommand) > 0} {
		if set {
			n++
		}
	}
	return n
}

// secret reports whether the file itself holds a password.
func (c *cameraList) secret() bool {
	return slices.ContainsFunc(c.cameras, func(l listedCamera) bool {
		return l.password != "" || hasPassword(l.url) || hasPassword(l.sub)
	})
}

// similar is a name that may have been meant; empty: none.
func (c *cameraList) similar(name string) string {
	for _, l := range c.cameras {
		if settings.Near(name, l.name) {
			return l.name
		}
	}
	return ""
}

// credentials says where a camera's come from, without them.
func (l *listedCamera) credentials() string {
	user := l.user
	if user == "" {
		_, rest, _ := strings.Cut(l.url, "://")
		user, _, _ = cutUser(rest)
		user, _, _ = strings.Cut(user, ":")
	}
	from := ""
	switch {
	case hasPassword(l.url), l.password != "":
		from = "in the file"
	case l.passwordEnv != "":
		from = "environment " + l.passwordEnv
	case l.passwordFile != "":
		from = "file " + l.passwordFile
	case len(l.passwordCommand) > 0:
		from = "command " + l.passwordCommand[0]
	}
	switch {
	case user == "" && from == "":
		return "-"
	case from == "":
		return user
	case user == "":
		return from
	}
	return fmt.Sprintf("%s, %s", user, from)
}
