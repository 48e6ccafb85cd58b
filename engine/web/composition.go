package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"rtsprec/engine/access"
	"rtsprec/engine/compose"
	"rtsprec/engine/fault"
)

// Compositions is the way to the paths that are composed.
type Compositions interface {
	// Composed names them, sorted.
	Composed() []string
	// Do has a command done, see compose.Command, and returns what is shown then.
	Do(ctx context.Context, command compose.Command) (compose.View, error)
}

// compositionPath is the one thing here that can be changed.
const compositionPath = "/api/v1/composition"

// steerPatience bounds how long a composition may take to do what it is told.
const steerPatience = 10 * time.Second

// composition answers a compose.View: what a path shows, and for POST what it shows once
// it has done what was asked.
func (h *Handler) composition(w http.ResponseWriter, r *http.Request, user string) error {
	q := r.URL.Query()
	command := compose.Command{Do: "state", Path: q.Get("path")}
	rights := []access.Right{access.Read, access.Steer}
	if r.Method == http.MethodPost {
		// A page of somebody else's must not steer with the password that a browser keeps.
		if err := new(http.CrossOriginProtection).Check(r); err != nil {
			return fault.New(fault.Denied, "a page of another site asked")
		}
		rights = []access.Right{access.Steer}
		if command.Do, command.Name = q.Get("do"), q.Get("name"); command.Do == "" {
			return fault.New(fault.Usage, "do= is missing: layout, speaker, next or state")
		}
	}
	path, err := h.composed(user, command.Path, rights)
	if err != nil {
		return err
	}
	command.Path = path
	ctx, cancel := context.WithTimeout(r.Context(), steerPatience)
	defer cancel()
	view, err := h.o.Compositions.Do(ctx, command)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, view)
	return nil
}

// composed finds the composition that is meant, of those for which the user has one of the
// rights. To whoever has none, there is none.
func (h *Handler) composed(user, path string, rights []access.Right) (string, error) {
	var names []string
	if h.o.Compositions != nil {
		names = h.o.Compositions.Composed()
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return !slices.ContainsFunc(rights, func(right access.Right) bool { return h.o.Access.Allow(user, name, right) })
	})
	switch {
	case slices.Contains(names, path):
		return path, nil
	case len(names) == 0 && !h.o.Access.Open():
		return "", fault.New(fault.Denied, "no right to %s a composition here", rights[len(rights)-1])
	case len(names) == 0:
		return "", fault.New(fault.NotFound, "no path here is composed")
	case path == "" && len(names) == 1:
		return names[0], nil
	case path == "":
		return "", fault.New(fault.Usage, "path= is missing: there are %s", strings.Join(names, ", "))
	}
	return "", fault.New(fault.NotFound, "there is no composition %q: there are %s", path, strings.Join(names, ", "))
}
