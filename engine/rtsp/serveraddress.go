package rtsp

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// address is what a request's URI names.
type address struct {
	base  string // the URI without credentials, without a track's control, without a slash behind
	path  string // clean, unescaped, without slashes around
	query string // without "?"
	track string // control of a track ("trackID=1"); "": the whole
}

const (
	maxPath     = 255 // bytes
	trackPrefix = "trackID="
)

// parseAddress reads a URI as clients build them: a track's control may have been put
// behind the query (ffmpeg, live555) or into the path before it. Errors are refusals.
func parseAddress(uri string) (address, error) {
	var a address
	scheme, rest, ok := strings.Cut(uri, "://")
	authority := ""
	switch {
	case len(uri) > maxURI:
		return a, refuse(414, "the address is longer than 2 KiB")
	case ok && (strings.EqualFold(scheme, "rtsp") || strings.EqualFold(scheme, "rtsps") || strings.EqualFold(scheme, "rtspt") || strings.EqualFold(scheme, "rtspu")):
		authority, rest = splitAuthority(rest)
		authority = authority[strings.LastIndexByte(authority, '@')+1:]
		scheme = strings.ToLower(scheme) + "://"
	case strings.HasPrefix(uri, "/"):
		scheme, rest = "", uri
	default:
		return a, refuse(400, "this is no RTSP address")
	}
	if i := strings.LastIndex(rest, "/"+trackPrefix); i >= 0 {
		control, query, _ := strings.Cut(rest[i+1:], "?")
		a.track, rest = strings.TrimRight(control, "/"), rest[:i]
		if query != "" && !strings.Contains(rest, "?") {
			rest += "?" + query
		}
	}
	rest = strings.TrimRight(rest, "/")
	a.base = scheme + authority + rest
	path, query, _ := strings.Cut(rest, "?")
	a.query = query
	var err error
	if a.path, err = cleanPath(path); err != nil {
		return address{}, err
	}
	return a, nil
}

// cleanPath unescapes a path, and refuses what could be mistaken for another one.
func cleanPath(raw string) (string, error) {
	path, err := url.PathUnescape(strings.Trim(raw, "/"))
	switch {
	case err != nil:
		return "", refuse(400, "the path is escaped wrongly")
	case len(path) > maxPath:
		return "", refuse(414, "the path is longer than 255 bytes")
	case !utf8.ValidString(path) || strings.ContainsFunc(path, unicode.IsControl) || strings.Contains(path, `\`):
		return "", refuse(400, "the path holds what no name may")
	case path == "":
		return "", refuse(404, "the address names no path")
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." {
			return "", refuse(400, "the path has an element that is no name")
		}
	}
	return path, nil
}
