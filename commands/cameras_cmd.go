package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rtsprec/engine"
	"rtsprec/engine/fault"
)

func newCameras(p *process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cameras COMMAND",
		Short: "The cameras that are known by name",
		Long: `The cameras that are known by name. They stand in a file, "cameras.yaml" in
RTSPREC_CONFIG_DIR or else in rtsprec's folder of the user's config directory
(~/.config/rtsprec), or where --cameras says:

  cameras:
    - name: teacher
      url: rtsp://192.168.1.10/live
      sub_url: rtsp://192.168.1.10/low  # while the main stream is refused
      transport: tcp                    # auto, udp, tcp or multicast
      fingerprint: 12:AB:...            # rtsps: or insecure: true
      user: admin
      password_env: TEACHER_PASSWORD

In place of password_env: password_file (a file of mode 0600), password_command
(a list of words, [pass, show, cam1]), or password: then chmod 600 cameras.yaml.
Every command that takes URLs takes such names.

Where this build has codecs, anything can be tried without a camera: the URL
testsrc://640x360@25/h264 is a test picture, moving, with the time of day in it
and a beep at each full second. Codecs: h264, h265, mjpeg, mpeg4. Options, as in
testsrc://1280x720@30?name=yard&audio=none: audio (aac, opus, pcma, pcmu, l16,
none), bitrate (500k, 2M), gop (2s), name, length (60s), pace (real, free), and
drop=5s/1m, which is gone for the last 5 s of each minute.`,
		Example: `  rtsprec cameras add teacher rtsp://admin@192.168.1.10/live
  rtsprec cameras test
  rtsprec record teacher student -t 45m`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("rtsprec cameras list, add or test", "there is no command %q of cameras", fault.URL(args[0]))
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(newCamerasList(p), newCamerasAdd(p), newCamerasTest(p))
	return cmd
}

// addCamerasFile adds the flag that names the file.
func addCamerasFile(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "cameras", "", "`FILE` of cameras by name; default: "+camerasName+" in the config directory")
}

func newCamerasList(p *process) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List the cameras that are known by name",
		Long: `List the cameras that are known by name, and where their passwords come from.
Passwords are not shown.`,
		Example: `  rtsprec cameras list
  rtsprec cameras list --json | jq -r .name`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			list, err := p.readCameras(file)
			if err != nil {
				return err
			}
			p.showCameras(list)
			return nil
		},
	}
	addCamerasFile(cmd, &file)
	return cmd
}

// listedLine is the JSON form of a camera by name.
type listedLine struct {
	Name        string `json:"name"`
	URL         string `json:"url"` // without password
	SubURL      string `json:"sub_url,omitempty"`
	Transport   string `json:"transport,omitempty"`
	Insecure    bool   `json:"insecure,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	Credentials string `json:"credentials,omitempty"` // user, and where the password comes from
	File        string `json:"file"`
}

func (p *process) showCameras(list *cameraList) {
	t := table{{"camera", "url", "sub-stream", "transport", "credentials"}}
	for _, l := range list.cameras {
		credentials := l.credentials()
		if p.json {
			p.line("camera", listedLine{
				l.name, fault.URL(l.url), fault.URL(l.sub), string(l.transport), l.insecure, l.fingerprint,
				strings.TrimPrefix(credentials, "-"), list.file,
			})
			continue
		}
		t = append(t, []string{l.name, fault.URL(l.url), dash(fault.URL(l.sub)), dash(string(l.transport)), credentials})
	}
	switch {
	case len(t) > 1:
		fmt.Fprint(p.Out, t.text("lllll"))
	case len(list.cameras) == 0 && !p.quiet:
		fmt.Fprintf(p.Err, "no camera in %s\nhint: rtsprec cameras add NAME rtsp://HOST/PATH\n", list.file)
	}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func newCamerasTest(p *process) *cobra.Command {
	var o connection
	cmd := &cobra.Command{
		Use:   "test [flags] [NAME...]",
		Short: "Ask cameras by name whether they answer",
		Long: `Ask the cameras that are named, or all there are, for their description: is the
address right, are user and password, what do they send? Nothing is played;
"rtsprec probe NAME" does that. The exit code is that of the first camera that
did not answer as it should.`,
		Example: `  rtsprec cameras test
  rtsprec cameras test teacher student`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.test(cmd.Context(), p, args)
		},
	}
	o.addFlags(cmd)
	noFileCompletion(cmd, "reorder", "fingerprint")
	cmd.ValidArgsFunction = o.completeCameras(p)
	return cmd
}

func (c *connection) test(ctx context.Context, p *process, names []string) error {
	if len(names) == 0 {
		list, err := p.readCameras(c.file)
		if err != nil {
			return err
		}
		for _, l := range list.cameras {
			names = append(names, l.name)
		}
		if len(names) == 0 {
			p.showCameras(list)
			return nil
		}
	}
	cameras, err := c.resolveInputs(ctx, p, names)
	if err != nil {
		return err
	}
	done := p.waiting("asking "+count(len(cameras), "camera"), 0)
	reports, err := p.Engine.Probe(ctx, p.deps(nil), engine.ProbeOptions{Cameras: cameras, Quick: true})
	done()
	if p.json {
		p.probed(reports)
		return err
	}
	t := table{{"camera", "answer", "login", "what it says it sends"}}
	for _, r := range reports {
		if r != nil {
			t = append(t, testedRow(r))
		}
	}
	fmt.Fprint(p.Out, t.text("llll"))
	return err
}

// testedRow is what a camera answered.
func testedRow(r *engine.ProbeReport) []string {
	if r.Error != "" {
		return []string{r.Name, r.Kind, "-", oneLine(r.Error)}
	}
	var tracks []string
	for _, t := range r.Tracks {
		text := t.Codec.Title()
		if t.Width > 0 {
			text += fmt.Sprintf(" %dx%d", t.Width, t.Height)
		}
		tracks = append(tracks, text)
	}
	return []string{r.Name, "ok", dash(r.Auth), dash(strings.Join(tracks, ", "))}
}
