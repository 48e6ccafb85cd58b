package commands

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rtsprec/engine/access"
	"rtsprec/engine/fault"
)

func newHashPassword(p *process) *cobra.Command {
	return &cobra.Command{
		Use:   "hash-password",
		Short: "Make the hash of a password for serve's configuration",
		Long: `Make the hash of a password for the key "hash" of a user in serve's
configuration. It is asked for twice without being shown, or read as one line
from standard input where that is no terminal. With a hash instead of the
password only Basic authentication works: use it over HTTPS and RTSPS.`,
		Example: `  rtsprec hash-password
  pass show cameras/viewer | rtsprec hash-password`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			password, err := p.askPassword()
			if err != nil {
				return err
			}
			hash := access.Hash(password)
			if p.json {
				return p.line("hash", struct {
					Hash string `json:"hash"`
				}{hash})
			}
			_, err = fmt.Fprintln(p.Out, hash)
			return err
		},
	}
}

// askPassword reads a password from the terminal, twice and unseen, or a line of standard
// input.
func (p *process) askPassword() (string, error) {
	in := p.In
	if in == nil {
		in = strings.NewReader("")
	}
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return p.askTerminal(int(f.Fd()))
	}
	line, err := bufio.NewReader(io.LimitReader(in, passwordLimit)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fault.Wrap(fault.Usage, "read the password", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", usage("printf %s 'PASSWORD' | rtsprec hash-password", "standard input holds no password")
	}
	return line, nil
}

func (p *process) askTerminal(fd int) (string, error) {
	ask := func(question string) (string, error) {
		fmt.Fprint(p.Err, question)
		b, err := term.ReadPassword(fd)
		fmt.Fprintln(p.Err)
		return string(b), fault.Wrap(fault.Usage, "read the password", err)
	}
	first, err := ask("password: ")
	if err != nil {
		return "", err
	}
	again, err := ask("once more: ")
	switch {
	case err != nil:
		return "", err
	case first == "":
		return "", usage("rtsprec hash-password", "no password was given")
	case first != again:
		return "", usage("rtsprec hash-password", "the two are not the same")
	}
	return first, nil
}
