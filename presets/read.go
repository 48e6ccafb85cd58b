package presets

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"rtsprec/engine/fault"
	"rtsprec/engine/settings"
)

// maxFiles bounds a directory of presets.
const maxFiles = 1000

// reader takes one file of presets apart.
type reader struct {
	settings.File
	own bool // the user's
	set *Set
}

// read adds what stands in a directory and returns what is wrong there, a line each.
func (s *Set) read(dir Dir) []string {
	names, err := listed(dir.FS)
	if err != nil {
		return []string{cmp.Or(dir.Name, ".") + ": " + fault.OneLine(err.Error())}
	}
	var wrong []string
	for _, name := range names {
		shown := filepath.Join(dir.Name, name)
		data, err := limited(dir.FS, name)
		if err != nil {
			wrong = append(wrong, shown+": "+fault.OneLine(err.Error()))
			continue
		}
		wrong = append(wrong, s.parse(shown, data, dir.Name != "")...)
	}
	return wrong
}

// listed returns the files of presets of a directory, in order; none where there is no
// directory.
func listed(dir fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(dir, ".")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		ext := path.Ext(e.Name())
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && (ext == ".yaml" || ext == ".yml") {
			names = append(names, e.Name())
		}
	}
	if err == nil && len(names) > maxFiles {
		err = fault.New(fault.Usage, "%d files of presets; at most %d", len(names), maxFiles)
	}
	return names, err
}

// limited reads a file of a size that a person may have written.
func limited(dir fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(dir, name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("not a file") // a pipe would be waited for
	case info.Size() > settings.Limit:
		return nil, fault.New(fault.Usage, "larger than %d bytes: no file of presets", settings.Limit)
	}
	return fs.ReadFile(dir, name)
}

// parse reads one file. What is sound of it is put into the set.
func (s *Set) parse(name string, data []byte, own bool) []string {
	r := &reader{File: settings.File{Name: name}, own: own, set: s}
	if root, ok := r.Root(data); ok {
		r.file(root)
	}
	if many, ok := errors.AsType[settings.Mistakes](r.Err()); ok {
		return many.Lines
	}
	return nil
}

// file takes a whole file.
func (r *reader) file(root settings.Value) {
	r.Keys(root, map[string]func(settings.Value){
		"layouts":  func(v settings.Value) { r.Each(v, r.layout) },
		"encoders": func(v settings.Value) { r.Each(v, r.encoder) },
		"ladders":  func(v settings.Value) { r.Each(v, r.ladder) },
	})
}

// mistaken makes one error of many lines.
func mistaken(lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	return fault.Wrap(fault.Usage, "", settings.Mistakes{Lines: lines})
}

// origin says where the preset at v comes from.
func (r *reader) origin(v settings.Value, replaces bool) Origin {
	if !r.own {
		return Origin{}
	}
	return Origin{File: r.Name, Line: v.Line, Replaces: replaces}
}

// replaces reports whether a preset of that name is built in, or stands in place of one
// that is.
func replaces[T interface {
	named
	from() Origin
}](all []T, name string) bool {
	return slices.ContainsFunc(all, func(o T) bool {
		return o.called() == name && (!o.from().Own() || o.from().Replaces)
	})
}

// from returns itself: what embeds an Origin has one.
func (o Origin) from() Origin { return o }
