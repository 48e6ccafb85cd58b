package record

import (
	"context"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// Prune removes a sealed segment: p says which, as the catalogue knows it. The journal has
// it, durably, before the file goes; when removing fails the next Open finishes it. It
// fails with fault.Busy while somebody reads the file, with fault.Usage for a segment that
// is not sealed or lies in a protected span, and with fault.NotFound when it is gone.
func (r *Recording) Prune(p journal.Prune) error { return nil }

// PruneDir does that in a recording nobody writes. fault.Busy: somebody does.
func PruneDir(o Options, list []journal.Prune) error { return nil }

// Protect journals p, durably, and returns its ID: a new one, or with Off that of p.
// fault.NotFound: there is no such protection to take off.
func (r *Recording) Protect(p journal.Protect) (uint64, error) { return 0, nil }

// ProtectDir does that in any recording: where somebody writes it, the request is handed to
// that writer and waited for until ctx is done.
func ProtectDir(ctx context.Context, o Options, p journal.Protect) (uint64, error) { return 0, nil }

// AddCamera adds a camera to the plan of a recording that is being written and returns its
// sink, as Camera does. One that is in the plan already is changed to c. The name is
// refused as Plan.Validate says.
func (r *Recording) AddCamera(c journal.Camera) (media.Sink, error) { return nil, nil }

// RemoveCamera takes a camera out of the plan, ending what it records; its media stays.
// fault.NotFound: there is none.
func (r *Recording) RemoveCamera(name string) error { return nil }
