package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

func TestGeneratedFilesAreCurrent(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the commands and modules say now (%v): make docs", name, err)
		}
	}
	for _, pattern := range []string{"man/*", "completions/*"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			if name, _ = filepath.Rel(root, name); files[filepath.ToSlash(name)] == nil {
				t.Errorf("%s belongs to no command: make docs", name)
			}
		}
	}
}

func TestTwoRunsWriteTheSame(t *testing.T) {
	one, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	two, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name := range one {
		if !bytes.Equal(one[name], two[name]) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestEveryPageHasExitCodes(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	pages := 0
	for name, text := range files {
		if !strings.HasSuffix(name, ".1") {
			continue
		}
		pages++
		for _, part := range []string{".SH EXIT STATUS\n.TP\n\\fB0\\fP\ndone\n", ".SH DESCRIPTION", ".SH SYNOPSIS"} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s lacks %q", name, part)
			}
		}
	}
	if pages < 6 {
		t.Errorf("only %d manual pages", pages)
	}
}

func TestWriteReplacesWhatIsOld(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"man/rtsprec-gone.1", "completions/old"} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, pattern := range []string{"man/*", "completions/*", "NOTICES"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != len(files) || slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, "gone") }) {
		t.Errorf("there is now %q", names)
	}
}
