package engine

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"rtsprec/engine/compose"
	"rtsprec/engine/fault"
)

// What a composition is asked, and what it answers.
type (
	Command           = compose.Command
	ComposeState      = compose.View
	ComposeInputState = compose.InputView
)

// Steered is what commands reach: a composition, or a server of some.
type Steered interface {
	// Do has a command done and returns what is shown then. It waits for the composition
	// to take it, at most until ctx ends. fault.Usage: there is no such layout or input.
	Do(ctx context.Context, command Command) (ComposeState, error)
}

// Controller is the way to a running composition. Make it with NewController and hand it
// over in ComposeOptions.
type Controller struct {
	asked chan controlRequest
	keys  atomic.Pointer[composer] // of the composition; nil: none has begun
}

// RequestKey implements media.KeyRequester: the next picture becomes a key frame.
func (c *Controller) RequestKey() {
	if k := c.keys.Load(); k != nil {
		k.RequestKey()
	}
}

type controlRequest struct {
	command Command
	answer  chan controlAnswer // buffered
}

type controlAnswer struct {
	state ComposeState
	err   error
}

// NewController returns one that nobody listens to yet.
func NewController() *Controller { return &Controller{asked: make(chan controlRequest)} }

// Do implements Steered.
func (c *Controller) Do(ctx context.Context, command Command) (ComposeState, error) {
	r := controlRequest{command, make(chan controlAnswer, 1)}
	select {
	case c.asked <- r:
		a := <-r.answer
		return a.state, a.err
	case <-ctx.Done():
		return ComposeState{}, fault.Because("ask the composition", ctx.Err())
	}
}

// Commands travel as lines of JSON, and so do their answers, over a Unix socket that
// belongs to one user:
//
//	{"do":"layout","name":"pip"}
//	{"state":{"layout":"pip",...}}
//	{"error":"there is no layout \"x\": ...","kind":"usage"}

// controlReply is an answer on its way.
type controlReply struct {
	State *ComposeState `json:"state,omitempty"`
	Error string        `json:"error,omitempty"`
	Kind  string        `json:"kind,omitempty"`
}

// Bounds of a control socket.
const (
	controlLine    = 4 << 10 // bytes of a command
	controlState   = 1 << 20 // and of an answer
	controlPeers   = 16
	controlPatient = 10 * time.Second // for a command to be taken
)

// ListenControl makes the socket, which only this user may use. One that a process left
// which is gone is replaced; fault.Busy: somebody listens there.
func ListenControl(ctx context.Context, path string) (net.Listener, error) {
	config := net.ListenConfig{Control: ownSocket}
	l, err := config.Listen(ctx, "unix", path)
	if errors.Is(err, syscall.EADDRINUSE) {
		if ControlAnswers(path) {
			return nil, fault.New(fault.Busy, "listen on %s: another program does", path)
		}
		if syscall.Unlink(path) == nil {
			l, err = config.Listen(ctx, "unix", path)
		}
	}
	if err != nil {
		return nil, fault.Wrap(fault.Usage, "listen for commands", err)
	}
	return l, nil
}

// ServeControl answers commands until ctx ends, and closes the listener.
func ServeControl(ctx context.Context, l net.Listener, to Steered) {
	release := context.AfterFunc(ctx, func() { l.Close() })
	defer release()
	var group sync.WaitGroup
	defer group.Wait()
	room := make(chan struct{}, controlPeers)
	for {
		peer, err := l.Accept()
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			if err == nil {
				peer.Close()
			}
			return
		case err != nil:
			time.Sleep(100 * time.Millisecond) // no descriptors left, say
			continue
		}
		room <- struct{}{}
		group.Go(func() {
			defer func() { <-room }()
			defer peer.Close()
			defer context.AfterFunc(ctx, func() { peer.Close() })()
			answerPeer(ctx, peer, to)
		})
	}
}

// answerPeer answers one peer until it goes. One that does not take its answers is no
// more than one of a few that are let in.
func answerPeer(ctx context.Context, peer net.Conn, to Steered) {
	lines := bufio.NewReaderSize(peer, controlLine)
	out := json.NewEncoder(peer)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return
		}
		var command Command
		reply := controlReply{}
		if json.Unmarshal(line, &command) != nil {
			reply = controlReply{Error: "that is no command", Kind: fault.Usage.String()}
		} else {
			asking, cancel := context.WithTimeout(ctx, controlPatient)
			state, err := to.Do(asking, command)
			cancel()
			if reply.State = &state; err != nil {
				reply = controlReply{Error: err.Error(), Kind: fault.KindOf(err).String()}
			}
		}
		if out.Encode(reply) != nil {
			return
		}
	}
}

// ControlAnswers reports whether somebody listens on a socket.
func ControlAnswers(path string) bool {
	peer, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		peer.Close()
	}
	return err == nil
}

// AskControl has a command done by whoever listens on a socket. fault.NotFound: nobody does.
func AskControl(ctx context.Context, path string, command Command) (ComposeState, error) {
	var dialer net.Dialer
	peer, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM):
		return ComposeState{}, fault.New(fault.Denied, "%s belongs to somebody else", path)
	case err != nil:
		return ComposeState{}, fault.New(fault.NotFound, "nobody listens on %s", path)
	}
	defer peer.Close()
	defer context.AfterFunc(ctx, func() { peer.Close() })()
	var reply controlReply
	if err = json.NewEncoder(peer).Encode(command); err == nil {
		err = json.NewDecoder(io.LimitReader(peer, controlState)).Decode(&reply)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return ComposeState{}, fault.Because("ask "+path, ctx.Err())
	case err != nil:
		return ComposeState{}, fault.Wrap(fault.Protocol, "ask "+path, err)
	case reply.Kind == fault.Usage.String():
		return ComposeState{}, fault.New(fault.Usage, "%s", reply.Error)
	case reply.Kind == fault.NotFound.String():
		return ComposeState{}, fault.New(fault.NotFound, "%s", reply.Error)
	case reply.State == nil:
		return ComposeState{}, fault.New(fault.Refused, "%s", reply.Error)
	}
	return *reply.State, nil
}
