package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
)

func newVerify(p *process) *cobra.Command {
	var o archive.VerifyOptions
	cmd := &cobra.Command{
		Use:   "verify [flags] DIR",
		Short: "Prove that nothing is missing, or list what is",
		Long: `Read a recording's media and prove that it is what the recording's journal says:
every checksum, every file, every second of every camera. Lists what is missing
with its cause, what arrived damaged, and what the disk has changed. Nothing is
written; a recording that is being made can be verified too.`,
		Example: `  rtsprec verify math-101
  rtsprec verify --deep math-101
  rtsprec verify math-101 >/dev/null && rm -r backup/math-101`,
		ValidArgsFunction: directories(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(cmd.CommandPath()+" DIR", "verify takes one directory, and got %d", len(args))
			}
			if err := p.checkDir(args[0]); err != nil {
				return err
			}
			return runVerify(cmd.Context(), p, args[0], o)
		},
	}
	cmd.Flags().BoolVar(&o.Deep, "deep", false, "look into every access unit too")
	return cmd
}

func runVerify(ctx context.Context, p *process, dir string, o archive.VerifyOptions) error {
	progress, done := p.bytesProgress("verified")
	o.Progress = progress
	report, err := p.Engine.Verify(ctx, p.deps(nil), dir, o)
	done()
	if report != nil {
		if p.json {
			p.line("verify", report)
		} else {
			fmt.Fprint(p.Out, p.reportText(report))
		}
	}
	if fault.Is(err, fault.NotFound) {
		return usage("rtsprec ls "+quoted(dir), "%s is no recording", dir)
	}
	if report != nil && fault.Is(err, fault.Incomplete) {
		hint := "" // the report has said it all
		if report.State == archive.Interrupted {
			hint = "rtsprec resume " + quoted(dir)
		}
		return hinted{err, hint}
	}
	return aboutDir(err, dir)
}

// reportText is the report for people: the verdict first.
func (p *process) reportText(r *archive.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", r.Dir, r.Status)
	if !r.Window.From.IsZero() {
		fmt.Fprintf(&b, "  %s (%s), %s\n", p.fromTo(r.Window.From, r.Window.To), spanText(r.Window.To.Sub(r.Window.From)), r.State)
	}
	read := fmt.Sprintf("  read %s, %s", count(r.Files, "file"), bytesText(r.Bytes))
	if r.Took > 0 {
		read += fmt.Sprintf(" in %s (%s/s)", spanText(time.Duration(r.Took*float64(time.Second))), bytesText(int64(r.Speed)))
	}
	b.WriteString(read + "\n")
	t := table{{"  camera", "coverage", "files", "size", "units", "missing", "damaged"}}
	var details []string
	for _, c := range r.Cameras {
		t = append(t, []string{
			"  " + c.Name, percentText(c.Coverage.Share()), fmt.Sprint(c.Segments), bytesText(c.Bytes), fmt.Sprint(c.Units),
			gapsText(c.Gaps), damageText(c.Damage),
		})
		details = append(details, leadText(c.Name, time.Duration(c.Coverage.LeadIn), c.Coverage.Share(), time.Duration(c.Coverage.Window))...)
		details = append(details, p.details(c.Name, c.Gaps, c.Damage)...)
		details = append(details, p.lesser(c.Name, c.Quality)...)
		details = append(details, p.beside(c.Name, c.Beside)...)
	}
	if len(r.Cameras) > 0 {
		b.WriteString(t.text("lrrrrll"))
	}
	for _, line := range details {
		b.WriteString(line + "\n")
	}
	for _, f := range r.Findings {
		b.WriteString("  " + p.findingText(f) + "\n")
	}
	return b.String()
}

// beside lists the files that hold the main stream of times that were recorded from the
// sub-stream.
func (p *process) beside(camera string, list []archive.Beside) []string {
	var lines []string
	for _, b := range list {
		lines = append(lines, fmt.Sprintf("  %s  beside   %s: the main stream, got afterwards: %s", camera, p.fromTo(b.From, b.To), b.File))
	}
	return bounded(camera, lines)
}

// findingText is one line: how bad, where, what.
func (p *process) findingText(f archive.Finding) string {
	text := string(f.Severity) + ": "
	switch {
	case f.File != "":
		text += f.File + ": "
	case f.Camera != "":
		text += f.Camera + ": "
	}
	text += oneLine(f.Text)
	if !f.From.IsZero() && !f.To.IsZero() {
		text += ", " + p.fromTo(f.From, f.To)
	}
	if f.Offset > 0 {
		text += fmt.Sprintf(" (byte %d)", f.Offset)
	}
	return text
}

// bytesProgress shows how far a long reading is: a bar on a terminal, a line a minute
// elsewhere, nothing with -q and --json.
func (p *process) bytesProgress(verb string) (progress func(done, total int64), finish func()) {
	return p.longWork(verb, bytesText, progressbar.OptionShowBytes(true))
}

// picturesProgress is bytesProgress in pictures.
func (p *process) picturesProgress(verb string) (progress func(done, total int64), finish func()) {
	return p.longWork(verb, func(n int64) string { return fmt.Sprint(n) }, progressbar.OptionShowCount())
}

func (p *process) longWork(verb string, text func(int64) string, counted progressbar.Option) (progress func(done, total int64), finish func()) {
	if p.quiet || p.json {
		return nil, func() {}
	}
	if _, _, terminal := p.Screen(); !terminal {
		last := p.Clock.Now()
		return func(done, total int64) {
			if now := p.Clock.Now(); now.Sub(last) >= time.Minute {
				last = now
				fmt.Fprintf(p.Err, "%s %s of %s\n", verb, text(done), text(total))
			}
		}, func() {}
	}
	var bar *progressbar.ProgressBar
	return func(done, total int64) {
			if bar == nil {
				bar = progressbar.NewOptions64(max(total, 1), progressbar.OptionSetWriter(p.Err),
					progressbar.OptionSetDescription(verb), counted, progressbar.OptionSetWidth(30),
					progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
					progressbar.OptionSetTheme(barTheme()))
			}
			bar.ChangeMax64(max(total, 1))
			bar.Set64(done)
		}, func() {
			if bar != nil {
				bar.Clear()
			}
		}
}

// checkDir refuses what is no directory, before the engine wonders.
func (p *process) checkDir(dir string) error {
	info, err := p.FS.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return usage("rtsprec ls lists the recordings that are here", "there is no directory %s", dir)
	case err != nil:
		return aboutDir(vfs.Fault("", err), dir)
	case !info.IsDir():
		return usage("rtsprec ls lists the recordings that are here", "%s is a file, not a recording's directory", dir)
	}
	return nil
}
