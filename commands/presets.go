package commands

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"rtsprec/engine/fault"
	"rtsprec/presets"
)

func newPresets(p *process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "presets COMMAND",
		Short: "Layouts, encoder settings and ladders",
		Long: `What has a name in place of twenty flags: layouts of a composed picture
(--layout), settings of encoders (--preset), and ladders for links that narrow
(--ladder). Some are built in. Your own stand in files of YAML, as many as you
like, in the folder "presets" of RTSPREC_CONFIG_DIR or else of rtsprec's folder
in the user's config directory (~/.config/rtsprec/presets); one with the name of
a built-in one replaces it. "presets show NAME" prints a preset as such a file:
the way to begin with one's own.`,
		Example: `  rtsprec presets list
  rtsprec presets show pip > ~/.config/rtsprec/presets/mine.yaml
  rtsprec presets show lecture --json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("rtsprec presets list, or show NAME", "there is no command %q of presets", fault.URL(args[0]))
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(newPresetsList(p), newPresetsShow(p))
	return cmd
}

func newPresetsList(p *process) *cobra.Command {
	return &cobra.Command{
		Use:   "list [flags]",
		Short: "List the presets",
		Long: `List the presets by kind, and where they come from: built in, your own, or your
own in place of a built-in one.`,
		Example: `  rtsprec presets list
  rtsprec presets list --json | jq -r 'select(.kind == "layout").name'`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			set, err := p.presets()
			if shown := p.showPresets(set); shown != nil {
				return shown
			}
			return err
		},
	}
}

func newPresetsShow(p *process) *cobra.Command {
	var kind string
	cmd := &cobra.Command{
		Use:   "show NAME [flags]",
		Short: "Show a preset as a file of presets",
		Long: `Show a preset in the form of a file of presets, with everything it says: what
it prints, saved in the folder of your own presets and changed, is a preset of
your own. Where a name has several kinds, --kind says which.`,
		Example: `  rtsprec presets show pip
  rtsprec presets show standard --kind ladder`,
		ValidArgsFunction: p.completePresets(""),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(presetsHint, "presets show wants one name")
			}
			return p.showPreset(args[0], kind)
		},
	}
	enumFlag(cmd, &kind, presetKinds(), "kind", "which kind of preset is meant")
	return cmd
}

// presetKinds are the flags that take presets, without their dashes.
func presetKinds() []string { return []string{"layout", "preset", "ladder"} }

// listedPreset is a preset in a list, and its JSON form.
type listedPreset struct {
	Kind     string `json:"kind"` // the flag that takes it
	Name     string `json:"name"`
	About    string `json:"about"`
	File     string `json:"file,omitempty"` // empty: built in
	Line     int    `json:"line,omitempty"`
	Replaces bool   `json:"replaces,omitempty"` // a built-in one
	what     written
}

// written is what every preset can do.
type written interface {
	YAML() string
	Plain() string
}

// listPresets lists everything that has a name.
func listPresets(set *presets.Set) []listedPreset {
	var all []listedPreset
	add := func(kind, name, about string, o presets.Origin, what written) {
		all = append(all, listedPreset{kind, name, about, o.File, o.Line, o.Replaces, what})
	}
	for _, l := range set.Layouts() {
		add("layout", l.Name, l.About, l.Origin, l)
	}
	for _, e := range set.Encoders() {
		add("preset", e.Name, e.About, e.Origin, e)
	}
	for _, l := range set.Ladders() {
		add("ladder", l.Name, l.About, l.Origin, l)
	}
	return all
}

// origin says where a preset comes from.
func (l listedPreset) origin() string {
	switch {
	case l.File == "":
		return "built in"
	case l.Replaces:
		return fmt.Sprintf("yours, in place of the built-in one: %s:%d", l.File, l.Line)
	}
	return fmt.Sprintf("yours: %s:%d", l.File, l.Line)
}

func (p *process) showPresets(set *presets.Set) error {
	titles := map[string]string{"layout": "--layout", "preset": "--preset", "ladder": "--ladder"}
	t := table{{"flag", "name", "from", "about"}}
	for _, one := range listPresets(set) {
		if p.json {
			if err := p.line("preset", one); err != nil {
				return err
			}
			continue
		}
		from := "built in"
		switch {
		case one.Replaces:
			from = "yours (replaces)"
		case one.File != "":
			from = "yours"
		}
		t = append(t, []string{titles[one.Kind], one.Name, from, one.About})
	}
	if p.json {
		return nil
	}
	_, err := fmt.Fprint(p.Out, t.text("llll"))
	return err
}

// shownPreset is the JSON form of one preset: what its file says, with bare numbers
// (fractions, bit/s, seconds).
type shownPreset struct {
	listedPreset
	Preset json.RawMessage `json:"preset"`
}

func (p *process) showPreset(name, kind string) error {
	set, wrong := p.presets()
	var found []listedPreset
	for _, one := range listPresets(set) {
		if strings.EqualFold(one.Name, name) && (kind == "" || one.Kind == kind) {
			found = append(found, one)
		}
	}
	switch {
	case len(found) == 0 && wrong != nil:
		return wrong // it may be among what is wrong
	case len(found) == 0:
		return usage(presetsHint, "there is no preset %q", name)
	case len(found) > 1:
		return usage("--kind "+found[0].Kind+" or --kind "+found[1].Kind, "%q is the name of several presets", name)
	}
	one := found[0]
	if p.json {
		body, err := presetJSON(one)
		if err == nil {
			err = p.line("preset", shownPreset{one, body})
		}
		return cmp.Or(err, wrong)
	}
	if _, err := fmt.Fprintf(p.Out, "# %s\n%s", one.origin(), one.what.YAML()); err != nil {
		return err
	}
	return wrong
}

// presetJSON is what the file of one preset says of it.
func presetJSON(one listedPreset) (json.RawMessage, error) {
	var file map[string]map[string]any
	if err := yaml.Unmarshal([]byte(one.what.Plain()), &file); err != nil {
		return nil, fault.Wrap(fault.Bug, "read "+one.Name, err)
	}
	for _, presets := range file {
		for _, preset := range presets {
			return json.Marshal(preset)
		}
	}
	return nil, fault.New(fault.Bug, "%s says nothing", one.Name)
}
