package settings

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// sample is settings of a file.
type sample struct {
	name  string
	words []string
	count int
	loud  bool
	inner string
}

func read(text string) (sample, *File) {
	f := &File{Name: "f.yaml"}
	var s sample
	if root, ok := f.Root([]byte(text)); ok {
		f.Keys(root, map[string]func(Value){
			"name": f.Text(&s.name), "words": f.Texts(&s.words), "count": f.Number(&s.count, 1, 9), "loud": f.Flag(&s.loud),
			"odd": f.Parsed(func(text string) error { return fmt.Errorf("%q is odd\nin two lines", text) }),
			"in":  func(v Value) { f.Keys(v, map[string]func(Value){"name": f.Text(&s.inner)}) },
		})
	}
	return s, f
}

func TestASoundFileIsTaken(t *testing.T) {
	s, f := read("name: a\nwords: [b, c]\ncount: 7\nloud: true\nin: {name: d}\n")
	if err := f.Err(); err != nil || !f.Sound() {
		t.Fatal(err)
	}
	if s.name != "a" || !slices.Equal(s.words, []string{"b", "c"}) || s.count != 7 || !s.loud || s.inner != "d" {
		t.Errorf("%+v", s)
	}
	if keys := f.Unmet(); !slices.Equal(keys, []string{"odd"}) {
		t.Errorf("unmet: %v", keys)
	}
	if s, f := read(""); f.Err() != nil || s.name != "" {
		t.Errorf("an empty file: %+v, %v", s, f.Err())
	}
	if s, _ := read("words: alone"); !slices.Equal(s.words, []string{"alone"}) {
		t.Errorf("a single value for a list: %v", s.words)
	}
}

func TestEverythingThatIsWrongIsToldInOrderOfLines(t *testing.T) {
	_, f := read("loud: perhaps\ncuont: 1\nname: [a]\nname: b\ncount: 70\nodd: x\nin:\n  colour: red\n---\nname: c\n")
	err := f.Err()
	many, ok := errors.AsType[Mistakes](err)
	want := []string{
		"1: loud: \"perhaps\" is neither true nor false", "2: there is no key \"cuont\" here: is it \"count\"?", "3: name wants a single value",
		"4: name is there twice", "5: count: \"70\" is no whole number from 1 to 9", "6: odd: \"x\" is odd in two lines", "8: there is no key \"colour\" here: there are name", "10: a second document",
	}
	if !ok || len(many.Lines) != len(want) || f.Count() != len(want) {
		t.Fatalf("%v", err)
	}
	for i, line := range many.Lines {
		if !strings.HasPrefix(line, "f.yaml:"+want[i]) {
			t.Errorf("%q, want %q", line, want[i])
		}
	}
}

func TestWhatIsNoYAMLIsOneMistakeWithItsLine(t *testing.T) {
	_, f := read("name: a\n\twords: [\n")
	if err := f.Err(); err == nil || !strings.HasPrefix(err.Error(), "f.yaml:2: not YAML: ") {
		t.Errorf("%v", err)
	}
}

func TestAPasswordInAFileIsNotRepeated(t *testing.T) {
	_, f := read("odd: rtsp://admin:s3cret@cam/live\n")
	if err := f.Err(); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("%v", err)
	}
}

func TestWordsThatAreNearAreMeant(t *testing.T) {
	for _, c := range []struct {
		a, b string
		near bool
	}{{"teacher", "teachr", true}, {"Teacher", "teacher", true}, {"gate", "yard", false}, {"ab", "cd", false}} {
		if Near(c.a, c.b) != c.near {
			t.Errorf("%q and %q", c.a, c.b)
		}
	}
}
