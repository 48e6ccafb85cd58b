package commands

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"rtsprec/engine"
)

// defaultLadder is the one for whoever names none.
const defaultLadder = "standard"

// adaptFlags say how pictures follow the way they take.
type adaptFlags struct {
	adapt  bool
	ladder string
	report string
}

func (f *adaptFlags) bind(cmd *cobra.Command, p *process) {
	flags := cmd.Flags()
	f.ladder = "standard"
	flags.BoolVar(&f.adapt, "adapt", false, "encode pictures at a lower rate and then smaller while a target's link is too weak for them")
	ladderFlag(cmd, p, &f.ladder)
	flags.StringVar(&f.report, "report", "", "--adapt: write how it went into this `file`: .html or .png")
}

// options checks what was typed. The zero value adapts nothing.
func (f *adaptFlags) options(cmd *cobra.Command, p *process, device device) (o engine.RelayAdapt, err error) {
	if !f.adapt {
		for _, name := range []string{"ladder", "report"} {
			if cmd.Flags().Changed(name) {
				return o, usage("--adapt --"+name+" ...", "--%s says how to adapt, and --adapt is not given", name)
			}
		}
		return o, nil
	}
	if ext := strings.ToLower(filepath.Ext(f.report)); f.report != "" && ext != ".html" && ext != ".png" {
		return o, usage("--report way.html", "--report %s: a report is .html or .png", f.report)
	}
	ladder, err := p.ladder(f.ladder)
	if err != nil {
		return o, err
	}
	return engine.RelayAdapt{Ladder: ladder, Device: string(device)}, nil
}

// write writes the report, if one was asked for.
func (f *adaptFlags) write(p *process, title string, targets []engine.RelayTargetSummary) error {
	if f.report == "" {
		return nil
	}
	return engine.WriteAdaptReport(p.deps(nil), f.report, title, targets)
}
