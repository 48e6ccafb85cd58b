package commands

import (
	"fmt"
	"strings"

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
	what     any
}

// listPresets lists everything that has a name.
func listPresets(set *presets.Set) []listedPreset {
	var all []listedPreset
	add := func(kind, name, about string, o presets.Origin, what any) {
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

// shownPreset is the JSON form of one preset.
type shownPreset struct {
	listedPreset
	Preset any `json:"preset"`
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
		if err := p.line("preset", shownPreset{one, one.what}); err != nil {
			return err
		}
		return wrong
	}
	text := ""
	switch what := one.what.(type) {
	case presets.Layout:
		text = what.YAML()
	case presets.Encoder:
		text = what.YAML()
	case presets.Ladder:
		text = what.YAML()
	}
	if _, err := fmt.Fprintf(p.Out, "# %s\n%s", one.origin(), text); err != nil {
		return err
	}
	return wrong
}
