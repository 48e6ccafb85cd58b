package commands

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"rtsprec/engine"
	"rtsprec/engine/archive"
)

// stripFlags are the flags of export that mean something for a timeline.
var stripFlags = []string{"strip", "ss", "to", "time", "camera", "overwrite"}

// runStrip draws the timeline of a recording.
func runStrip(cmd *cobra.Command, p *process, o *exportOptions) error {
	if err := onlyFlags(cmd, stripFlags); err != nil {
		return err
	}
	o.Output = o.strip
	if err := p.checkExport(o); err != nil {
		return err
	}
	report, err := p.Engine.Strip(p.deps(p.exportNotice), engine.StripOptions{
		Dir: o.Dir, Cameras: o.Cameras, Output: o.Output, Overwrite: o.Overwrite, Zone: p.Zone,
		Range: func(w archive.Window) (time.Time, time.Time, error) { return p.exportRange(o, w) },
	})
	switch {
	case err != nil:
		return pictureFault(err, o.Dir)
	case p.json:
		return p.line("strip", report)
	}
	_, err = fmt.Fprintf(p.Out, "%s: %s, %s, %dx%d pixels\n", report.File, count(len(report.Cameras), "camera"),
		p.fromTo(report.From, report.To), report.Width, report.Height)
	return err
}
