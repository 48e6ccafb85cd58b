package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
)

// sheetFlags are the flags of export that mean something for pictures, too.
var sheetFlags = []string{"sheet", "ss", "to", "time", "camera", "output", "overwrite"}

// runSheet draws a contact sheet.
func runSheet(cmd *cobra.Command, p *process, o *exportOptions) error {
	var other string
	cmd.LocalNonPersistentFlags().Visit(func(f *pflag.Flag) {
		if !slices.Contains(sheetFlags, f.Name) {
			other = f.Name
		}
	})
	if other != "" {
		return usage("leave one of them out", "--%s is of media, and --sheet draws pictures", other)
	}
	if o.Output == "" {
		o.Output = "{recording}.jpg"
	}
	if err := p.checkExport(o); err != nil {
		return err
	}
	progress, done := p.picturesProgress("drawn")
	report, err := p.Engine.Sheet(cmd.Context(), p.deps(p.exportNotice), engine.SheetOptions{
		Dir: o.Dir, Cameras: o.Cameras, Every: o.sheet.d, Output: o.Output, Overwrite: o.Overwrite, Zone: p.Zone, Progress: progress,
		Range: func(w archive.Window) (time.Time, time.Time, error) { return p.exportRange(o, w) },
	})
	done()
	switch {
	case errors.Is(err, fs.ErrExist):
		return hinted{err, "-y replaces it"}
	case fault.Is(err, fault.NotFound):
		return usage("rtsprec ls "+quoted(o.Dir), "%v", err)
	case err != nil:
		return aboutDir(err, o.Dir)
	case p.json:
		p.line("sheet", report)
		return nil
	}
	missing := ""
	if report.Missing > 0 {
		missing = fmt.Sprintf(", %d missing", report.Missing)
	}
	fmt.Fprintf(p.Out, "%s: %s, %s, %s%s, %dx%d pixels\n", report.File, count(len(report.Cameras), "camera"), p.fromTo(report.From, report.To),
		count(report.Pictures, "picture"), missing, report.Width, report.Height)
	return nil
}
