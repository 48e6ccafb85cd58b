package commands

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"rtsprec/engine/fault"
)

// settings reads a YAML file strictly and collects everything that is wrong with it, with
// line numbers, instead of stopping at the first mistake. Every key is asked for by a
// function that takes its value; a key that nobody asks for is a mistake. Anchors, tags
// and merge keys are refused: what counts stands where it counts.
type settings struct {
	name     string
	problems []problem
	known    map[string]bool // every key that was asked for, "record.dir"; true: it was there
}

// problem is one mistake of a file.
type problem struct {
	line int
	text string
}

// settingsLimit bounds a file, in bytes: thousands of paths.
const settingsLimit = 1 << 20

// value is what stands behind a key.
type value struct {
	node ast.Node
	at   string // where it stands in the file, as settings.known names it
	line int    // of its key, or of itself where it stands in a list
}

// root parses a file. ok is false when it is no YAML, which is then the one problem, or
// is empty, which is fine.
func (s *settings) root(data []byte) (v value, ok bool) {
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey()) // told with all other mistakes
	if err != nil {
		s.problems = append(s.problems, syntax(err))
		return value{}, false
	}
	switch {
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		return value{}, false
	case len(file.Docs) > 1:
		s.wrong(value{line: lineOf(file.Docs[1].Body)}, "a second document begins here; one is enough")
	}
	return value{node: file.Docs[0].Body, line: lineOf(file.Docs[0].Body)}, true
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

// wrong notes a mistake at a value.
func (s *settings) wrong(v value, format string, args ...any) {
	s.problems = append(s.problems, problem{v.line, fmt.Sprintf(format, args...)})
}

// refused notes an error about a value.
func (s *settings) refused(v value, err error) {
	if err != nil {
		s.wrong(v, "%s: %v", v.at, err)
	}
}

// err is everything that is wrong, a line each; nil: nothing.
func (s *settings) err() error {
	if len(s.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(s.problems, func(a, b problem) int { return cmp.Compare(a.line, b.line) })
	var lines []string
	for _, p := range s.problems {
		where := s.name
		if p.line > 0 {
			where += ":" + strconv.Itoa(p.line)
		}
		lines = append(lines, where+": "+oneLine(fault.Redact(p.text)))
	}
	return mistakes{lines}
}

// mistakes are the lines of what is wrong with a file.
type mistakes struct{ lines []string }

// Error implements error.
func (m mistakes) Error() string { return strings.Join(m.lines, "\n") }

// keys takes a mapping apart: each key is handed to its function.
func (s *settings) keys(v value, take map[string]func(value)) {
	for key := range take {
		if at := below(v.at, key); !s.known[at] {
			s.note(at, false)
		}
	}
	s.each(v, func(key string, v value) {
		f := take[key]
		if f == nil {
			s.wrong(v, "there is no key %q here: %s", key, suggest(key, take))
			return
		}
		s.note(v.at, true)
		f(v)
	})
}

func (s *settings) note(at string, met bool) {
	if s.known == nil {
		s.known = map[string]bool{}
	}
	s.known[at] = met
}

// each calls do with every key of a mapping and its value.
func (s *settings) each(v value, do func(key string, v value)) {
	if _, none := v.node.(*ast.NullNode); none {
		return
	}
	m, ok := v.node.(ast.MapNode)
	if !ok {
		s.wrong(v, "%s wants keys with values, as in \"key: value\"", cmp.Or(v.at, "the file"))
		return
	}
	seen := map[string]bool{}
	for i := m.MapRange(); i.Next(); {
		pair := i.KeyValue()
		key, ok := scalar(pair.Key)
		at := value{node: pair.Value, at: below(v.at, key), line: lineOf(pair.Key)}
		switch {
		case !ok:
			s.wrong(at, "this is no key")
		case seen[key]:
			s.wrong(at, "%s is there twice", at.at)
		default:
			seen[key] = true
			do(key, at)
		}
	}
}

// list calls do with every element; a single value counts as a list of one.
func (s *settings) list(v value, do func(value)) {
	switch n := v.node.(type) {
	case *ast.NullNode:
	case *ast.SequenceNode:
		for _, element := range n.Values {
			do(value{node: element, at: v.at, line: lineOf(element)})
		}
	default:
		do(v)
	}
}

// scalar is the text of a value that is neither a list nor a mapping.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.NullNode:
		return "", true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// text takes a value as it is written.
func (s *settings) text(to *string) func(value) {
	return func(v value) {
		text, ok := scalar(v.node)
		if !ok {
			s.wrong(v, "%s wants a single value", v.at)
			return
		}
		*to = text
	}
}

// texts takes one value or a list.
func (s *settings) texts(to *[]string) func(value) {
	return func(v value) {
		*to = nil
		s.list(v, func(v value) {
			var text string
			s.text(&text)(v)
			if text != "" {
				*to = append(*to, text)
			}
		})
	}
}

// parsed takes a value that set understands.
func (s *settings) parsed(set func(text string) error) func(value) {
	return func(v value) {
		var text string
		before := len(s.problems)
		if s.text(&text)(v); len(s.problems) == before {
			s.refused(v, set(text))
		}
	}
}

// span takes a length of time, as flags do, within bounds.
func (s *settings) span(to *time.Duration, least, most time.Duration) func(value) {
	return s.parsed(func(text string) error {
		f := span{min: least, max: most}
		if err := f.Set(text); err != nil {
			return err
		}
		*to = f.d
		return nil
	})
}

// number takes a whole number within bounds.
func (s *settings) number(to *int, least, most int) func(value) {
	return s.parsed(func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is no whole number from %d to %d", text, least, most)
		}
		*to = n
		return nil
	})
}

// flag takes true or false.
func (s *settings) flag(to *bool) func(value) {
	return s.parsed(func(text string) error {
		switch text {
		case "true", "false":
			*to = text == "true"
			return nil
		}
		return fmt.Errorf("%q is neither true nor false", text)
	})
}

func below(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}

// suggest names the key that was meant, or all there are.
func suggest(key string, take map[string]func(value)) string {
	all := slices.Sorted(maps.Keys(take))
	meant, least := "", min(2, (len(key)+1)/3)+1
	for _, known := range all {
		if d := distance(strings.ToLower(key), known); d < least {
			meant, least = known, d
		}
	}
	if meant != "" {
		return fmt.Sprintf("is it %q?", meant)
	}
	return "there are " + strings.Join(all, ", ")
}

// near reports whether two words are a letter or two apart.
func near(a, b string) bool {
	return distance(strings.ToLower(a), strings.ToLower(b)) <= min(2, len(a)/3)
}

// distance is how many letters have to be changed, added or taken away to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
