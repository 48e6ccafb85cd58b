// Package settings reads YAML files of settings strictly: everything that is wrong with a
// file is told at once, with line numbers.
package settings

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"rtsprec/engine/fault"
)

// File reads a YAML file strictly and collects everything that is wrong with it, with
// line numbers, instead of stopping at the first mistake. Every key is asked for by a
// function that takes its value; a key that nobody asks for is a mistake. Anchors, tags
// and merge keys are refused: what counts stands where it counts.
type File struct {
	Name     string // for messages
	problems []problem
	known    map[string]bool // every key that was asked for, "record.dir"; true: it was there
}

// problem is one mistake of a file.
type problem struct {
	line int
	text string
}

// Limit bounds a file, in bytes: thousands of paths.
const Limit = 1 << 20

// Value is what stands behind a key. The zero Value stands nowhere.
type Value struct {
	At   string // where it stands in the file, "record.dir"; may be changed to name a list's elements
	Line int    // of its key, or of itself where it stands in a list; 0: nobody knows
	node ast.Node
}

// Set reports whether there is anything.
func (v Value) Set() bool { return v.node != nil }

// Mapping reports whether it is keys with values.
func (v Value) Mapping() bool {
	_, is := v.node.(ast.MapNode)
	return is
}

// Root parses a file. ok is false when it is no YAML, which is then the one problem, or
// is empty, which is fine.
func (s *File) Root(data []byte) (v Value, ok bool) {
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey()) // told with all other mistakes
	if err != nil {
		s.problems = append(s.problems, syntax(err))
		return Value{}, false
	}
	switch {
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		return Value{}, false
	case len(file.Docs) > 1:
		s.Wrong(Value{Line: lineOf(file.Docs[1].Body)}, "a second document begins here; one is enough")
	}
	return Value{node: file.Docs[0].Body, Line: lineOf(file.Docs[0].Body)}, true
}

// lineOf is where a node begins, from 1; 0: nobody knows.
func lineOf(n ast.Node) int {
	if n == nil {
		return 0
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

// syntax is what the parser says, in one line and without its picture of the place.
func syntax(err error) problem {
	line := 1
	text := err.Error()
	if e, ok := errors.AsType[yaml.Error](err); ok {
		text = e.GetMessage()
		if t := e.GetToken(); t != nil && t.Position != nil {
			line = t.Position.Line
		}
	}
	text, _, _ = strings.Cut(text, "\n")
	return problem{line, "not YAML: " + text}
}

// Sound reports whether nothing is wrong so far.
func (s *File) Sound() bool { return s.Count() == 0 }

// Count is how much is wrong so far.
func (s *File) Count() int { return len(s.problems) }

// Unmet returns the keys that could stand in the file and do not, sorted; keys of lists
// and of names that anybody may choose once.
func (s *File) Unmet() []string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(s.known)) {
		if !s.known[key] {
			keys = append(keys, key)
		}
	}
	return keys
}

// Wrong notes a mistake at a value.
func (s *File) Wrong(v Value, format string, args ...any) {
	s.problems = append(s.problems, problem{v.Line, fmt.Sprintf(format, args...)})
}

// Refused notes an error about a value.
func (s *File) Refused(v Value, err error) {
	if err != nil {
		s.Wrong(v, "%s: %v", v.At, err)
	}
}

// Err is everything that is wrong, a line each; nil: nothing.
func (s *File) Err() error {
	if len(s.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(s.problems, func(a, b problem) int { return cmp.Compare(a.line, b.line) })
	var lines []string
	for _, p := range s.problems {
		where := s.Name
		if p.line > 0 {
			where += ":" + strconv.Itoa(p.line)
		}
		lines = append(lines, where+": "+fault.OneLine(fault.Redact(p.text)))
	}
	return Mistakes{lines}
}

// Mistakes are the lines of what is wrong with a file.
type Mistakes struct{ Lines []string }

// Error implements error.
func (m Mistakes) Error() string { return strings.Join(m.Lines, "\n") }

// Keys takes a mapping apart: the value of each key is handed to its function.
func (s *File) Keys(v Value, take map[string]func(Value)) {
	for key := range take {
		if at := below(v.At, key); !s.known[at] {
			s.note(at, false)
		}
	}
	s.Each(v, func(key string, v Value) {
		f := take[key]
		if f == nil {
			s.Wrong(v, "there is no key %q here: %s", key, suggest(key, take))
			return
		}
		s.note(v.At, true)
		f(v)
	})
}

func (s *File) note(at string, met bool) {
	if s.known == nil {
		s.known = map[string]bool{}
	}
	s.known[at] = met
}

// Each calls do with every key of a mapping and its value.
func (s *File) Each(v Value, do func(key string, v Value)) {
	if _, none := v.node.(*ast.NullNode); none {
		return
	}
	m, ok := v.node.(ast.MapNode)
	if !ok {
		s.Wrong(v, "%s wants keys with values, as in \"key: value\"", cmp.Or(v.At, "the file"))
		return
	}
	seen := map[string]bool{}
	for i := m.MapRange(); i.Next(); {
		pair := i.KeyValue()
		key, ok := scalar(pair.Key)
		at := Value{node: pair.Value, At: below(v.At, key), Line: lineOf(pair.Key)}
		switch {
		case !ok:
			s.Wrong(at, "this is no key")
		case seen[key]:
			s.Wrong(at, "%s is there twice", at.At)
		default:
			seen[key] = true
			do(key, at)
		}
	}
}

// Names are the keys of a mapping, as they stand there.
func (v Value) Names() []string {
	var names []string
	if m, ok := v.node.(ast.MapNode); ok {
		for i := m.MapRange(); i.Next(); {
			if key, ok := scalar(i.Key()); ok {
				names = append(names, key)
			}
		}
	}
	return names
}

// List calls do with every element; a single value counts as a list of one.
func (s *File) List(v Value, do func(Value)) {
	switch n := v.node.(type) {
	case *ast.NullNode:
	case *ast.SequenceNode:
		for _, element := range n.Values {
			do(Value{node: element, At: v.At, Line: lineOf(element)})
		}
	default:
		do(v)
	}
}

func below(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}
