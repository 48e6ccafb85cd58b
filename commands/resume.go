package commands

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rtsprec/engine"
	"rtsprec/engine/fault"
)

// resumeOptions is what was typed.
type resumeOptions struct {
	repair bool
	all    bool
	grace  span
	keep   keepFlags

	backfill backfillFlags
}

func newResume(p *process) *cobra.Command {
	o := resumeOptions{grace: graceSpan()}
	cmd := &cobra.Command{
		Use:   "resume [flags] DIR",
		Short: "Repair an interrupted recording and go on with it",
		Long: `Repair a recording that was interrupted by a crash, a kill or a power cut, and
go on with it until its planned end. When that has passed it is only repaired.
Nothing is deleted: what cannot be placed goes to the recording's folder
"quarantine".

With --all every interrupted recording below ROOT is resumed, those that are
still within their time side by side: the one command to run after a reboot. A
recording that is being written is left alone.`,
		Example: `  rtsprec resume math-101
  rtsprec resume --repair math-101
  rtsprec resume --all /srv/recordings`,
		ValidArgsFunction: directories(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(cmd.CommandPath()+" DIR", "resume takes one directory, and got %d", len(args))
			}
			if err := p.checkDir(args[0]); err != nil {
				return err
			}
			return o.run(cmd.Context(), p, args[0])
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&o.repair, "repair", false, "only repair, do not go on recording")
	flags.BoolVar(&o.all, "all", false, "all interrupted recordings below ROOT, given in place of DIR")
	o.keep.bind(cmd)
	o.backfill.bind(cmd)
	addGrace(cmd, &o.grace)
	return cmd
}

func (o *resumeOptions) run(ctx context.Context, p *process, dir string) error {
	sources, err := o.backfill.sources(p)
	if err != nil {
		return err
	}
	options := engine.ResumeOptions{
		Repair: o.repair, Grace: o.grace.d, Keep: o.keep.keep(),
		Backfill: sources, BackfillRate: o.backfill.rate.n,
	}
	d, done := p.show(ctx)
	if o.all {
		list, err := p.Engine.ResumeAll(ctx, p.deps(p.sparing(d.observe)), dir, options)
		done()
		p.summaries("summary", list...)
		if len(list) == 0 && err == nil && !p.quiet && !p.json {
			fmt.Fprintf(p.Err, "no interrupted recording below %s\n", dir)
		}
		return err
	}
	summary, err := p.Engine.Resume(ctx, p.deps(p.sparing(d.observe)), dir, options)
	done()
	p.summaries("summary", summary)
	if fault.Is(err, fault.NotFound) {
		return usage("rtsprec ls "+quoted(dir), "%s is no recording", dir)
	}
	return aboutDir(err, dir)
}

// directories completes up to n names of directories.
func directories(n int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= n {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
}
