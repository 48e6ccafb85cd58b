package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// licence is how files are called that say under which terms a module may be passed on.
var licence = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice)[^/]*$|/licenses/[^/]+$`)

// notices are the terms of every module of which the program holds something, in either
// flavour, and of Go's own library: each text once, below the modules that it is of.
func notices() ([]byte, error) {
	modules, err := linked()
	if err != nil {
		return nil, err
	}
	var texts []string // in order of their first module
	owners := map[string][]string{}
	for _, m := range modules {
		found, err := terms(m.Dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		for _, text := range found {
			if owners[text] == nil {
				texts = append(texts, text)
			}
			owners[text] = append(owners[text], strings.TrimSpace(m.Path+" "+m.Version))
		}
	}
	var out bytes.Buffer
	out.WriteString("What the program holds beside its own code, and the terms of that.\n")
	for _, text := range texts {
		fmt.Fprintf(&out, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(owners[text], "\n"), text)
	}
	return out.Bytes(), nil
}

type module struct{ Path, Version, Dir string }

// linked lists Go's library and the modules that are linked in, by path.
func linked() ([]module, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=Module,Standard", "rtsprec/cmd/rtsprec")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1", "GOOS=linux", "GOARCH=amd64")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var modules []module
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Module *struct {
				module
				Main bool
			}
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		if p.Module != nil && !p.Module.Main && !slices.Contains(modules, p.Module.module) {
			modules = append(modules, p.Module.module)
		}
	}
	// The terms of Go's library are those of golang.org/x, and not in every distribution's GOROOT.
	if i := slices.IndexFunc(modules, func(m module) bool { return m.Path == "golang.org/x/sys" }); i >= 0 {
		modules = append(modules, module{Path: "Go", Dir: modules[i].Dir})
	}
	slices.SortFunc(modules, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return modules, nil
}

// terms returns what stands in the licence files of a module.
func terms(dir string) ([]string, error) {
	var texts []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(dir, name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "testdata":
			return fs.SkipDir
		case d.IsDir(), filepath.Ext(name) == ".go", !licence.MatchString(d.Name()) && !licence.MatchString("/"+filepath.ToSlash(inside)):
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		texts = append(texts, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
		return nil
	})
	if err == nil && len(texts) == 0 {
		err = errors.New("it says nowhere under which terms it may be passed on")
	}
	return texts, err
}
