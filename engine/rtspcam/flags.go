package rtspcam

import (
	"flag"
	"fmt"
	"io"
	"strings"

	"rtsprec/engine/fault"
)

// ParseFlags reads the command line of cmd/rtspcam: where to listen and what to be. Help goes to
// out, and the error is then flag.ErrHelp.
func ParseFlags(args []string, out io.Writer) (listen string, o Options, err error) {
	set := flag.NewFlagSet("rtspcam", flag.ContinueOnError)
	set.SetOutput(io.Discard) // the error says it all, once
	o.Paths = map[string]Stream{}
	set.StringVar(&listen, "listen", "127.0.0.1:8554", "")
	set.StringVar(&o.Auth, "auth", "digest", "")
	set.StringVar(&o.Misbehave, "misbehave", "", "")
	set.Uint64Var(&o.Seed, "seed", 0, "")
	set.BoolVar(&o.TLS, "tls", false, "")
	set.BoolVar(&o.KeyStart, "key-start", false, "")
	set.Func("user", "", func(s string) error {
		o.User, o.Password, _ = strings.Cut(s, ":")
		return nil
	})
	set.Func("path", "", func(s string) error {
		name, stream, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return fmt.Errorf("want NAME=CODECS")
		}
		o.Paths[strings.Trim(name, "/")] = Stream(stream)
		return nil
	})
	switch err = set.Parse(args); {
	case err == flag.ErrHelp:
		help(out)
		return "", o, err
	case err == nil && set.NArg() > 0:
		err = fmt.Errorf("what is %q?", set.Arg(0))
	}
	if len(o.Paths) == 0 {
		o.Paths["live"] = "h264+aac"
	}
	return listen, o, fault.Wrap(fault.Usage, "command line", err)
}

func help(out io.Writer) {
	fmt.Fprint(out, `A scripted RTSP camera: serves test pictures, and misbehaves when told to.

  rtspcam --path teacher=h264+aac --path board=h265 --path student=mpeg4+pcma
  rtspcam --listen 0.0.0.0:8554 --user admin:secret --misbehave 'loss=1%,drop@10s:3s/30s'
  rtspcam --path 'a=h264+aac,stall@5s:2s' --path b=mjpeg

Prints one line, "ready URL...", once it answers.

  --listen ADDR       where to listen (127.0.0.1:8554)
  --path NAME=STREAM  a path; STREAM is codecs joined by "+", then faults of this path
                      alone behind commas; repeatable (live=h264+aac)
  --user NAME:PASS    ask who is there
  --auth KIND         digest (MD5), sha256, both, basic (digest)
  --tls               RTSPS with a self-signed certificate
  --misbehave FAULTS  faults of all paths, separated by commas
  --key-start         readers begin at a key frame
  --seed N            of everything random (0)

Codecs:

`)
	for _, c := range Codecs() {
		fmt.Fprintf(out, "  %-18s  %s\n", c[0], c[1])
	}
	fmt.Fprint(out, `
Faults are name[@start][:duration][/period][=value]. Start counts from the start of
the camera. Without a duration it stays for ever. With a period it comes back.

`)
	for _, f := range Faults() {
		name := f.Name
		if f.Value != "" {
			name += "=" + f.Value
		}
		about := f.Help
		if f.Instant {
			about += " (happens once)"
		}
		if f.Default != "" {
			about += " (" + f.Default + ")"
		}
		fmt.Fprintf(out, "  %-18s  %s\n", name, about)
	}
}
