// Package fault is the closed set of ways in which rtsprec fails.
//
// Every package below commands returns facts: what was being done, what kind of
// failure it was, and the error underneath. What a technician should type next
// and which exit code a kind becomes is one table in package commands.
//
// A message never holds a password: an error that mentions a URL is built with
// [URL], and [Wrap] cleans the text of the error underneath once more.
package fault

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Kind says what sort of failure an error is.
type Kind uint8

// The kinds. The zero Kind is Bug: an error nobody classified is ours.
const (
	Bug         Kind = iota // a defect in rtsprec
	Usage                   // the caller asked for something that makes no sense
	Incomplete              // the work is done, but media is missing
	Unreachable             // nobody answers at that address
	Refused                 // somebody answers and will not talk (connection refused, 4xx, 5xx)
	Timeout                 // the peer was there and fell silent
	Protocol                // the peer sends what its protocol forbids
	Denied                  // wrong or missing credentials, untrusted certificate
	NotFound                // the peer, or the disk, has nothing under that name
	Unsupported             // sound, but not possible here (codec, build, device)
	Busy                    // somebody else holds it; out of sessions
	DiskFull                // no space, no quota
	DiskFailed              // the disk or the file system reports an error
	Damaged                 // what is on the disk is not what was written
	Ended                   // the peer ended the stream in an orderly way
	Canceled                // we were told to stop
)

var names = [...]string{
	Bug: "bug", Usage: "usage", Incomplete: "incomplete", Unreachable: "unreachable",
	Refused: "refused", Timeout: "timeout", Protocol: "protocol", Denied: "denied",
	NotFound: "not_found", Unsupported: "unsupported", Busy: "busy", DiskFull: "disk_full",
	DiskFailed: "disk_failed", Damaged: "damaged", Ended: "ended", Canceled: "canceled",
}

// String returns the kind's name as it stands in JSON: lower case with underscores.
func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return "bug"
}

// Error is a failure of a known kind. Op is a short phrase in the infinitive
// ("open the journal", "connect to rtsp://10.0.0.5/live").
type Error struct {
	Kind Kind
	Op   string
	Err  error // may be nil
}

// Error joins the operation and the cause, lower case, without a full stop.
func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return Redact(e.Op)
	case e.Op == "":
		return Redact(e.Err.Error())
	}
	return Redact(e.Op + ": " + e.Err.Error())
}

// Unwrap returns the error underneath.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of the given kind from a format.
func New(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Op: fmt.Sprintf(format, args...)}
}

// Wrap says what was being done when err happened. A nil err gives nil.
func Wrap(kind Kind, op string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, Op: op, Err: err}
}

// Because says what was being done when err happened and keeps the kind that err
// has already. A nil err gives nil.
func Because(op string, err error) error {
	return Wrap(KindOf(err), op, err)
}

// KindOf returns the kind of the outermost classified error in err's chain.
// Cancellation is Canceled, an unclassified deadline is Timeout, anything else is Bug.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	switch {
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	}
	return Bug
}

// Is reports whether err is of the given kind. A nil err is of no kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// URL returns raw with its password replaced by "***" and everything else as it
// was. What does not parse as a URL is cleaned as text.
func URL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return Redact(raw)
	}
	if _, has := u.User.Password(); has {
		// url.UserPassword would escape the asterisks.
		user := url.User(u.User.Username()).String()
		u.User = nil
		s := u.String()
		if i := strings.Index(s, "//"); i >= 0 {
			return s[:i+2] + user + ":***@" + s[i+2:]
		}
		return s
	}
	return raw
}

// userinfo finds scheme://user:password@ in running text, greedily up to the last
// @ of the word, so that a password with an @ in it does not leak its tail.
var userinfo = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/@"']*):[^\s"']*@`)

// Redact removes passwords of URLs from running text.
func Redact(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return userinfo.ReplaceAllString(text, "$1:***@")
}

// OneLine keeps a text on its line, whatever a peer or a file put into it.
func OneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
}
