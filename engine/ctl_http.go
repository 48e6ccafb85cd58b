package engine

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"rtsprec/engine/fault"
)

// AskServer has a command done by the rtsprec serve at an address, http://[USER:PASSWORD@]HOST:PORT.
// fault.Denied: that user may not; fault.NotFound: nothing is composed there, or not now.
func AskServer(ctx context.Context, address string, command Command) (ComposeState, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ComposeState{}, fault.New(fault.Usage, "%s is no address of a server: write http://HOST:8080", fault.URL(address))
	}
	method, q := http.MethodPost, url.Values{"do": {command.Do}}
	if command.Do == "state" {
		method = http.MethodGet
	}
	for key, value := range map[string]string{"name": command.Name, "path": command.Path} {
		if value != "" {
			q.Set(key, value)
		}
	}
	u = u.JoinPath("api", "v1", "composition")
	u.RawQuery = q.Encode()
	r, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return ComposeState{}, fault.New(fault.Usage, "%s is no address of a server", fault.URL(address))
	}
	what := "ask " + u.Host
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // which names no password
		}
		return ComposeState{}, fault.Wrap(fault.Unreachable, what, err)
	}
	defer answer.Body.Close()
	var reply struct {
		ComposeState
		Error string `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, controlState)).Decode(&reply); err != nil {
		return ComposeState{}, fault.New(fault.Protocol, "%s: it answered %s, and not as rtsprec serve does", what, answer.Status)
	}
	if answer.StatusCode == http.StatusOK {
		return reply.ComposeState, nil
	}
	return ComposeState{}, fault.New(kindOfStatus(answer.StatusCode), "%s", fault.OneLine(strings.TrimSpace(reply.Error)))
}

// kindOfStatus is what a server of ours means by a status.
func kindOfStatus(status int) fault.Kind {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		return fault.Denied
	case http.StatusBadRequest:
		return fault.Usage
	case http.StatusNotFound:
		return fault.NotFound
	}
	return fault.Refused
}
