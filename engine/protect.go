package engine

import (
	"context"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/record"
)

// Protect keeps a span of the recording in dir from retention, or with p.Off takes that
// off again, and returns the protection's number. Where another process writes the
// recording it is told, and waited for until ctx ends. fault.NotFound: no recording, no
// such camera, or no such number; fault.Usage: a span that ends before it begins;
// fault.Timeout: the writer did not answer, and will not do it.
func Protect(ctx context.Context, d Deps, dir string, p journal.Protect) (uint64, error) {
	if len(p.Cameras) > 0 {
		have, err := archive.Summarize(d.FS, dir)
		if err != nil {
			return 0, err
		}
		known := map[string]bool{}
		for _, c := range have.Cameras {
			known[c.Name] = true
		}
		for _, name := range p.Cameras {
			if !known[name] {
				return 0, fault.New(fault.NotFound, "the recording has no camera %q", name)
			}
		}
	}
	return record.ProtectDir(ctx, d.recordOptions(dir, journal.Plan{}, newTally()), p)
}

// Protections lists what is protected in the recording in dir.
func Protections(_ context.Context, d Deps, dir string) ([]journal.Protect, error) {
	return archive.Protections(d.FS, dir)
}
