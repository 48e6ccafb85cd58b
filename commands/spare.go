package commands

import (
	"runtime"
	"sync"

	"rtsprec/engine"
)

// camerasPerProcessor is how many cameras of a few Mbit/s one processor certainly
// records: it needs a third of its time for 64.
const camerasPerProcessor = 32

// spare keeps the Go runtime on as few processors as a recording needs. On more, every
// unit that one goroutine hands to another wakes a thread, which costs a sixth of all the
// time a recording takes. GOMAXPROCS in the environment has precedence.
func (p *process) spare(cameras int) {
	if _, set := p.Env("GOMAXPROCS"); set {
		return
	}
	if most := 1 + cameras/camerasPerProcessor; most < runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(most)
	}
}

// sparing is spare for recordings of which it is not known how many there are: it counts
// the cameras of those that begin, in the events on their way to observe.
func (p *process) sparing(observe func(engine.Event)) func(engine.Event) {
	if _, set := p.Env("GOMAXPROCS"); set {
		return observe
	}
	var mu sync.Mutex
	cameras, all := 0, runtime.GOMAXPROCS(0)
	return func(e engine.Event) {
		if started, ok := e.(engine.Started); ok {
			mu.Lock()
			cameras += len(started.Cameras)
			runtime.GOMAXPROCS(min(1+cameras/camerasPerProcessor, all))
			mu.Unlock()
		}
		observe(e)
	}
}
