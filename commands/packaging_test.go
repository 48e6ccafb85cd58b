package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/goccy/go-yaml"
)

// TestSystemdAcceptsTheUnits holds that every unit that is packed is understood, key by key.
func TestSystemdAcceptsTheUnits(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("systemd-analyze is missing: scripts/install-test-deps.sh installs it")
		}
		t.Skip("this machine has no systemd-analyze to judge by")
	}
	units, err := filepath.Glob("../packaging/rtsprec*.*")
	if err != nil || len(units) < 4 {
		t.Fatalf("%v, %v", units, err)
	}
	dir := t.TempDir()
	args := []string{"verify", "--man=no"}
	for _, unit := range units {
		name := filepath.Base(unit)
		if ext := filepath.Ext(name); ext != ".service" && ext != ".timer" {
			continue
		}
		data, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		// The program is not installed here; what is, is true.
		text := strings.ReplaceAll(string(data), "/usr/bin/rtsprec", "/bin/true")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, filepath.Join(dir, strings.Replace(name, "@.", "@math-101.", 1)))
	}
	cmd := exec.CommandContext(t.Context(), analyze, args...)
	cmd.Env = append(os.Environ(), "SYSTEMD_LOG_LEVEL=warning")
	out, err := cmd.CombinedOutput()
	var ours []string
	for _, line := range strings.Split(string(out), "\n") {
		if strings.Contains(line, "rtsprec") {
			ours = append(ours, line)
		}
	}
	if err != nil && len(out) > 0 && len(ours) > 0 || len(ours) > 0 {
		t.Errorf("%v\n%s", err, strings.Join(ours, "\n"))
	}
}

// TestCommandLinesOfUnitsAreOurs holds that what a unit runs is understood by the program.
func TestCommandLinesOfUnitsAreOurs(t *testing.T) {
	units, err := filepath.Glob("../packaging/*.service")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, unit := range units {
		data, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(data), "\n") {
			_, command, found := strings.Cut(line, "=/usr/bin/rtsprec ")
			if !found {
				continue
			}
			lines++
			args := strings.Fields(strings.NewReplacer("${LENGTH}", "45m", "$CAMERAS", "-i a=rtsp://cam/live").Replace(command))
			cmd, rest, err := newRoot(&process{}).Find(args)
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err != nil {
				t.Errorf("%s: %s: %v", unit, command, err)
			}
		}
	}
	if lines < 4 {
		t.Errorf("only %d command lines were found", lines)
	}
}

// TestPackagesNameFilesThatAreThere holds that a release packs what the repository has.
func TestPackagesNameFilesThatAreThere(t *testing.T) {
	data, err := os.ReadFile("../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Archives []struct{ Files []string }
		NFPMs    []struct {
			Name     string `yaml:"package_name"`
			Contents []struct{ Src, Dst string }
			Scripts  map[string]string
		} `yaml:"nfpms"`
	}
	if err := yaml.UnmarshalWithOptions(data, &config, yaml.AllowDuplicateMapKey()); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range config.Archives {
		names = append(names, a.Files...)
	}
	for _, p := range config.NFPMs {
		for _, c := range p.Contents {
			src, err := template.New("").Parse(c.Src)
			if err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			if err := src.Execute(&said, map[string]string{"PackageName": p.Name}); err != nil {
				t.Fatal(err)
			}
			names = append(names, strings.Split(strings.Trim(said.String(), "{}"), ",")...) // {one,or,the,other}
		}
		for _, script := range p.Scripts {
			names = append(names, script)
			if out, err := exec.CommandContext(t.Context(), "sh", "-n", filepath.Join("..", script)).CombinedOutput(); err != nil {
				t.Errorf("%s: %s", script, out)
			}
		}
	}
	if len(names) < 15 {
		t.Fatalf("only %v", names)
	}
	for _, name := range names {
		if found, err := filepath.Glob(filepath.Join("..", name)); err != nil || len(found) == 0 {
			t.Errorf("nothing is called %s", name)
		}
	}
}

// TestBothFlavoursCarryTheSameFiles holds that what explains the program is in every archive:
// the flavour with codecs has the licences of what is inside it beside that.
func TestBothFlavoursCarryTheSameFiles(t *testing.T) {
	data, err := os.ReadFile("../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Archives []struct {
			ID    string
			Files []string
		}
	}
	if err := yaml.UnmarshalWithOptions(data, &config, yaml.AllowDuplicateMapKey()); err != nil {
		t.Fatal(err)
	}
	if len(config.Archives) != 2 {
		t.Fatalf("%d archives", len(config.Archives))
	}
	for _, name := range config.Archives[0].Files {
		if !slices.Contains(config.Archives[1].Files, name) {
			t.Errorf("%s has no %s", config.Archives[1].ID, name)
		}
	}
}
