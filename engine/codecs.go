package engine

import (
	"errors"

	"rtsprec/engine/fault"
)

// ErrNoCodecs is found in the error of what needs pictures or sound where Deps has no Coder.
var ErrNoCodecs = errors.New("this build of rtsprec has no codecs")

// needCodecs fails with fault.Unsupported where nothing can be decoded or encoded. what is
// what needs it, in a few words.
func (d Deps) needCodecs(what string) error {
	if d.Coder != nil {
		return nil
	}
	return fault.Wrap(fault.Unsupported, what, ErrNoCodecs)
}
