package commands

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rtsprec/engine/archive"
)

func newList(p *process) *cobra.Command {
	return &cobra.Command{
		Use:   "ls [flags] [DIR...]",
		Short: "List recordings, their cameras, coverage and size",
		Long: `List the recordings in and below directories (without one: here), with their
state, cameras, coverage and size. Coverage is what their journals say; verify
proves it.`,
		Example: `  rtsprec ls
  rtsprec ls /srv/recordings
  rtsprec ls --json /srv | jq -r 'select(.state == "interrupted").dir'`,
		ValidArgsFunction: directories(1 << 10),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			for _, dir := range args {
				if err := p.checkDir(dir); err != nil {
					return err
				}
			}
			return runList(cmd.Context(), p, args)
		},
	}
}

func runList(ctx context.Context, p *process, dirs []string) error {
	list, err := p.Engine.List(ctx, p.deps(nil), dirs)
	if p.json {
		for _, r := range list {
			p.line("recording", r)
		}
		return err
	}
	t := table{{"recording", "state", "from", "length", "camera", "coverage", "size"}}
	for _, r := range list {
		t = append(t, p.listed(r)...)
	}
	if len(list) > 0 {
		fmt.Fprint(p.Out, t.text("lllrlrr"))
	} else if err == nil && !p.quiet {
		fmt.Fprintf(p.Err, "no recording in or below %s\n", strings.Join(dirs, ", "))
	}
	return err
}

// coverageText says also how much of it is smaller than it might be.
func coverageText(c archive.Coverage) string {
	text := percentText(c.Share())
	if c.Sub > 0 {
		text += ", " + spanText(time.Duration(c.Sub)) + " sub"
	}
	if c.Limited > 0 {
		text += ", " + spanText(time.Duration(c.Limited)) + " low"
	}
	return text
}

// listed is a recording's rows: one a camera, the recording itself in the first.
func (p *process) listed(r archive.Summary) table {
	from, length := "-", "-"
	if !r.Window.From.IsZero() {
		from, length = p.dayTime(r.Window.From), spanText(r.Window.To.Sub(r.Window.From))
	}
	head := []string{r.Dir, string(r.State), from, length}
	if r.Error != "" {
		return table{append(head, oneLine(r.Error), "", bytesText(r.Bytes))}
	}
	if len(r.Cameras) == 0 {
		return table{append(head, "-", "-", bytesText(r.Bytes))}
	}
	var rows table
	for _, c := range r.Cameras {
		rows = append(rows, append(head, c.Name, coverageText(c.Coverage), bytesText(c.Bytes)))
		head = []string{"", "", "", ""}
	}
	return rows
}
