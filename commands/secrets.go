package commands

import (
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"

	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
)

// passwordLimit bounds a file that holds one password, in bytes.
const passwordLimit = 4096

// passwordFromEnv reads a password from the environment.
func (p *process) passwordFromEnv(name string) (string, error) {
	password, set := p.Env(name)
	if !set || password == "" {
		return "", fault.New(fault.Usage, "the environment has no %s", name)
	}
	return password, nil
}

// passwordFromFile reads a password: the first line of a file that nobody else may read.
func (p *process) passwordFromFile(name string) (string, error) {
	info, err := p.FS.Stat(name)
	if err != nil {
		return "", vfs.Fault("read the password", err)
	}
	if err := checkPrivate(name, info.Mode()); err != nil {
		return "", err
	}
	data, err := vfs.ReadFile(p.FS, name, passwordLimit)
	if err != nil {
		return "", vfs.Fault("read the password", err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", fault.New(fault.Usage, "%s holds no password", name)
	}
	return line, nil
}

// checkPrivate refuses a file with a secret that others may read.
func checkPrivate(name string, mode fs.FileMode) error {
	if mode.Perm()&0o077 != 0 {
		return fault.New(fault.Denied, "others may read %s: chmod 600 %s", name, quoted(name))
	}
	return nil
}

// hasPassword reports whether a URL holds one.
func hasPassword(address string) bool {
	_, rest, found := strings.Cut(address, "://")
	user, _, _ := cutUser(rest)
	return found && strings.Contains(user, ":")
}

// checkAddress says what is wrong with an address to listen on.
func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is no address to listen on: say :8554 or 127.0.0.1:8554", address)
	}
	if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
		return fmt.Errorf("%q has no port that could be listened on", address)
	}
	if host != "" && (&url.URL{Host: address}).Hostname() == "" {
		return fmt.Errorf("%q names no host", address)
	}
	return nil
}
