package commands

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"rtsprec/engine"
	"rtsprec/engine/fault"
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
	if err := f.checkReport(p); err != nil {
		return o, err
	}
	ladder, err := p.ladder(f.ladder)
	if err != nil {
		return o, err
	}
	return engine.RelayAdapt{Ladder: ladder, Device: string(device)}, nil
}

// checkReport refuses a report that could not be written, before anything is sent.
func (f *adaptFlags) checkReport(p *process) error {
	if f.report == "" {
		return nil
	}
	err := engine.CheckAdaptReport(p.deps(nil), f.report)
	dir := filepath.Dir(f.report)
	switch {
	case err == nil, fault.Is(err, fault.DiskFull):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return usage("mkdir -p "+quoted(dir), "--report %s: there is no folder %s", f.report, dir)
	}
	return usage("--report way.html", "--report %s: %v", f.report, err)
}

// write writes the report, if one was asked for. What became of its folder meanwhile says
// nothing of a camera.
func (f *adaptFlags) write(p *process, title string, targets []engine.RelayTargetSummary) error {
	if f.report == "" {
		return nil
	}
	err := engine.WriteAdaptReport(p.deps(nil), f.report, title, targets)
	if err == nil || fault.Is(err, fault.DiskFull) {
		return err
	}
	return hinted{fault.Wrap(fault.DiskFailed, "write the report "+f.report, err), "is its folder still there? Nothing else is missing"}
}
