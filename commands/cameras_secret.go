package commands

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"os/exec"
	"strings"
	"time"

	"rtsprec/engine/fault"
)

// commandLimit is how long a command may take that gives a password: long enough for
// somebody to unlock a key, short enough for cron.
const commandLimit = 30 * time.Second

// secret gets the camera's password from where the file says; empty: from nowhere.
func (l *listedCamera) secret(ctx context.Context, p *process) (string, error) {
	var password string
	var err error
	switch {
	case l.passwordEnv != "":
		password, err = p.passwordFromEnv(l.passwordEnv)
	case l.passwordFile != "":
		password, err = p.passwordFromFile(l.passwordFile)
	case len(l.passwordCommand) > 0:
		password, err = passwordFromCommand(ctx, l.passwordCommand)
	default:
		return l.password, nil
	}
	if err == nil {
		return password, nil
	}
	hint := ""
	switch {
	case l.passwordEnv != "":
		hint = "export " + l.passwordEnv + "=..."
	case l.passwordFile != "":
		hint = "ls -l " + quoted(l.passwordFile) + "; it must exist, and only its owner may read it: chmod 600 " + quoted(l.passwordFile)
	default:
		hint = "try it: " + quotedAll(l.passwordCommand)
	}
	return "", hinted{fault.Wrap(fault.Usage, "get the password of camera "+l.name, err), hint}
}

// passwordFromCommand is the first line that a command prints.
func passwordFromCommand(ctx context.Context, argv []string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, commandLimit, errors.New("it took too long"))
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = time.Second // for children that keep its output open
	var out, complaint limited
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	line, _, _ := strings.Cut(out.String(), "\n")
	line = strings.TrimSuffix(line, "\r")
	switch {
	case ctx.Err() != nil:
		return "", fault.Wrap(fault.Usage, "run "+argv[0], context.Cause(ctx))
	case err != nil:
		if said := oneLine(complaint.String()); said != "" {
			return "", fault.New(fault.Usage, "run %s: %v: %s", argv[0], err, said)
		}
		return "", fault.Wrap(fault.Usage, "run "+argv[0], err)
	case line == "":
		return "", fault.New(fault.Usage, "%s prints no password", argv[0])
	}
	return line, nil
}

// limited keeps the beginning of what is written to it.
type limited struct{ bytes.Buffer }

// Write implements io.Writer.
func (l *limited) Write(b []byte) (int, error) {
	l.Buffer.Write(b[:min(len(b), max(0, passwordLimit-l.Len()))])
	return len(b), nil
}

// withLogin puts user and password into a URL, as far as it has none.
func withLogin(address, user, password string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	have, found, tail := cutUser(rest)
	if strings.Contains(have, ":") {
		return address
	}
	if !found {
		if user == "" {
			return address
		}
		have = url.User(user).String()
	}
	if password != "" {
		have += url.UserPassword("", password).String() // ":" and what a URL needs escaped
	}
	return scheme + "://" + have + "@" + tail
}

// quotedAll is a command as a shell takes it.
func quotedAll(argv []string) string {
	words := make([]string, len(argv))
	for i, w := range argv {
		words[i] = quoted(w)
	}
	return strings.Join(words, " ")
}
