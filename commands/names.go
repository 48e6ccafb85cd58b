package commands

import (
	"context"

	"rtsprec/engine/journal"
)

// resolveInputs reads the inputs that were typed, each [NAME=]URL or the name of a camera
// of cameras.yaml, and gives a name to those without. It is the one way from words to
// cameras: every command that takes URLs takes names by it. Transport, sub-stream,
// certificate and credentials of a camera by name are those of the file, unless a flag
// says otherwise. ctx bounds the commands that give passwords.
func (c *connection) resolveInputs(_ context.Context, p *process, typed []string) ([]journal.Camera, error) {
	return c.cameras(p, typed)
}
