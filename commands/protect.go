package commands

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rtsprec/engine"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
)

// protectOptions is what was typed.
type protectOptions struct {
	from, to moment
	why      string
	cameras  []string
	list     bool
	off      string
	wait     span
}

func newProtect(p *process) *cobra.Command {
	o := protectOptions{wait: span{d: 10 * time.Second, min: time.Second, max: 10 * time.Minute}}
	cmd := &cobra.Command{
		Use:   "protect [flags] DIR",
		Short: "Keep a span of a recording from being removed",
		Long: `Keep the media of a span from what --keep-age, --keep-size and --keep-free
remove, until it is taken off again. Without --from or --to it has no bound on
that side; without --camera it is for all cameras. The recording may be under
way in another rtsprec, which is told.

What was removed before is gone: protect does not bring it back.`,
		Example: `  rtsprec protect archive --from 2026-11-22T09:00:00Z --to 2026-11-22T09:45:00Z
  rtsprec protect archive --from 09:00 --camera gate --why "ask the police"
  rtsprec protect --list archive
  rtsprec protect --off 3 archive`,
		ValidArgsFunction: directories(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(cmd.CommandPath()+" DIR", "protect takes one directory, and got %d", len(args))
			}
			if err := p.checkDir(args[0]); err != nil {
				return err
			}
			return o.run(cmd.Context(), p, args[0])
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&o.from, "from", "beginning: 09:00 (local time) or RFC 3339")
	flags.Var(&o.to, "to", "end: 10:45 (local time) or RFC 3339")
	flags.StringVar(&o.why, "why", "", "the reason, for whoever reads the list")
	flags.StringArrayVar(&o.cameras, "camera", nil, "only this camera; may be repeated")
	flags.BoolVar(&o.list, "list", false, "list what is protected")
	flags.StringVar(&o.off, "off", "", "take the protection with this `number` off")
	flags.Var(&o.wait, "wait", "how long to wait for the rtsprec that writes the recording")
	noFileCompletion(cmd, "from", "to", "why", "camera", "off", "wait")
	return cmd
}

func (o *protectOptions) run(ctx context.Context, p *process, dir string) error {
	deps := p.deps(func(engine.Event) {})
	known, err := p.Engine.Protections(ctx, deps, dir)
	switch {
	case fault.Is(err, fault.NotFound):
		return usage("rtsprec ls "+quoted(dir), "%s is no recording", dir)
	case err != nil:
		return aboutDir(err, dir)
	case o.list:
		return p.protections(dir, known...)
	}
	line, err := o.line(p, dir, known)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.wait.d)
	defer cancel()
	line.ID, err = p.Engine.Protect(ctx, deps, dir, line)
	switch {
	case fault.Is(err, fault.NotFound):
		return usage("rtsprec ls "+quoted(dir), "%v", err)
	case err != nil:
		return aboutDir(err, dir)
	}
	return p.protections(dir, line)
}

// line is what is to be journaled.
func (o *protectOptions) line(p *process, dir string, known []journal.Protect) (journal.Protect, error) {
	var none journal.Protect
	if o.off != "" {
		id, err := strconv.ParseUint(o.off, 10, 63)
		i := slices.IndexFunc(known, func(k journal.Protect) bool { return k.ID == id })
		if err != nil || i < 0 {
			return none, usage("rtsprec protect --list "+quoted(dir), "nothing is protected by the number %q", o.off)
		}
		line := known[i]
		line.Off = true
		return line, nil
	}
	line := journal.Protect{Cameras: o.cameras, Why: o.why}
	now := p.Clock.Wall().In(p.Zone)
	base := now
	if o.from.given() {
		line.From = o.from.before(now)
		base = line.From
	}
	if o.to.given() {
		line.To = o.to.after(base)
		if !o.from.given() {
			line.To = o.to.before(now)
		}
	}
	switch {
	case line.From.IsZero() && line.To.IsZero() && len(o.cameras) == 0 && o.why == "":
		return none, usage("rtsprec protect --from 09:00 --to 09:45 --why REASON "+quoted(dir), "nothing says what to protect")
	case !line.From.IsZero() && !line.To.IsZero() && !line.From.Before(line.To):
		return none, usage("", "--to %s is not after --from %s", o.to, o.from)
	}
	return line, nil
}

// protections prints what is protected, or was.
func (p *process) protections(dir string, lines ...journal.Protect) error {
	for _, line := range lines {
		var err error
		if p.json {
			err = p.line("protect", struct {
				Dir string `json:"dir"`
				journal.Protect
			}{dir, line})
		} else {
			_, err = fmt.Fprintf(p.Out, "%d: %s\n", line.ID, p.protected(line))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// protected is a protection for people.
func (p *process) protected(line journal.Protect) string {
	end := func(t time.Time, open string) string {
		if t.IsZero() {
			return open
		}
		return p.dayTime(t)
	}
	s := "from " + end(line.From, "the beginning") + " to " + end(line.To, "the end")
	if len(line.Cameras) > 0 {
		s += ", " + strings.Join(line.Cameras, ", ")
	}
	if line.Why != "" {
		s += ": " + line.Why
	}
	if line.Off {
		s += " (no longer protected)"
	}
	return s
}
