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
	var socket string
	cmd := &cobra.Command{
		Use:   "ctl [flags] COMMAND [NAME]",
		Short: "Steer a running composition",
		Long: `Steer a "rtsprec compose" that runs on this machine: show another layout, put
somebody else into the large cell, or ask what is shown. Not a picture is lost.
Without --socket it is the composition of this user, when there is just one.

  layout NAME   show this layout
  next          show the next layout
  speaker NAME  put this input into the large cell; its number will do
  state         what is shown, and how the inputs are`,
		Example: `  rtsprec ctl layout pip
  rtsprec ctl speaker teacher
  rtsprec ctl state --json | jq .inputs`,
		ValidArgsFunction: p.completeControl,
		RunE: func(cmd *cobra.Command, args []string) error {
			command, err := parseCommand(args)
			if err != nil {
				return err
			}
			if socket == "" {
				if socket, err = p.findSocket(); err != nil {
					return err
				}
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 15*time.Second)
			defer cancel()
			state, err := engine.AskControl(ctx, socket, command)
			if fault.Is(err, fault.NotFound) {
				return hinted{err, "is the composition still running?"}
			}
			if err != nil {
				return hinted{err, "rtsprec ctl state says what there is"}
			}
			return p.sayState(state)
		},
	}
	cmd.Flags().StringVar(&socket, "socket", "", "`file` that the composition was given with --ctl")
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
		dir := p.runtimeDir()
		if err := p.ownDir(dir); err != nil {
			return func() {}, nil
		}
		path = filepath.Join(dir, fmt.Sprintf("compose-%d%s", os.Getpid(), socketEnding))
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
