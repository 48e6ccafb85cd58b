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
	if err := onlyFlags(cmd, sheetFlags); err != nil {
		return err
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
	case err != nil:
		return pictureFault(err, o.Dir)
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

// pictureFlags are the flags of export that mean something for one picture.
var pictureFlags = []string{"ss", "camera", "output", "overwrite"}

// runPictures writes the pictures of a moment.
func runPictures(cmd *cobra.Command, p *process, o *exportOptions) error {
	if err := onlyFlags(cmd, pictureFlags); err != nil {
		return err
	}
	if err := p.checkExport(o); err != nil {
		return err
	}
	list, err := p.Engine.Pictures(cmd.Context(), p.deps(p.exportNotice), engine.PictureOptions{
		Dir: o.Dir, Cameras: o.Cameras, Output: o.Output, Overwrite: o.Overwrite,
		At: func(w archive.Window) (time.Time, error) {
			at, _, err := p.exportRange(o, w)
			return at, err
		},
	})
	for _, e := range list {
		if p.json {
			p.line("picture", e)
		} else {
			fmt.Fprintf(p.Out, "%s: %s, %s, %dx%d pixels\n", e.File, e.Camera, p.dayTime(e.At), e.Width, e.Height)
		}
	}
	return pictureFault(err, o.Dir)
}

// onlyFlags refuses flags that mean nothing for pictures.
func onlyFlags(cmd *cobra.Command, known []string) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if !slices.Contains(known, f.Name) && cmd.InheritedFlags().Lookup(f.Name) == nil {
			err = usage("leave it out", "%s means nothing where a picture is written", flagName(f))
		}
	})
	return err
}

// pictureFault says what to do about an error.
func pictureFault(err error, dir string) error {
	switch {
	case errors.Is(err, fs.ErrExist):
		return hinted{err, "-y replaces it"}
	case fault.Is(err, fault.NotFound):
		return usage("rtsprec ls "+quoted(dir), "%v", err)
	}
	return aboutDir(err, dir)
}
