package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rtsprec/engine"
	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
)

func newControl(p *process) *cobra.Command {
	var socket, server, path string
	cmd := &cobra.Command{
		Use:   "ctl [flags] COMMAND [NAME]",
		Short: "Steer a running composition",
		Long: `Steer a "rtsprec compose" that runs on this machine, or a composed path of a
"rtsprec serve": show another layout, put somebody else into the large cell, or
ask what is shown. Not a picture is lost. Without --socket it is the composition
of this user, when there is just one. --server asks a server over HTTP, where
the user needs the right "steer"; --path says which of its compositions.

  layout NAME   show this layout
  next          show the next layout
  speaker NAME  put this input into the large cell; its number will do
  state         what is shown, and how the inputs are`,
		Example: `  rtsprec ctl layout pip
  rtsprec ctl speaker teacher
  rtsprec ctl state --json | jq .inputs
  rtsprec ctl --server http://admin@nvr:8080 --path wall layout pip`,
		ValidArgsFunction: p.completeControl,
		RunE: func(cmd *cobra.Command, args []string) error {
			command, err := parseCommand(args)
			if err != nil {
				return err
			}
			command.Path = path
			if server != "" && socket != "" {
				return usage("--server http://HOST:8080, or --socket FILE", "--server and --socket are two ways to one composition")
			}
			if socket == "" && server == "" {
				if socket, err = p.findSocket(); err != nil {
					return err
				}
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 15*time.Second)
			defer cancel()
			ask := func() (engine.ComposeState, error) { return engine.AskControl(ctx, socket, command) }
			if server != "" {
				ask = func() (engine.ComposeState, error) { return engine.AskServer(ctx, p.login(server), command) }
			}
			state, err := ask()
			switch {
			case fault.Is(err, fault.NotFound):
				return hinted{err, "is the composition running, and does anybody watch it?"}
			case fault.Is(err, fault.Usage):
				return hinted{err, "rtsprec ctl state says what there is"}
			case err != nil:
				return err
			}
			return p.sayState(state)
		},
	}
	cmd.Flags().StringVar(&socket, "socket", "", "`file` that the composition, or the server, was given with --ctl")
	cmd.Flags().StringVar(&server, "server", "", "`address` of a server's HTTP: http://[USER[:PASSWORD]@]HOST:PORT")
	cmd.Flags().StringVar(&path, "path", "", "`path` of the server that is meant; not needed where only one is composed")
	noFileCompletion(cmd, "server", "path")
	return cmd
}

// controlWords are the commands; those that are true take a name.
func controlWords() map[string]bool {
	return map[string]bool{"layout": true, "next": false, "speaker": true, "state": false}
}

func parseCommand(args []string) (engine.Command, error) {
	const help = "rtsprec ctl layout NAME, ctl speaker NAME, ctl next or ctl state"
	if len(args) == 0 {
		return engine.Command{}, usage(help, "say what is to be done")
	}
	named, known := controlWords()[args[0]]
	switch {
	case !known:
		return engine.Command{}, usage(help, "ctl does not know %q", args[0])
	case named && len(args) != 2:
		return engine.Command{}, usage(help, "%s wants one name", args[0])
	case !named && len(args) != 1:
		return engine.Command{}, usage(help, "%s takes no name", args[0])
	}
	return engine.Command{Do: args[0], Name: strings.Join(args[1:], "")}, nil
}

func (p *process) completeControl(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
	switch {
	case len(args) == 0:
		return []cobra.Completion{"layout", "next", "speaker", "state"}, cobra.ShellCompDirectiveNoFileComp
	case len(args) == 1 && args[0] == "layout":
		return p.completePresets("layout")(cmd, nil, prefix)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// sayState prints what is shown, on standard output.
func (p *process) sayState(s engine.ComposeState) error {
	if p.json {
		return p.line("state", s)
	}
	line := "layout " + s.Layout
	if s.Path != "" {
		line = s.Path + ": " + line
	}
	if s.Speaker != "" {
		line += ", speaker " + s.Speaker
	}
	t := table{{"  input", "state", "cell", "fps", "sound"}}
	for _, in := range s.Inputs {
		cell, sound := in.Cell, ""
		if cell == "" {
			cell = "-"
		}
		if in.Sound {
			sound = "heard"
		}
		t = append(t, []string{"  " + in.Name, in.State, cell, fmt.Sprintf("%.1f", in.FPS), sound})
	}
	_, err := fmt.Fprint(p.Out, line+"\n"+t.text("lllrl"))
	return err
}

// socketEnding is how the names of sockets in the runtime directory end.
const socketEnding = ".sock"

// runtimeDir is where sockets of this user lie.
func (p *process) runtimeDir() string {
	if dir, set := p.Env("XDG_RUNTIME_DIR"); set && filepath.IsAbs(dir) {
		return filepath.Join(dir, "rtsprec")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("rtsprec-%d", os.Getuid()))
}

// findSocket is the socket of the one composition that runs.
func (p *process) findSocket() (string, error) {
	dir := p.runtimeDir()
	entries, err := p.FS.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", vfs.Fault("look for compositions", err)
	}
	var found []string
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if strings.HasSuffix(e.Name(), socketEnding) && engine.ControlAnswers(name) {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", hinted{fault.New(fault.NotFound, "no composition of this user runs here"), "--socket FILE, as compose got it with --ctl"}
	}
	return "", usage("--socket "+found[0], "%d compositions run here: %s", len(found), strings.Join(found, ", "))
}

// control lets a composition be steered until release is called. Where nobody asked for a
// socket and there cannot be one, there is none.
func (p *process) control(ctx context.Context, path string, to *engine.Controller) (release func(), err error) {
	asked := path != ""
	if !asked {
		if path = p.ownSocket("compose"); path == "" {
			return func() {}, nil
		}
	}
	l, err := engine.ListenControl(ctx, path)
	if err != nil {
		if !asked {
			return func() {}, nil
		}
		return nil, hinted{err, "--ctl FILE in a directory of your own"}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		engine.ServeControl(ctx, l, to)
	}()
	return func() { cancel(); <-done }, nil
}

// ownSocket is where a command of this process listens whom nobody told where; "": nowhere,
// as there is no directory of this user alone.
func (p *process) ownSocket(command string) string {
	dir := p.runtimeDir()
	if p.ownDir(dir) != nil {
		return ""
	}
	return filepath.Join(dir, fmt.Sprintf("%s-%d%s", command, os.Getpid(), socketEnding))
}

// ownDir makes a directory that only this user can enter, or finds it.
func (p *process) ownDir(dir string) error {
	if err := p.FS.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 || !owned(info) {
		return fault.New(fault.Denied, "%s is not of this user alone", dir)
	}
	return nil
}
