package commands

import (
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rtsprec/engine"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/rtsp"
)

// connection is how cameras are reached: the flags that commands which connect share.
type connection struct {
	transport   rtsp.Transport
	reorder     span
	insecure    bool
	fingerprint string
	file        string // of cameras by name; empty: the usual one

	flags *pflag.FlagSet // tells what was typed; nil: nothing was
}

func (c *connection) addFlags(cmd *cobra.Command) {
	c.transport = rtsp.Auto
	c.reorder = span{d: engine.DefaultReorder, min: time.Millisecond, max: 5 * time.Second}
	enumFlag(cmd, &c.transport, rtsp.Transports, "transport", "how media travels")
	flags := cmd.Flags()
	c.flags = flags
	addCamerasFile(cmd, &c.file)
	flags.Var(&c.reorder, "reorder", "how long a late UDP packet is waited for")
	flags.BoolVar(&c.insecure, "insecure", false, "rtsps: accept any certificate")
	flags.StringVar(&c.fingerprint, "fingerprint", "", "rtsps: accept only the certificate with this SHA-256 (`hex`)")
}

// loneCamera is the name of a camera that is alone and got none.
const loneCamera = "camera"

// addSubStreams gives cameras the sub-streams that were typed, each NAME=URL; of a camera
// that is alone the name may be left out.
func addSubStreams(p *process, cameras []journal.Camera, typed []string) error {
	for _, text := range typed {
		name, address, err := parseInput(text)
		if err != nil {
			return err
		}
		if name == "" && len(cameras) == 1 {
			name = cameras[0].Name
		}
		i := slices.IndexFunc(cameras, func(c journal.Camera) bool { return c.Name == name })
		switch {
		case name == "":
			return usage("--sub NAME="+fault.URL(address), "whose sub-stream is %s?", fault.URL(address))
		case i < 0:
			return usage("-i "+name+"=rtsp://HOST/PATH --sub "+name+"="+fault.URL(address), "there is no camera %s", name)
		case p.login(address) == cameras[i].URL:
			return usage("--sub "+name+"=rtsp://HOST/SMALLER", "the sub-stream of %s is its main stream", name)
		case cameras[i].SubURL != "":
			return usage("one --sub a camera", "camera %s has two sub-streams", name)
		}
		cameras[i].SubURL = p.login(address)
	}
	return nil
}

// parseInput reads [NAME=]URL. NAME= counts only before any ':' or '/': the equals
// signs of "rtsp://cam/live?channel=1" belong to the URL.
func parseInput(text string) (name, address string, err error) {
	address = text
	if i := strings.IndexAny(text, "=:/"); i >= 0 && text[i] == '=' {
		name, address = text[:i], text[i+1:]
		if err := journal.ValidCameraName(name); err != nil {
			return "", "", hinted{err, nameHint}
		}
	}
	return name, address, checkURL(address)
}

const nameHint = "a name becomes a folder: letters, digits, '-', '_' and '.'"

// checkURL says what is wrong with the URL of a camera, before anybody is asked.
func checkURL(address string) error {
	shown := fault.URL(address)
	scheme, rest, found := strings.Cut(address, "://")
	word := strings.ToLower(scheme)
	switch {
	case found && (word == "rtsp" || word == "rtsps"):
		return checkHost(rest, shown)
	case engine.IsTestSource(address):
		return checkTestSource(address)
	}
	if name, _, named := strings.Cut(address, "=rtsp"); named {
		if err := journal.ValidCameraName(name); err != nil {
			return hinted{err, nameHint}
		}
	}
	hint := "rtsp://" + shown
	switch {
	case found:
		hint = "cameras are rtsp:// or rtsps://"
	case address == "", strings.HasPrefix(word, "rtsp"), strings.Contains(address, "="):
		hint = likeURL
	}
	return usage(hint, "%q is not an RTSP URL", shown)
}

const likeURL = "rtsp://HOST/PATH or rtsp://USER:PASSWORD@HOST:PORT/PATH"

// checkHost looks at what stands behind "://".
func checkHost(rest, shown string) error {
	_, _, rest = cutUser(rest)
	if host := rest[:authorityEnd(rest)]; !validHost(host) {
		return usage(likeURL, "%s names no host that can be asked", shown)
	}
	return nil
}

// cutUser splits what stands behind "://" at the @ that ends user and password. A
// password with a / in it is understood when what stands before the / is no host.
func cutUser(rest string) (user string, found bool, tail string) {
	authority := rest[:authorityEnd(rest)]
	at := strings.LastIndexByte(authority, '@')
	if at < 0 && !validHost(authority) {
		at = strings.LastIndexByte(rest, '@')
	}
	if at < 0 {
		return "", false, rest
	}
	return rest[:at], true, rest[at+1:]
}

func authorityEnd(rest string) int {
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return i
	}
	return len(rest)
}

// validHost reports whether s is a host with or without a port.
func validHost(s string) bool {
	u, err := url.Parse("rtsp://" + s)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(u.Hostname(), " \t") {
		return false
	}
	if u.Port() == "" {
		return !strings.HasSuffix(s, ":")
	}
	port, err := strconv.Atoi(u.Port())
	return err == nil && port > 0 && port < 65536
}

// login adds the credentials of the environment to a URL without: RTSPREC_USER where it
// names no user, RTSPREC_PASSWORD where it has no password. So no password needs to
// stand in a crontab or in the list of processes.
func (p *process) login(address string) string {
	if engine.IsTestSource(address) {
		return address
	}
	scheme, rest, _ := strings.Cut(address, "://")
	user, found, tail := cutUser(rest)
	if strings.Contains(user, ":") {
		return address
	}
	if !found {
		name, set := p.Env("RTSPREC_USER")
		if !set || name == "" {
			return address
		}
		user = url.User(name).String()
	}
	if password, set := p.Env("RTSPREC_PASSWORD"); set {
		// What cannot stand in a URL is escaped; the user was, or was just now.
		user += url.UserPassword("", password).String()
	}
	return scheme + "://" + user + "@" + tail
}

// parseFingerprint takes a SHA-256 as tools print it, with or without colons.
func parseFingerprint(text string) (string, error) {
	digits := strings.ToLower(strings.ReplaceAll(text, ":", ""))
	if sum, err := hex.DecodeString(digits); err != nil || len(sum) != 32 && len(sum) != 0 {
		return "", usage("openssl s_client -connect HOST:322 </dev/null | openssl x509 -noout -fingerprint -sha256",
			"--fingerprint: %q is no SHA-256: 64 hexadecimal digits", text)
	}
	return digits, nil
}
