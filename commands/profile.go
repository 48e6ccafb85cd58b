package commands

import (
	"os"
	"runtime/pprof"
)

// profileEnv names a file that receives a CPU profile of the whole run: how cmd/bench
// tells what the processor's time goes into.
const profileEnv = "RTSPREC_CPUPROFILE"

// profile starts the profile that profileEnv asks for and returns what ends it. A file
// that cannot be written is no reason not to record: then there is no profile.
func profile(e Edge) (stop func()) {
	name, set := e.Env(profileEnv)
	if !set || name == "" {
		return func() {}
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return func() {}
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return func() {}
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}
}
