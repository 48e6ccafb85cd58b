package engine

import "time"

// Retrying is o with a main stream that was given up being tried again so soon.
func (o RecordOptions) Retrying(after time.Duration) RecordOptions {
	o.retryMain = after
	return o
}
