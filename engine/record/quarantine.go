package record

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"

	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
)

// setAside moves what stands under name (relative, forward slashes) to quarantine. It is
// never deleted by us.
func (v *recovery) setAside(name string) error {
	to, err := v.aside(name)
	if err != nil {
		return err
	}
	if err := v.r.FS.Rename(v.r.path(name), to); err != nil {
		return vfs.Fault("move "+name+" to quarantine", err)
	}
	for _, dir := range []string{filepath.Dir(to), v.r.path(path.Dir(name))} {
		if err := v.r.FS.SyncDir(dir); err != nil {
			return vfs.Fault("sync a folder", err)
		}
	}
	return nil
}

// copyAside copies bytes [from, to) of a file that stands under name to quarantine.
func (v *recovery) copyAside(h io.ReaderAt, from, to int64, name string) error {
	at, err := v.aside(fmt.Sprintf("%s.from-%d", name, from))
	if err != nil {
		return err
	}
	out, err := v.r.FS.Create(at, 0o644)
	if err != nil {
		return vfs.Fault("copy to quarantine", err)
	}
	_, err = io.Copy(out, io.NewSectionReader(h, from, to-from))
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		v.r.FS.Remove(at)
		return vfs.Fault("copy to quarantine", err)
	}
	return vfs.Fault("sync quarantine", v.r.FS.SyncDir(filepath.Dir(at)))
}

// aside returns a name in quarantine that is free, whose folders are durable.
func (v *recovery) aside(name string) (string, error) {
	const op = "make the quarantine"
	dir := path.Dir(quarantineName + "/" + name)
	if err := v.r.FS.MkdirAll(v.r.path(dir), 0o755); err != nil {
		return "", vfs.Fault(op, err)
	}
	for d := dir; d != "."; d = path.Dir(d) {
		if err := v.r.FS.SyncDir(v.r.path(path.Dir(d))); err != nil {
			return "", vfs.Fault(op, err)
		}
	}
	for i := 1; ; i++ {
		at := v.r.path(quarantineName + "/" + name)
		if i > 1 {
			at = fmt.Sprintf("%s.%d", at, i)
		}
		if _, err := v.r.FS.Stat(at); errors.Is(err, fs.ErrNotExist) {
			return at, nil
		} else if err != nil {
			return "", fault.Because(op, vfs.Fault(op, err))
		}
	}
}
