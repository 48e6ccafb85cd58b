// Package presets holds what has a name instead of twenty flags: layouts of a composed
// picture, settings of encoders, and ladders of sizes for links that narrow. The ones
// that everybody has are YAML files inside the program; a user's own files, read in the
// same strict way, add to them and replace those of the same name.
//
// The package knows names and numbers only. What a layout is in pixels is
// engine/compose's, what an encoder does with its settings is engine/av's.
package presets

import (
	"embed"
	"io/fs"
	"slices"
	"strings"

	"rtsprec/engine/fault"
)

//go:embed *.yaml
var builtin embed.FS

// Dir is a directory of presets: every *.yaml and *.yml in it is read.
type Dir struct {
	Name string // as people know it, for messages: "/home/a/.config/rtsprec/presets"
	FS   fs.FS  // one that does not exist holds nothing
}

// Set is everything that has a name.
type Set struct {
	layouts  []Layout
	encoders []Encoder
	ladders  []Ladder
}

// Load reads what is built in and then the directories, each of which replaces what came
// before under the same name. The error is fault.Usage and lists everything that is
// wrong, a line each as "file:line: what". With an error the Set holds what is sound.
func Load(user ...Dir) (*Set, error) {
	s := &Set{}
	wrong := s.read(Dir{FS: builtin})
	for _, dir := range user {
		wrong = append(wrong, s.read(dir)...)
	}
	return s, mistaken(wrong)
}

// Layouts returns all of them, in the order of the files: what is built in comes first.
func (s *Set) Layouts() []Layout { return slices.Clone(s.layouts) }

// Encoders returns all of them, as Layouts does.
func (s *Set) Encoders() []Encoder { return slices.Clone(s.encoders) }

// Ladders returns all of them, as Layouts does.
func (s *Set) Ladders() []Ladder { return slices.Clone(s.ladders) }

// Layout finds one by its name, in any case. The error, fault.Usage, names all there are.
func (s *Set) Layout(name string) (Layout, error) { return find(s.layouts, "layout", name) }

// Encoder finds the settings of an encoder, as Layout does.
func (s *Set) Encoder(name string) (Encoder, error) { return find(s.encoders, "preset", name) }

// Ladder finds a ladder, as Layout does.
func (s *Set) Ladder(name string) (Ladder, error) { return find(s.ladders, "ladder", name) }

// Origin says where a preset comes from.
type Origin struct {
	File     string // the user's file; empty: built in
	Line     int
	Replaces bool // there is one of that name built in
}

// Own reports whether the user wrote it.
func (o Origin) Own() bool { return o.File != "" }

// named is what Layout, Encoder and Ladder share.
type named interface{ called() string }

func find[T named](all []T, kind, name string) (T, error) {
	var names []string
	for _, one := range all {
		if strings.EqualFold(one.called(), name) {
			return one, nil
		}
		names = append(names, one.called())
	}
	var none T
	return none, fault.New(fault.Usage, "there is no %s %q: there are %s", kind, name, strings.Join(names, ", "))
}

// put adds one, or replaces the one of the same name where it stands.
func put[T named](all *[]T, one T) {
	i := slices.IndexFunc(*all, func(o T) bool { return o.called() == one.called() })
	if i < 0 {
		*all = append(*all, one)
		return
	}
	(*all)[i] = one
}
