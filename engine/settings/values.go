package settings

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

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

// Text takes a value as it is written.
func (s *File) Text(to *string) func(Value) {
	return func(v Value) {
		text, ok := scalar(v.node)
		if !ok {
			s.Wrong(v, "%s wants a single value", v.At)
			return
		}
		*to = text
	}
}

// Texts takes one value or a list.
func (s *File) Texts(to *[]string) func(Value) {
	return func(v Value) {
		*to = nil
		s.List(v, func(v Value) {
			var text string
			s.Text(&text)(v)
			if text != "" {
				*to = append(*to, text)
			}
		})
	}
}

// Parsed takes a value that set understands.
func (s *File) Parsed(set func(text string) error) func(Value) {
	return func(v Value) {
		var text string
		before := len(s.problems)
		if s.Text(&text)(v); len(s.problems) == before {
			s.Refused(v, set(text))
		}
	}
}

// Number takes a whole number within bounds.
func (s *File) Number(to *int, least, most int) func(Value) {
	return s.Parsed(func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is no whole number from %d to %d", text, least, most)
		}
		*to = n
		return nil
	})
}

// Flag takes true or false.
func (s *File) Flag(to *bool) func(Value) {
	return s.Parsed(func(text string) error {
		switch text {
		case "true", "false":
			*to = text == "true"
			return nil
		}
		return fmt.Errorf("%q is neither true nor false", text)
	})
}

// suggest names the key that was meant, or all there are.
func suggest(key string, take map[string]func(Value)) string {
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

// Near reports whether two words are a letter or two apart.
func Near(a, b string) bool {
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
