package engine

import (
	"path"
	"slices"
	"strings"
	"time"

	"rtsprec/engine/access"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
)

// ServeOptions says what to serve, to whom, and what to record of it. The zero value of
// every field is a default that is named beside it.
type ServeOptions struct {
	// Where to listen, as HOST:PORT; an empty host is every address of this machine. No
	// address turns a protocol off.
	RTSP, RTSPS, HTTP, HTTPS []string
	// Cert and Key are PEM files for RTSPS and HTTPS. They are read again at a reload.
	Cert, Key string
	// UDP is the port on which RTP is sent and received; RTCP has the next one. It is
	// even; 0: media travels in RTSP connections only.
	UDP int
	// Multicast is the range of groups (CIDR) for readers that ask for multicast; empty: none.
	Multicast string

	// Socket is a Unix socket that takes commands to what is composed; empty: none. Only this
	// user may use it.
	Socket string

	Archives []string   // directories that are recordings or hold some; what they hold is served
	Record   RecordInto // what is recorded here and now
	Paths    []ServePath
	Users    []access.User // none: everybody may do everything
	// Tries is how many wrong passwords an address has before it is refused for
	// TriesWindow; 0: 10 and 1 m.
	Tries       int
	TriesWindow time.Duration

	Connections int           // RTSP and HTTP each; 0: 1000
	PerAddress  int           // of them, of one address; 0: 100
	Idle        time.Duration // silence after which an RTSP session is ended; 0: 60 s
	Queue       int64         // bytes that may wait for one slow reader; 0: 8 MiB
	Grace       time.Duration // how long an orderly stop may take to write what was received
	// Latency is how long live media may wait for one slow reader before it is dropped, up to
	// where the reader can go on; 0: as long as Queue has room.
	Latency time.Duration

	// Reload hands over new options while serving; nil: never. What stays the same goes on
	// undisturbed; where to listen and Record.Dir stay as they were at the start.
	Reload <-chan ServeOptions
}

// RecordInto is the one open-ended recording of a server. Zero durations and sizes mean
// what they do in RecordOptions.
type RecordInto struct {
	Dir      string // made when absent, gone on with when there; empty: nothing is recorded
	Segment  time.Duration
	Commit   time.Duration
	Fragment time.Duration
	Queue    int64 // bytes that may wait for the disk, for each path
	// BackfillRate is how many bytes a second filling gaps may take; 0: [DefaultBackfillRate].
	BackfillRate int64
	Keep         archive.Keep
	// KeepArchives holds the recordings below ServeOptions.Archives to Keep too: those of
	// others, when nobody writes them. Together with Dir they share Size and Free.
	KeepArchives bool
}

// ServePath is one live path, or, for publishers, a pattern of paths.
type ServePath struct {
	// Name is what stands in the URL without the slash in front, or a pattern as in
	// access.Grant, for publishers. The first that matches counts, names before patterns.
	Name     string
	Camera   *journal.Camera // pulled from there; nil: somebody publishes
	Compose  *ComposeOptions // composed here, of paths and cameras. Out, Control and the like are not looked at
	OnDemand bool            // pulled, or composed, while somebody watches, and Idle longer
	Idle     time.Duration   // 0: 10 s
	Record   bool            // never with OnDemand
	// Adapt gives viewers over RTSP whose links are too narrow other pictures; without a
	// ladder they get what fits of the source's. The recording is always the source's.
	Adapt RelayAdapt
	// Backfill is the address of whoever can play again what the recording of Camera lacks,
	// as in BackfillSource; empty: nobody.
	Backfill string
}

// Defaults of ServeOptions.
const (
	DefaultRTSPAddress  = ":8554"
	DefaultHTTPAddress  = ":8080"
	DefaultTries        = 10
	DefaultTriesWindow  = time.Minute
	DefaultConnections  = 1000
	DefaultPerAddress   = 100
	DefaultSessionIdle  = time.Minute
	DefaultReaderQueue  = 8 << 20 // bytes
	DefaultOnDemandIdle = 10 * time.Second
)

// adapts reports whether a path does.
func (o ServeOptions) adapts() bool {
	return slices.ContainsFunc(o.Paths, func(p ServePath) bool { return p.Adapt.on() })
}

// pulled reports whether the server itself sees to it that something comes, from a camera
// or by composing.
func (p ServePath) pulled() bool { return p.Camera != nil || p.Compose != nil }

// pattern reports whether the name stands for many paths.
func (p ServePath) pattern() bool { return strings.ContainsAny(p.Name, `*?[\`) }

// Validate returns what makes no sense, each as fault.Usage; nil: nothing.
func (o ServeOptions) Validate() []error {
	var wrong []error
	refuse := func(format string, args ...any) { wrong = append(wrong, fault.New(fault.Usage, format, args...)) }
	if len(o.RTSP)+len(o.RTSPS)+len(o.HTTP)+len(o.HTTPS) == 0 {
		refuse("there is no address to listen on")
	}
	if len(o.RTSPS)+len(o.HTTPS) > 0 && (o.Cert == "" || o.Key == "") {
		refuse("RTSPS and HTTPS need a certificate and its key")
	}
	if o.UDP < 0 || o.UDP > 65534 || o.UDP%2 != 0 {
		refuse("the UDP port %d is not even, or none", o.UDP)
	}
	if o.Latency < 0 {
		refuse("a latency of %v: it is above 0, or none", o.Latency)
	}
	seen := map[string]bool{}
	for _, p := range o.Paths {
		if seen[p.Name] {
			refuse("path %q is there twice", p.Name)
		}
		seen[p.Name] = true
		if err := p.Validate(o.Record.Dir != ""); err != nil {
			wrong = append(wrong, err)
		}
	}
	wrong = append(wrong, checkComposed(o.Paths)...)
	if _, err := access.New(o.Users); err != nil {
		wrong = append(wrong, err)
	}
	return wrong
}

// Validate says what makes no sense, as fault.Usage; recording says whether there is a
// directory to record into.
func (p ServePath) Validate(recording bool) error {
	refuse := func(why string) error { return fault.New(fault.Usage, "path %q %s", p.Name, why) }
	_, bad := path.Match(p.Name, "")
	switch {
	case p.Name == "" || bad != nil || len(p.Name) > 255 || strings.HasPrefix(p.Name, "/") || strings.HasSuffix(p.Name, "/"):
		return refuse("is no path: a name without a slash at its ends, or a pattern")
	case slices.Contains(strings.Split(p.Name, "/"), ".."):
		return refuse("holds \"..\"")
	case p.Camera != nil && p.Compose != nil:
		return refuse("is pulled from a camera and composed: it can only be one of both")
	case p.pulled() && p.pattern():
		return refuse("is a pattern, and one camera cannot be on many paths")
	case !p.pulled() && p.OnDemand:
		return refuse("has no source that could be pulled on demand")
	case p.Record && p.OnDemand:
		return refuse("is pulled on demand, so it cannot be recorded: what is recorded is always pulled")
	case p.Backfill != "" && !(p.Record && p.Camera != nil):
		return refuse("is not pulled and recorded, so it has no gaps that could be filled")
	case p.Record && !recording:
		return refuse("is to be recorded, and there is no directory to record into")
	case p.Record && !p.pattern():
		if err := journal.ValidCameraName(p.Name); err != nil {
			return fault.Because("path "+p.Name+" is to be recorded", err)
		}
	}
	if p.Compose != nil {
		if err := p.Compose.check(); err != nil {
			return refuse("cannot be composed: " + err.Error())
		}
	}
	if p.Backfill != "" {
		if err := (BackfillSource{URL: p.Backfill}).Validate(); err != nil {
			return refuse("is to be filled from there: " + err.Error())
		}
	}
	return nil
}

// find returns the entry of a path.
func findPath(paths []ServePath, name string) (ServePath, bool) {
	for _, p := range paths {
		if p.Name == name {
			return p, true
		}
	}
	for _, p := range paths {
		if p.pattern() && access.Matches(p.Name, name) {
			return p, true
		}
	}
	return ServePath{}, false
}

// checkComposed returns what makes no sense of what paths are composed of: paths that are
// not there, and such that would show themselves.
func checkComposed(paths []ServePath) []error {
	var wrong []error
	inputs := func(name string) []ComposeInput {
		if p, found := findPath(paths, name); found && p.Compose != nil {
			return p.Compose.Inputs
		}
		return nil
	}
	var shows func(name, what string, deep int) bool
	shows = func(name, what string, deep int) bool {
		return slices.ContainsFunc(inputs(name), func(in ComposeInput) bool {
			return in.Path != "" && (in.Path == what || deep < len(paths) && shows(in.Path, what, deep+1))
		})
	}
	for _, p := range paths {
		for _, in := range inputs(p.Name) {
			if _, found := findPath(paths, in.Path); in.Path != "" && !found {
				wrong = append(wrong, fault.New(fault.Usage, "path %q is composed of %s, and there is no such path", p.Name, in.Path))
			}
		}
		if shows(p.Name, p.Name, 0) {
			wrong = append(wrong, fault.New(fault.Usage, "path %q would be composed of itself", p.Name))
		}
	}
	return wrong
}
