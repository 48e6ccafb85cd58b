//go:build cgo

package av

import "sync/atomic"

// object is a kind of FFmpeg object that is counted.
type object int

const (
	codecs object = iota
	frames
	packets
	pools
	scalers
	resamplers
	demuxers
	devices
	objects
)

// ledger counts the FFmpeg objects that are alive, by kind. It is safe for concurrent use.
type ledger struct{ n [objects]atomic.Int64 }

func (l *ledger) add(o object)  { l.n[o].Add(1) }
func (l *ledger) free(o object) { l.n[o].Add(-1) }

func (l *ledger) total() int {
	sum := int64(0)
	for i := range l.n {
		sum += l.n[i].Load()
	}
	return int(sum)
}
