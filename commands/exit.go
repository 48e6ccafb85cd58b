package commands

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"rtsprec/engine"
	"rtsprec/engine/fault"
	"rtsprec/engine/settings"
)

// Exit is an exit code and what it says, the same for all commands.
type Exit struct {
	Code int
	Text string
}

// The codes that are named elsewhere.
const (
	exitDone    = 0
	exitStopped = 130
)

// Exits lists the exit codes in order.
func Exits() []Exit {
	return []Exit{
		{exitDone, "done"},
		{1, "bug"},
		{2, "wrong usage"},
		{3, "done, but something is missing"},
		{4, "unreachable"},
		{5, "access denied"},
		{6, "not supported here"},
		{7, "busy, locked"},
		{8, "disk full"},
		{9, "disk failed"},
		{10, "recording damaged"},
		{exitStopped, "stopped before it was done"},
	}
}

// outcome is what a kind of failure means to the caller. A command may know a better
// hint, see hinted.
type outcome struct {
	code int
	hint string
}

// outcomes has a row for every kind.
func outcomes() map[fault.Kind]outcome {
	return map[fault.Kind]outcome{
		fault.Bug:         {1, "this is a defect of rtsprec: please report it, with what `rtsprec version` prints"},
		fault.Usage:       {2, ""},
		fault.Incomplete:  {3, ""},
		fault.Unreachable: {4, "is the camera on, and the address right? RTSP is usually on port 554 or 8554"},
		fault.Refused:     {4, "are port and path right? RTSP is usually on port 554 or 8554"},
		fault.Timeout:     {4, "the camera fell silent: try --transport tcp"},
		fault.Protocol:    {4, "is this the camera's RTSP port (usually 554), and not that of its web page?"},
		fault.NotFound:    {4, "the path of the URL is in the camera's manual or its web page"},
		fault.Ended:       {4, "the camera ended the stream by itself: is somebody else using it?"},
		fault.Denied:      {5, "user and password: rtsp://USER:PASSWORD@HOST/..., or RTSPREC_USER and RTSPREC_PASSWORD; its own certificate: --fingerprint or --insecure"},
		fault.Unsupported: {6, "`rtsprec probe URL` says what can be recorded"},
		fault.Busy:        {7, "somebody else is at it: wait, or stop the other one"},
		fault.DiskFull:    {8, "free some space, then: rtsprec resume DIR"},
		fault.DiskFailed:  {9, "look at the disk (dmesg), then: rtsprec resume DIR"},
		fault.Damaged:     {10, "rtsprec resume --repair DIR keeps all that is sound"},
		fault.Canceled:    {exitStopped, ""},
	}
}

// noCodecsHint is for those whose build lacks what they want.
const noCodecsHint = "a build with codecs: `make` makes one, and README says which downloads are"

// hinted is an error for which a command knows what to type.
type hinted struct {
	error
	hint string
}

// Unwrap returns the error without the hint.
func (h hinted) Unwrap() error { return h.error }

// usage is a mistake of the caller, with what to type instead.
func usage(hint, format string, args ...any) error {
	return hinted{fault.New(fault.Usage, format, args...), hint}
}

// report tells err, if there is one, and returns the exit code.
func (p *process) report(cmd *cobra.Command, err error) int {
	if err == nil {
		return exitDone
	}
	kind := fault.KindOf(err)
	out := outcomes()[kind]
	if errors.Is(err, engine.ErrNoCodecs) {
		out.hint = noCodecsHint
	} else if h, ok := errors.AsType[hinted](err); ok {
		out.hint = h.hint
	} else if kind == fault.Usage {
		out.hint = cmd.CommandPath() + " -h"
	}
	text, hint := oneLine(err.Error()), fault.Redact(out.hint)
	if p.json {
		p.line("error", failure{Kind: kind.String(), Error: text, Hint: hint, Exit: out.code})
	}
	if many, ok := errors.AsType[settings.Mistakes](err); ok {
		for _, line := range many.Lines {
			fmt.Fprintf(p.Err, "rtsprec: %s\n", line)
		}
	} else {
		fmt.Fprintf(p.Err, "rtsprec: %s\n", text)
	}
	if hint != "" {
		fmt.Fprintf(p.Err, "hint: %s\n", hint)
	}
	return out.code
}

// failure is the JSON form of an error.
type failure struct {
	Kind  string `json:"kind"`
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
	Exit  int    `json:"exit"`
}

// oneLine keeps an error on its line, whatever a peer put into it.
func oneLine(s string) string { return fault.OneLine(s) }
