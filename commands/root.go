package commands

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"rtsprec/engine/fault"
	"rtsprec/presets"
)

// process is one execution: the edge, and the flags that all commands share.
type process struct {
	Edge
	json  bool
	quiet bool
	debug bool
	*hangup
	raw   io.Writer    // standard output for what is no text: nothing is redacted
	known *presets.Set // see builtin
}

// recordings is the group of commands that do the work; help lists them first.
const recordings = "recordings"

// NewRoot makes the whole command tree, for those who only want to look at it.
func NewRoot() *cobra.Command { return newRoot(&process{}) }

func newRoot(p *process) *cobra.Command {
	root := &cobra.Command{
		Use:   "rtsprec",
		Short: "Record RTSP cameras and lose nothing",
		Long: `rtsprec records RTSP cameras into plain MP4 files and loses nothing: what was
received is on the disk within about a second, a crash or a power cut leaves
playable files, and every moment that is missing is listed with its cause.`,
		Example: `  rtsprec probe rtsp://192.168.1.10/live
  rtsprec record -i rtsp://192.168.1.10/live -t 45m
  rtsprec record -i teacher=rtsp://cam1/a -i class=rtsp://cam2/b --until 10:45
  rtsprec verify 2026-11-22T090000Z
  rtsprec serve -i yard=rtsp://cam1/a --record /srv/cameras`,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if asked, _ := cmd.Flags().GetBool("version"); asked {
				return p.version()
			}
			return noCommand(cmd, args)
		},
		Args: cobra.ArbitraryArgs,
	}
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpTemplate(helpTemplate())
	root.SetFlagErrorFunc(flagMistake)
	flags := root.PersistentFlags()
	flags.BoolVar(&p.json, "json", false, "results and events as JSON lines on standard output")
	flags.BoolVarP(&p.quiet, "quiet", "q", false, "say nothing but errors and results")
	flags.BoolVar(&p.debug, "debug", false, "say what goes on inside, on standard error")
	root.Flags().Bool("version", false, "show the version")
	flags.BoolP("help", "h", false, "this help")
	root.AddGroup(&cobra.Group{ID: recordings})
	for _, c := range []*cobra.Command{newProbe(p), newRecord(p), newResume(p), newVerify(p), newExport(p), newList(p), newServe(p), newRelay(p), newCompose(p), newProtect(p)} {
		c.GroupID = recordings
		root.AddCommand(c)
	}
	root.AddCommand(newCameras(p), newDoctor(p), newPresets(p), newControl(p), newHashPassword(p), newCompletion(p), newVersion(p))
	root.SetHelpCommand(newHelp())
	return root
}

// noCommand answers when the first word is none of ours.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	hint := "rtsprec -h"
	if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
		hint = "rtsprec " + similar[0]
	}
	if strings.Contains(args[0], "://") {
		hint = "rtsprec probe " + fault.URL(args[0])
	}
	return usage(hint, "there is no command %q", fault.URL(args[0]))
}

func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command",
		Long:  "Show the help of a command: the same as COMMAND -h.",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var names []cobra.Completion
			if len(args) == 0 {
				for _, c := range cmd.Root().Commands() {
					if c.IsAvailableCommand() {
						names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 && about == cmd.Root() {
				return noCommand(cmd.Root(), args)
			}
			return about.Help()
		},
	}
}

func newVersion(p *process) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Long: `Show the version of rtsprec, and whether this build has codecs: they are FFmpeg,
x264 and x265, which make it free software by the GPL; without them it is by the
MIT licence.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return p.version() },
	}
}

// version says which build this is.
func (p *process) version() error {
	about := struct {
		Version string `json:"version"`
		Codecs  bool   `json:"codecs"`
		License string `json:"license"` // SPDX
	}{p.Version, p.Coder != nil, "MIT"}
	with := "without"
	if about.Codecs {
		with, about.License = "with", "GPL-2.0-or-later"
	}
	if p.json {
		return p.line("version", about)
	}
	_, err := fmt.Fprintf(p.Out, "rtsprec %s, %s codecs (%s)\n", p.Version, with, about.License)
	return err
}

// newCompletion prints what a shell needs to complete our words.
func newCompletion(p *process) *cobra.Command {
	shells := map[string]func(*cobra.Command, io.Writer) error{
		"bash": func(c *cobra.Command, w io.Writer) error { return c.GenBashCompletionV2(w, true) },
		"fish": func(c *cobra.Command, w io.Writer) error { return c.GenFishCompletion(w, true) },
		"zsh":  func(c *cobra.Command, w io.Writer) error { return c.GenZshCompletion(w) },
	}
	names := []cobra.Completion{"bash", "fish", "zsh"}
	return &cobra.Command{
		Use:   "completion bash|fish|zsh",
		Short: "Print the completion script of a shell",
		Long:  "Print the script that makes a shell complete rtsprec's commands and flags.",
		Example: `  source <(rtsprec completion bash)                  # in ~/.bashrc
  rtsprec completion zsh > "${fpath[1]}/_rtsprec"
  rtsprec completion fish > ~/.config/fish/completions/rtsprec.fish`,
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || shells[args[0]] == nil {
				return usage("rtsprec completion "+names[0], "say which shell: bash, fish or zsh")
			}
			return shells[args[0]](cmd.Root(), p.Out)
		},
	}
}

// noArguments refuses arguments.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(cmd.CommandPath()+" -h", "%s takes no argument, and got %q", cmd.CommandPath(), fault.URL(args[0]))
	}
	return nil
}

// helpTemplate is the form of every help text; it fits 80 columns.
func helpTemplate() string {
	return `{{.Long}}

Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND [flags]{{else}}{{.UseLine}}{{end}}
{{- if .HasExample}}

Examples:
{{.Example}}
{{- end}}
{{- if .HasAvailableSubCommands}}

Commands:
{{- range .Commands}}{{if .GroupID}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}
{{- range .Commands}}{{if and .IsAvailableCommand (not .GroupID)}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}
{{- end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}
{{- end}}
{{- if .HasAvailableInheritedFlags}}

Flags of all commands:
{{.InheritedFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}
{{- end}}

Exit codes:
` + exitTable() + `
{{- if .HasAvailableSubCommands}}

rtsprec COMMAND -h says more about each.{{end}}
`
}

// exitTable lists the exit codes in two columns.
func exitTable() string {
	exits := Exits()
	half := (len(exits) + 1) / 2
	var lines []string
	for i := range half {
		line := fmt.Sprintf("  %3d  %-33s", exits[i].Code, exits[i].Text)
		if i+half < len(exits) {
			line += fmt.Sprintf("%3d  %s", exits[i+half].Code, exits[i+half].Text)
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return strings.Join(lines, "\n")
}
