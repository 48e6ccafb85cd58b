package commands

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rtsprec/presets"
)

// withPresets is a process whose user has presets.
func withPresets(t *testing.T, text string, args ...string) *fake {
	t.Helper()
	f := newFake(t, args...)
	dir := t.TempDir()
	f.env[configDirEnv] = dir
	if err := os.Mkdir(filepath.Join(dir, presetsName), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, presetsName, "mine.yaml"), text, 0o644)
	return f
}

const ownPresets = `layouts:
  pip:
    about: mine
    rest: {}
  corner:
    cells: [{id: a}, {id: b, w: 1/3, h: 1/3}]
`

func TestPresetsAreListedWithWhereTheyComeFrom(t *testing.T) {
	f := withPresets(t, ownPresets, "presets", "list")
	f.run(t, 0)
	for _, line := range []string{"--layout grid built in as many cells", "--layout pip yours (replaces) mine", "--layout corner yours", "--preset low-latency built in", "--ladder standard built in"} {
		found := false
		for _, got := range strings.Split(f.out.String(), "\n") {
			found = found || strings.HasPrefix(strings.Join(strings.Fields(got), " "), line)
		}
		if !found {
			t.Errorf("no line %q in\n%s", line, f.out.String())
		}
	}
	f = withPresets(t, ownPresets, "presets", "list", "--json")
	f.run(t, 0)
	seen := map[string]listedPreset{}
	for _, line := range strings.Split(strings.TrimSpace(f.out.String()), "\n") {
		var one struct {
			Type string
			listedPreset
		}
		if err := json.Unmarshal([]byte(line), &one); err != nil || one.Type != "preset" {
			t.Fatalf("%v: %s", err, line)
		}
		seen[one.Kind+" "+one.Name] = one.listedPreset
	}
	pip, corner, grid := seen["layout pip"], seen["layout corner"], seen["layout grid"]
	if !pip.Replaces || pip.Line != 2 || !strings.HasSuffix(pip.File, "mine.yaml") || corner.Line != 5 || corner.Replaces || grid.File != "" {
		t.Errorf("%+v %+v %+v", pip, corner, grid)
	}
}

func TestAShownPresetIsAFileOfPresets(t *testing.T) {
	for _, args := range [][]string{{"pip"}, {"Corner"}, {"lecture"}, {"standard"}, {"standard", "--kind", "ladder"}} {
		f := withPresets(t, ownPresets, append([]string{"presets", "show"}, args...)...)
		f.run(t, 0)
		text := f.out.String()
		f = withPresets(t, text, "presets", "list")
		f.run(t, 0)
		contains(t, f.out.String(), "yours")
	}
	f := withPresets(t, ownPresets, "presets", "show", "pip")
	f.run(t, 0)
	contains(t, f.out.String(), "# yours, in place of the built-in one: ", "mine.yaml:2\nlayouts:\n")
}

func TestAShownPresetForProgramsHasBareNumbers(t *testing.T) {
	f := newFake(t, "presets", "show", "meeting", "--json")
	f.env[configDirEnv] = t.TempDir()
	f.run(t, 0)
	var shown struct {
		Kind   string
		Preset struct {
			GOP          float64
			AudioBitrate int `json:"audio_bitrate"`
			Rates        map[string]int
		}
	}
	if err := json.Unmarshal([]byte(f.out.String()), &shown); err != nil {
		t.Fatalf("%v: %s", err, f.out.String())
	}
	if shown.Kind != "preset" || shown.Preset.GOP != 2 || shown.Preset.AudioBitrate != 96000 || shown.Preset.Rates["1080"] != 4000000 {
		t.Errorf("%+v", shown)
	}
}

func TestAPresetThatIsNotThereIsWrongUsage(t *testing.T) {
	for _, args := range [][]string{{"presets", "show", "nobody"}, {"presets", "show"}, {"presets", "show", "pip", "--kind", "ladder"}, {"presets", "remove"}, {"presets", "list", "pip"}} {
		f := newFake(t, args...)
		f.env[configDirEnv] = t.TempDir()
		f.run(t, 2)
		contains(t, f.err.String(), "hint: rtsprec presets ")
	}
	f := withPresets(t, ownPresets)
	if _, err := f.process().layout("cornre"); err == nil || !strings.Contains(err.Error(), "corner") {
		t.Errorf("%v", err)
	}
}

func TestMistakesInTheUsersPresetsAreToldLineByLine(t *testing.T) {
	const text = "layouts:\n  good: {rest: {}}\n  bad:\n    cells:\n      - {w: 2}\n      - {colour: red}\n"
	f := withPresets(t, text, "presets", "list")
	f.run(t, 2)
	contains(t, f.out.String(), "good ", "grid ") // what is sound is listed all the same
	contains(t, f.err.String(), "mine.yaml:5: ", "mine.yaml:6: there is no key \"colour\"", "hint: ")
	f = withPresets(t, text)
	if _, err := f.process().layout("grid"); err == nil {
		t.Error("a file with mistakes is passed over: what was meant to replace would not")
	}
}

func TestPresetsComplete(t *testing.T) {
	for args, want := range map[string]string{
		"__complete|presets|show|":     "pip\tmine\n",
		"__complete|presets|show|pip|": ":4\n",
	} {
		f := withPresets(t, ownPresets, strings.Split(args, "|")...)
		f.run(t, 0)
		contains(t, f.out.String(), want)
	}
	f := withPresets(t, ownPresets)
	for kind, want := range map[string]int{"layout": 14, "preset": 5, "ladder": 2} {
		names, _ := f.process().completePresets(kind)(nil, nil, "")
		if len(names) != want {
			t.Errorf("--%s completes %q", kind, names)
		}
	}
}

// TestTheReadmesLayoutIsOne holds that the example of one's own layout can be used.
func TestTheReadmesLayoutIsOne(t *testing.T) {
	packed, err := os.ReadFile(filepath.Join("..", "packaging", "presets.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, behind, ok := strings.Cut(string(readme), "Your own layouts")
	_, text, begins := strings.Cut(behind, "```yaml\n")
	text, _, ends := strings.Cut(text, "```")
	if !ok || !begins || !ends {
		t.Fatal("the README has no example of one's own layouts")
	}
	for what, text := range map[string]string{"packaging/presets.yaml": string(packed), "README.md": text} {
		f := withPresets(t, text)
		set, err := f.process().presets()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		var own []presets.Layout
		for _, l := range set.Layouts() {
			if l.Own() {
				own = append(own, l)
			}
		}
		if len(own) == 0 || own[0].About == "" || len(own[0].Cells) < 2 {
			t.Errorf("%s: %+v", what, own)
		}
	}
}
