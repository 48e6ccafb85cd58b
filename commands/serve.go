package commands

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"rtsprec/engine"
	"rtsprec/engine/fault"
	"rtsprec/engine/settings"
)

// serveOptions is what was typed.
type serveOptions struct {
	connection
	config     string
	check      bool
	print      bool
	inputs     []string
	onDemand   bool
	adapt      bool
	ladder     string
	rtsp       []string
	rtsps      []string
	http       []string
	https      []string
	cert, key  string
	socket     string
	udp        int
	multicast  string
	archives   []string
	record     string
	segment    span
	commit     span
	fragment   span
	grace      span
	keep       keepFlags
	backfill   backfillFlags
	keepAll    bool
	conns      int
	perAddress int
	idle       span
	queue      size
	latency    span
	buffer     size // of the recording
	tries      int
	window     span // of tries
}

// defaultServeOptions is what counts when nothing is typed, but for the lists and numbers
// that bind gives their defaults.
func defaultServeOptions() serveOptions {
	return serveOptions{
		ladder:   defaultLadder,
		segment:  span{d: engine.DefaultSegment, min: time.Second, max: 24 * time.Hour},
		commit:   span{d: engine.DefaultCommit, min: 100 * time.Millisecond, max: time.Minute},
		fragment: span{d: engine.DefaultFragment, min: 20 * time.Millisecond, max: 10 * time.Second},
		grace:    graceSpan(),
		idle:     span{d: engine.DefaultSessionIdle, min: time.Second, max: 24 * time.Hour},
		queue:    size{n: engine.DefaultReaderQueue},
		buffer:   size{n: engine.DefaultQueue},
		latency:  noLatency(),
		window:   span{d: engine.DefaultTriesWindow, min: time.Second, max: 24 * time.Hour},
	}
}

func newServe(p *process) *cobra.Command {
	o := defaultServeOptions()
	cmd := &cobra.Command{
		Use:   "serve [flags]",
		Short: "Serve live cameras and recordings over RTSP and HTTP",
		Long: `Serve live cameras and recordings to players, recorders and browsers: RTSP
(publish, live, replay by clock time) and HTTP (a page, HLS, clips, metrics).
Cameras are pulled always or while somebody watches; others publish to it. With
--record all of it is recorded, as "rtsprec record" does, into one directory
that has no end: stopping and starting goes on with it.

A pulled camera with a smaller stream ("sub" of a path, or sub_url of a known
camera) is taken from that one while the way from it is too narrow for the main
stream; viewers keep their session where the codecs are the same, and what is
recorded goes on in one timeline.

With --adapt (or "adapt" of a path in the file) viewers over RTSP whose links
are too weak for the source's pictures get them re-encoded, at fewer bits, then
smaller, then key frames and sound only, and the source again when it fits. All
viewers on one step share its encoder; others get the source untouched, and so
does the recording.

A path of the configuration may also be composed of others, as "rtsprec compose"
does it; "rtsprec ctl" steers that.

Without a configuration anybody may watch and, where no camera is named by -i,
publish on any path. --config names a YAML file with paths, users and
everything else; a flag counts more than the file. HUP makes it read the file
again without disturbing what did not change; a file with mistakes changes
nothing.`,
		Example: `  rtsprec serve --archive /recordings
  rtsprec serve -i yard=rtsp://192.168.1.10/live --record live --keep-age 30d
  rtsprec serve -i yard=rtsp://192.168.1.10/live --adapt --ladder mobile
  rtsprec serve --config /etc/rtsprec/serve.yaml
  rtsprec serve --config serve.yaml --check-config`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd, p)
		},
	}
	o.bind(cmd, p)
	return cmd
}

func (o *serveOptions) bind(cmd *cobra.Command, p *process) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.config, "config", "", "YAML `file` with paths, users and everything else")
	flags.BoolVar(&o.check, "check-config", false, "only say what is wrong with the configuration")
	flags.BoolVar(&o.print, "print-config", false, "only print the configuration that would count")
	flags.StringArrayVarP(&o.inputs, "input", "i", nil, "camera to pull: `[NAME=]URL`; NAME becomes its path; may be repeated")
	flags.BoolVar(&o.onDemand, "on-demand", false, "pull the cameras of -i only while somebody watches")
	o.addFlags(cmd)
	flags.BoolVar(&o.adapt, "adapt", false, "send RTSP viewers smaller and smaller pictures while their links are too weak; on every path")
	ladderFlag(cmd, p, &o.ladder)
	flags.StringArrayVar(&o.archives, "archive", nil, "`directory` that is a recording or holds some, to be served; may be repeated")
	flags.StringVar(&o.record, "record", "", "record what is pulled or published into this `directory`")
	flags.Var(&o.segment, "segment", "length of the files, counted from the full UTC hour")
	flags.Var(&o.commit, "commit", "how often the disk is made to keep what it has")
	flags.Var(&o.fragment, "fragment", "how much media is collected for one write")
	flags.Var(&o.buffer, "record-queue", "how much may wait for the disk, for each path")
	o.backfill.bind(cmd)
	o.keep.bind(cmd)
	flags.BoolVar(&o.keepAll, "keep-archives", false, "hold what others recorded below --archive to the same")
	flags.StringArrayVar(&o.rtsp, "rtsp", []string{engine.DefaultRTSPAddress}, "`address` of RTSP; empty: off")
	flags.StringArrayVar(&o.http, "http", []string{engine.DefaultHTTPAddress}, "`address` of HTTP; empty: off")
	flags.StringArrayVar(&o.rtsps, "rtsps", nil, "`address` of RTSPS (RTSP in TLS)")
	flags.StringArrayVar(&o.https, "https", nil, "`address` of HTTPS")
	flags.StringVar(&o.cert, "certificate", "", "PEM `file` for RTSPS and HTTPS")
	flags.StringVar(&o.key, "key", "", "PEM `file` with the certificate's key")
	flags.StringVar(&o.socket, "ctl", "", "`socket` for \"rtsprec ctl\"; default, where a path is composed: one in the runtime directory")
	flags.IntVar(&o.udp, "udp", defaultUDP, "even `port` of RTP over UDP; the next one is for RTCP; 0: no UDP")
	flags.StringVar(&o.multicast, "multicast", "", "`range` of multicast groups for readers that ask, like 239.255.42.0/24")
	flags.IntVar(&o.conns, "connections", engine.DefaultConnections, "`number` of connections at a time, for RTSP and HTTP each")
	flags.IntVar(&o.perAddress, "per-address", engine.DefaultPerAddress, "`number` of them that one address may have")
	flags.Var(&o.idle, "idle", "silence after which an RTSP session is ended")
	flags.Var(&o.queue, "queue", "how much may wait for a reader that is slow")
	flags.Var(&o.latency, "latency", "how long live media may wait for a slow reader before it is left out; default: while --queue has room")
	flags.IntVar(&o.tries, "tries", engine.DefaultTries, "`number` of wrong passwords before an address is refused for --tries-window")
	flags.Var(&o.window, "tries-window", "how long it is refused then")
	addGrace(cmd, &o.grace)
	noFileCompletion(cmd, "input", "rtsp", "rtsps", "http", "https", "udp", "multicast", "segment", "commit", "fragment", "reorder",
		"fingerprint", "connections", "per-address", "idle", "queue", "latency", "record-queue", "tries", "tries-window")
	_ = cmd.MarkFlagDirname("archive")
	_ = cmd.MarkFlagDirname("record")
}

// defaultUDP is RTP's port; RTCP's is the next.
const defaultUDP = 8000

func (o *serveOptions) run(cmd *cobra.Command, p *process) error {
	ctx := cmd.Context()
	options, err := o.options(ctx, p, cmd.Flags().Changed)
	if err != nil {
		return err
	}
	switch {
	case o.print:
		_, err := fmt.Fprint(p.Out, configText(options))
		return err
	case o.check:
		return p.sayChecked(o.config, options)
	}
	p.steerable(&options)
	d, done := p.show(ctx)
	defer done()
	service := p.newService()
	defer service.close()
	defer context.AfterFunc(ctx, service.stopping)()
	observe := func(e engine.Event) {
		service.observe(e)
		d.observe(e)
	}
	again := make(chan engine.ServeOptions)
	if o.config != "" {
		options.Reload = again
		defer o.follow(ctx, p, cmd.Flags().Changed, again, observe)()
	}
	return p.Engine.Serve(ctx, p.deps(observe), options)
}

// follow reads the configuration again at every HUP, until the returned function is called.
func (o *serveOptions) follow(ctx context.Context, p *process, typed func(string) bool, again chan<- engine.ServeOptions, observe func(engine.Event)) (release func()) {
	ctx, cancel := context.WithCancel(ctx)
	hup := make(chan struct{}, 1)
	deaf := p.want(func() {
		select {
		case hup <- struct{}{}:
		default: // one is pending: it reads what is there then
		}
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hup:
			}
			observe(reloading{})
			options, err := o.options(ctx, p, typed)
			if err != nil {
				observe(engine.Reloaded{Err: oneLine(err.Error())})
				continue
			}
			p.steerable(&options)
			select {
			case again <- options:
			case <-ctx.Done():
			}
		}
	}()
	return func() { deaf(); cancel(); <-done }
}

// steerable gives what is composed a socket for commands, where nobody said which.
func (p *process) steerable(o *engine.ServeOptions) {
	if o.Socket == "" && slices.ContainsFunc(o.Paths, func(path engine.ServePath) bool { return path.Compose != nil }) {
		o.Socket = p.ownSocket("serve")
	}
}

// options is the configuration that counts: what was typed over what the file says over
// the defaults.
func (o *serveOptions) options(ctx context.Context, p *process, typed func(string) bool) (engine.ServeOptions, error) {
	all := o.flags()
	options := all
	if o.config != "" {
		var err error
		if options, err = p.readConfig(ctx, o.config, o.file, all); err != nil {
			return options, err
		}
		o.override(&options, all, typed)
	}
	cameras, err := o.paths(ctx, p, options.Record.Dir != "")
	if err != nil {
		return options, err
	}
	for _, c := range cameras {
		options.Paths = slices.DeleteFunc(options.Paths, func(p engine.ServePath) bool { return p.Name == c.Name })
	}
	options.Paths = append(options.Paths, cameras...)
	if len(options.Paths) == 0 {
		options.Paths = []engine.ServePath{{Name: "**", Record: options.Record.Dir != ""}}
	}
	if err := o.fills(p, options.Paths); err != nil {
		return options, err
	}
	if err := o.adapts(p, options.Paths, typed); err != nil {
		return options, err
	}
	for _, list := range [][]string{options.RTSP, options.RTSPS, options.HTTP, options.HTTPS} {
		for _, address := range list {
			if err := checkAddress(address); err != nil {
				return options, usage("--rtsp :8554", "%v", err)
			}
		}
	}
	if wrong := options.Validate(); len(wrong) > 0 {
		var lines []string
		for _, err := range wrong {
			lines = append(lines, err.Error())
		}
		return options, fault.Wrap(fault.Usage, "", settings.Mistakes{Lines: lines})
	}
	return options, nil
}

// flags is every flag's value.
func (o *serveOptions) flags() engine.ServeOptions {
	given := func(addresses []string) []string {
		return slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { return a == "" })
	}
	return engine.ServeOptions{
		RTSP: given(o.rtsp), RTSPS: given(o.rtsps), HTTP: given(o.http), HTTPS: given(o.https),
		Cert: o.cert, Key: o.key, Socket: o.socket, UDP: o.udp, Multicast: o.multicast, Archives: slices.Clone(o.archives),
		Record: engine.RecordInto{Dir: o.record, Segment: o.segment.d, Commit: o.commit.d, Fragment: o.fragment.d, Queue: o.buffer.n, Keep: o.keep.keep(), KeepArchives: o.keepAll, BackfillRate: o.backfill.rate.n},
		Tries:  o.tries, TriesWindow: o.window.d,
		Connections: o.conns, PerAddress: o.perAddress, Idle: o.idle.d, Queue: o.queue.n, Latency: o.latency.d, Grace: o.grace.d,
	}
}

// override puts what was typed over what the file says.
func (o *serveOptions) override(into *engine.ServeOptions, all engine.ServeOptions, typed func(string) bool) {
	for flag, put := range map[string]func(){
		"rtsp": func() { into.RTSP = all.RTSP }, "rtsps": func() { into.RTSPS = all.RTSPS },
		"http": func() { into.HTTP = all.HTTP }, "https": func() { into.HTTPS = all.HTTPS },
		"certificate": func() { into.Cert = all.Cert }, "key": func() { into.Key = all.Key },
		"ctl": func() { into.Socket = all.Socket },
		"udp": func() { into.UDP = all.UDP }, "multicast": func() { into.Multicast = all.Multicast },
		"archive": func() { into.Archives = all.Archives }, "record": func() { into.Record.Dir = all.Record.Dir },
		"segment": func() { into.Record.Segment = all.Record.Segment }, "commit": func() { into.Record.Commit = all.Record.Commit },
		"record-queue":  func() { into.Record.Queue = all.Record.Queue },
		"tries":         func() { into.Tries = all.Tries },
		"tries-window":  func() { into.TriesWindow = all.TriesWindow },
		"fragment":      func() { into.Record.Fragment = all.Record.Fragment },
		"keep-age":      func() { into.Record.Keep.Age = all.Record.Keep.Age },
		"keep-size":     func() { into.Record.Keep.Size = all.Record.Keep.Size },
		"keep-free":     func() { into.Record.Keep.Free = all.Record.Keep.Free },
		"backfill-rate": func() { into.Record.BackfillRate = all.Record.BackfillRate },
		"keep-archives": func() { into.Record.KeepArchives = all.Record.KeepArchives },
		"connections":   func() { into.Connections = all.Connections }, "per-address": func() { into.PerAddress = all.PerAddress },
		"idle": func() { into.Idle = all.Idle }, "queue": func() { into.Queue = all.Queue }, "latency": func() { into.Latency = all.Latency }, "grace": func() { into.Grace = all.Grace },
	} {
		if typed(flag) {
			put()
		}
	}
}

// paths are those of -i.
func (o *serveOptions) paths(ctx context.Context, p *process, recording bool) ([]engine.ServePath, error) {
	if len(o.inputs) == 0 {
		return nil, nil
	}
	cameras, err := o.resolveInputs(ctx, p, o.inputs)
	if err != nil {
		return nil, err
	}
	var paths []engine.ServePath
	for i := range cameras {
		paths = append(paths, engine.ServePath{Name: cameras[i].Name, Camera: &cameras[i], OnDemand: o.onDemand, Record: recording && !o.onDemand})
	}
	return paths, nil
}

// fills gives paths the sources of --backfill: the one named, or all that are pulled,
// recorded and have none.
func (o *serveOptions) fills(p *process, paths []engine.ServePath) error {
	sources, err := o.backfill.sources(p)
	if err != nil {
		return err
	}
	for _, s := range sources {
		known := false
		for i := range paths {
			path := &paths[i]
			if path.Name == s.Camera || s.Camera == "" && path.Camera != nil && path.Record && path.Backfill == "" {
				path.Backfill, known = s.URL, true
			}
		}
		if !known {
			return usage("-i NAME=URL --backfill NAME=URL", "there is no path %q to fill the gaps of", s.Camera)
		}
	}
	return nil
}

// adapts has all paths adapted where that was typed.
func (o *serveOptions) adapts(p *process, paths []engine.ServePath, typed func(string) bool) error {
	switch {
	case !o.adapt && typed("ladder"):
		return usage("--adapt --ladder "+o.ladder, "--ladder is for a server that adapts")
	case !o.adapt:
		return nil
	}
	ladder, err := p.ladder(o.ladder)
	for i := range paths {
		paths[i].Adapt = engine.RelayAdapt{Ladder: ladder}
	}
	return err
}

// sayChecked answers --check-config where nothing is wrong.
func (p *process) sayChecked(name string, o engine.ServeOptions) error {
	if name == "" {
		name = "what was typed"
	}
	if p.json {
		return p.line("config", struct {
			File  string `json:"file"`
			Paths int    `json:"paths"`
			Users int    `json:"users"`
		}{name, len(o.Paths), len(o.Users)})
	}
	_, err := fmt.Fprintf(p.Out, "%s is fine: %s, %s\n", name, count(len(o.Paths), "path"), count(len(o.Users), "user"))
	return err
}
