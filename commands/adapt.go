package commands

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rtsprec/engine"
)

// defaultLadder is the one for whoever names none.
const defaultLadder = "standard"

// adaptFlags say how pictures follow the way they take.
type adaptFlags struct {
	adapt   bool
	ladder  string
	latency span
	report  string
	device  device
}

func newAdaptFlags() adaptFlags {
	return adaptFlags{ladder: defaultLadder, latency: span{d: engine.DefaultLatency, min: 10 * time.Millisecond, max: time.Minute}}
}

func (f *adaptFlags) bind(cmd *cobra.Command, p *process) {
	flags := cmd.Flags()
	flags.BoolVar(&f.adapt, "adapt", false, "re-encode pictures, smaller and smaller, while a target's link is too weak for them")
	ladderFlag(cmd, p, &f.ladder)
	flags.Var(&f.latency, "latency", "--adapt: how long a picture may wait to be sent")
	flags.StringVar(&f.report, "report", "", "--adapt: write how it went into this `file`: .html or .png")
	noFileCompletion(cmd, "latency")
}

// options checks what was typed. The zero value adapts nothing.
func (f *adaptFlags) options(cmd *cobra.Command, p *process) (o engine.RelayAdapt, err error) {
	if !f.adapt {
		for _, name := range []string{"ladder", "latency", "report"} {
			if cmd.Flags().Changed(name) {
				return o, usage("--adapt --"+name+" ...", "--%s is for a relay that adapts", name)
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
	return engine.RelayAdapt{Ladder: ladder, Latency: f.latency.d, Device: string(f.device)}, nil
}
