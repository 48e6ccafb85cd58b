package commands

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"rtsprec/engine"
)

// service tells systemd how serve is, by datagrams to the socket that NOTIFY_SOCKET names
// (sd_notify(3)). Without one it is silent. Its methods never block.
type service struct {
	socket   *net.UnixConn // nil: nobody listens
	watchdog bool          // and wants to hear that all is well
}

func (p *process) newService() *service {
	s := &service{}
	name, set := p.Env("NOTIFY_SOCKET")
	if !set || !strings.HasPrefix(name, "/") && !strings.HasPrefix(name, "@") {
		return s
	}
	if c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"}); err == nil {
		s.socket = c
	}
	// WATCHDOG_PID says whom it is meant for; a child inherits the environment.
	pid, meant := p.Env("WATCHDOG_PID")
	_, s.watchdog = p.Env("WATCHDOG_USEC")
	s.watchdog = s.watchdog && (!meant || pid == strconv.Itoa(os.Getpid()))
	return s
}

// observe turns events into what systemd understands.
func (s *service) observe(e engine.Event) {
	switch e := e.(type) {
	case engine.Serving:
		s.say("READY=1", "STATUS="+status(len(e.Paths), 0))
	case reloading:
		s.say("RELOADING=1")
	case engine.Reloaded:
		s.say("READY=1")
	case engine.Progress:
		s.progress(e)
	}
}

// progress feeds the watchdog, unless the recording is stuck: then a restart may help.
func (s *service) progress(e engine.Progress) {
	live := 0
	for _, c := range e.Cameras {
		if c.State == "recording" || c.State == "live" {
			live++
		}
	}
	state := []string{"STATUS=" + status(len(e.Cameras), live)}
	if s.watchdog && !e.Stuck {
		state = append(state, "WATCHDOG=1")
	}
	s.say(state...)
}

func status(paths, live int) string { return fmt.Sprintf("%s, %d live", count(paths, "path"), live) }

// stopping says that the end has begun.
func (s *service) stopping() { s.say("STOPPING=1") }

// say sends one datagram; what does not arrive is lost, as sd_notify has it.
func (s *service) say(state ...string) {
	if s.socket != nil {
		s.socket.SetWriteDeadline(time.Now().Add(time.Second))
		s.socket.Write([]byte(strings.Join(state, "\n")))
	}
}

func (s *service) close() {
	if s.socket != nil {
		s.socket.Close()
	}
}

// reloading says that the configuration is being read again.
type reloading struct{}

// Type implements engine.Event.
func (reloading) Type() string { return "reloading" }

// Text implements engine.Event.
func (reloading) Text(*time.Location) string { return "reading the configuration again" }

// Serious implements engine.Event.
func (reloading) Serious() bool { return false }
