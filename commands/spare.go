package commands

import "runtime"

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
