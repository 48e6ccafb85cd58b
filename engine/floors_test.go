package engine_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "rtsprec"

// floors says on which floor each package stands. A package imports only packages of
// lower floors; the blocks of ARCHITECTURE say what each is for.
var floors = map[string]int{
	"engine/fault":       0,
	"engine/media":       1,
	"engine/settings":    1,
	"engine/timeline":    2,
	"engine/rate":        2,
	"engine/vfs":         2,
	"engine/vfs/crashfs": 2,
	"engine/access":      2,
	"engine/testcard":    2,
	"presets":            2,
	"testdata/clips":     0,
	"testdata/peers":     0,
	"testdata/netlab":    0,
	"engine/journal":     3,
	"engine/segment":     3,
	"engine/compose":     3,
	"engine/record":      4,
	"engine/archive":     4,
	"engine/rtsp":        4,
	"engine/av":          4,
	"engine/web":         4,
	"engine/onvif":       4,
	"engine/rtspcam":     4,
	"engine":             5,
	"commands":           6,
	"cmd/rtsprec":        7,
	"cmd/gendocs":        7,
	"cmd/rtspcam":        7,
	"cmd/bench":          7,
}

// floorOf finds a package's floor; a package below a listed one stands on its floor.
func floorOf(pkg string) (int, bool) {
	for p := pkg; p != "."; p = path.Dir(p) {
		if f, ok := floors[p]; ok && (p == pkg || p != "engine") {
			return f, true
		}
	}
	return 0, false
}

// A keeper is the only package that may import a dependency, tests aside.
type keeper struct {
	dependency string // import path prefix
	owners     []string
	why        string
}

var keepers = []keeper{
	{"github.com/bluenviron/gortsplib", []string{"engine/rtsp", "cmd/bench"},
		"one package knows the RTSP library's habits, and the scripted camera stays independent of what it tests; the benchmark measures our server against a relay built on it"},
	{"github.com/asticode/go-astiav", []string{"engine/av"},
		"decoding and encoding live behind one package, so that everything else builds without cgo"},
	{"github.com/spf13/cobra", []string{"commands", "cmd/gendocs"},
		"the command line is one package over an engine that knows no flags"},
	{"github.com/schollz/progressbar", []string{"commands"},
		"what is shown on a terminal is decided in one place, from events"},
	{"github.com/charmbracelet/lipgloss", []string{"commands"},
		"what is shown on a terminal is decided in one place, from events"},
	{module + "/engine/av", []string{"cmd/rtsprec", "cmd/bench"},
		"codecs are handed in by main, so that nothing else depends on cgo"},
	{module + "/engine/vfs/crashfs", nil,
		"the crashing file system is for tests"},
}

// TestFloors holds the packages on their floors: imports go down, never up or sideways,
// and a dependency with a keeper is imported by nobody else. Test files may also import
// sideways, and the packages of our own that have a keeper.
func TestFloors(t *testing.T) {
	files := 0
	eachGoFile(t, "..", func(pkg, name string, imports []string) {
		files++
		for _, imported := range imports {
			for _, broken := range []string{checkFloor(pkg, name, imported), checkKeeper(pkg, name, imported)} {
				if broken != "" {
					t.Error(broken)
				}
			}
		}
	})
	if files < 20 {
		t.Fatalf("only %d Go files were looked at: is this the repository?", files)
	}
}

// TestFloorsAreHeld shows that the rules refuse what they are there to refuse, and
// nothing else.
func TestFloorsAreHeld(t *testing.T) {
	for _, c := range []struct {
		file, imported string
		refused        string // part of the sentence; empty: allowed
	}{
		{"engine/record/a.go", "rtsprec/engine/journal", ""},
		{"engine/record/a.go", "rtsprec/engine/archive", "never go sideways"},
		{"engine/record/a_test.go", "rtsprec/engine/archive", ""},
		{"engine/media/a.go", "rtsprec/engine/vfs", "only go down"},
		{"engine/media/a_test.go", "rtsprec/engine/vfs", "only go down"},
		{"engine/vfs/crashfs/a.go", "rtsprec/engine/vfs", ""},
		{"engine/record/a.go", "rtsprec/engine/vfs/crashfs", "only test files may"},
		{"engine/record/a_test.go", "rtsprec/engine/vfs/crashfs", ""},
		{"engine/util/a.go", "rtsprec/engine/media", "stands on no floor"},
		{"engine/record/a.go", "rtsprec/engine/util", "stands on no floor"},
		{"engine/rtsp/a.go", "github.com/bluenviron/gortsplib/v5", ""},
		{"engine/web/a.go", "github.com/bluenviron/gortsplib/v5/pkg/format", "only engine/rtsp, cmd/bench may"},
		{"engine/web/a_test.go", "github.com/bluenviron/gortsplib/v5", "only engine/rtsp, cmd/bench may"},
		{"engine/a.go", "github.com/spf13/cobra", "only commands, cmd/gendocs may"},
		{"cmd/gendocs/main.go", "github.com/spf13/cobra/doc", ""},
		{"commands/a.go", "github.com/charmbracelet/lipgloss", ""},
		{"commands/a.go", "rtsprec/engine/av", "only cmd/rtsprec, cmd/bench may"},
		{"engine/a_test.go", "rtsprec/engine/av", ""},
		{"cmd/rtsprec/main.go", "rtsprec/engine/av", ""},
	} {
		pkg := path.Dir(c.file)
		said := checkFloor(pkg, c.file, c.imported) + checkKeeper(pkg, c.file, c.imported)
		if c.refused == "" && said != "" || !strings.Contains(said, c.refused) {
			t.Errorf("%s importing %s: got %q, want %q", c.file, c.imported, said, c.refused)
		}
	}
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

// checkFloor returns what is wrong with an import, and the rule, or nothing.
func checkFloor(pkg, name, imported string) string {
	inside, ok := strings.CutPrefix(imported, module+"/")
	if !ok || inside == pkg {
		return ""
	}
	from, known := floorOf(pkg)
	to, alsoKnown := floorOf(inside)
	switch {
	case !known:
		return fmt.Sprintf("%s: package %s stands on no floor\n\ta new package needs a reason of its own: add it to ARCHITECTURE and to this test", name, pkg)
	case !alsoKnown:
		return fmt.Sprintf("%s imports %s, which stands on no floor\n\ta new package needs a reason of its own: add it to ARCHITECTURE and to this test", name, imported)
	case to > from:
		return fmt.Sprintf("%s (floor %d) imports %s (floor %d)\n\timports only go down: declare the interface that is needed here and let a higher floor hand it in", name, from, imported, to)
	case to == from && !isTest(name) && !within(pkg, inside):
		return fmt.Sprintf("%s imports %s, and both stand on floor %d\n\timports never go sideways: what two packages share belongs on a lower floor, what joins them on a higher one", name, imported, from)
	}
	return ""
}

// within reports whether one of the two packages is a part of the other.
func within(a, b string) bool {
	return strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}

// checkKeeper is checkFloor for dependencies that one package keeps to itself.
func checkKeeper(pkg, name, imported string) string {
	for _, k := range keepers {
		kept := imported == k.dependency || strings.HasPrefix(imported, k.dependency+"/")
		ours := strings.HasPrefix(imported, module+"/")
		switch {
		case !kept, slices.Contains(k.owners, pkg), ours && isTest(name), imported == module+"/"+pkg:
			continue
		}
		return fmt.Sprintf("%s imports %s, which only %s may\n\t%s", name, imported, ownersOf(k), k.why)
	}
	return ""
}

func ownersOf(k keeper) string {
	if len(k.owners) == 0 {
		return "test files"
	}
	return strings.Join(k.owners, ", ")
}

// eachGoFile calls do with the package's path inside the module, the file's name and
// its imports, for every Go file of the repository, whatever its build tags.
func eachGoFile(t *testing.T, root string, do func(pkg, name string, imports []string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != root && (strings.HasPrefix(base, ".") || base == "testdata" || base == "vendor") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		var imports []string
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, imported)
		}
		inside, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		inside = filepath.ToSlash(inside)
		do(path.Dir(inside), inside, imports)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestEngineTouchesNoProcessEdge holds that nothing below commands reads the wall
// clock, the environment or the process's own files: they are handed in.
func TestEngineTouchesNoProcessEdge(t *testing.T) {
	forbidden := []string{"time.Now()", "time.Since(", "time.Until(", "os.Stdout", "os.Stderr", "os.Stdin", "os.Getenv(", "os.Exit(", "func init()"}
	eachGoFile(t, "..", func(pkg, name string, _ []string) {
		if pkg != "engine" && !strings.HasPrefix(pkg, "engine/") || strings.HasSuffix(name, "_test.go") {
			return
		}
		text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			code, _, _ := strings.Cut(line, "//")
			for _, bad := range forbidden {
				if strings.Contains(code, bad) && !allowed(name, code, bad) {
					t.Errorf("%s:%d: %s\n\tbelow commands time, environment and output are arguments: only then can a test be in charge of them", name, i+1, bad)
				}
			}
		}
	})
}

// allowed lists where the clock is made, and what the kernel keeps by its own: the
// deadlines of sockets.
func allowed(name, code, what string) bool {
	return what == "time.Now()" && (name == "engine/media/media.go" || strings.Contains(code, "Deadline(time.Now()"))
}
