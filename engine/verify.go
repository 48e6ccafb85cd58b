package engine

import (
	"context"

	"rtsprec/engine/archive"
)

// Verify proves from the media that a recording is what its journal says. The error is
// nil when it is and nothing is missing, a fault.Incomplete or fault.Damaged otherwise
// (with the report), or says why the recording could not be read (without one).
func Verify(ctx context.Context, d Deps, dir string, o archive.VerifyOptions) (*archive.Report, error) {
	if o.Clock == nil {
		o.Clock = d.Clock
	}
	report, err := archive.Verify(ctx, d.FS, dir, o)
	if err != nil {
		return nil, err
	}
	return report, report.Err()
}

// List finds recordings in and below each directory, in the order given.
func List(ctx context.Context, d Deps, dirs []string) ([]archive.Summary, error) {
	var all []archive.Summary
	for _, dir := range dirs {
		if err := ctx.Err(); err != nil {
			return all, err
		}
		found, err := archive.List(d.FS, dir)
		if err != nil {
			return all, err
		}
		all = append(all, found...)
	}
	return all, nil
}
