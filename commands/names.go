package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/rtsp"
)

// resolveInputs reads the inputs that were typed, each [NAME=]URL or the name of a camera
// of cameras.yaml, and gives a name to those without: "camera" when there is one,
// "camera-1", "camera-2" by position otherwise. It is the one way from words to cameras:
// every command that takes URLs takes names by it. Transport, sub-stream, certificate and
// credentials of a camera by name are those of the file, unless a flag says otherwise.
// ctx bounds the commands that give passwords.
func (c *connection) resolveInputs(ctx context.Context, p *process, typed []string) ([]journal.Camera, error) {
	fingerprint, err := parseFingerprint(c.fingerprint)
	if err != nil {
		return nil, err
	}
	known := listLoader{p: p, file: c.file}
	var list []journal.Camera
	seen := map[string]bool{}
	for i, text := range typed {
		camera, err := c.resolve(ctx, &known, text, fingerprint)
		if err != nil {
			return nil, err
		}
		if camera.Name == "" {
			camera.Name = loneCamera
			if len(typed) > 1 {
				camera.Name = fmt.Sprintf("%s-%d", loneCamera, i+1)
			}
		}
		folded := strings.ToLower(camera.Name)
		if seen[folded] {
			return nil, usage("names make folders: -i left=rtsp://... -i right=rtsp://...", "two cameras are called %s", camera.Name)
		}
		seen[folded] = true
		camera.URL, camera.SubURL = named(camera.URL, camera.Name), named(camera.SubURL, camera.Name)
		list = append(list, camera)
	}
	return list, nil
}

// resolve is resolveInputs for one input; a URL without a name has none yet.
func (c *connection) resolve(ctx context.Context, known *listLoader, text, fingerprint string) (journal.Camera, error) {
	name, reference := splitName(text)
	if !isName(reference) {
		name, address, err := parseInput(text)
		return journal.Camera{
			Name: name, URL: known.p.login(address), Transport: string(c.transport), Reorder: journal.Duration(c.reorder.d),
			Insecure: c.insecure, Fingerprint: fingerprint,
		}, err
	}
	if err := journal.ValidCameraName(name); name != "" && err != nil {
		return journal.Camera{}, hinted{err, nameHint}
	}
	l, err := known.camera(reference)
	if err != nil {
		return journal.Camera{}, err
	}
	if name != "" {
		l.name = name
	}
	return c.of(ctx, known.p, l, fingerprint)
}

// of is a camera of the file, as the flags want it.
func (c *connection) of(ctx context.Context, p *process, l listedCamera, fingerprint string) (journal.Camera, error) {
	camera := journal.Camera{
		Name: l.name, Transport: string(c.transport), Reorder: journal.Duration(c.reorder.d),
		Insecure: c.insecure || l.insecure, Fingerprint: l.fingerprint,
	}
	if l.transport != "" && !c.said("transport") {
		camera.Transport = string(l.transport)
	}
	if fingerprint != "" {
		camera.Fingerprint = fingerprint
	}
	password, err := l.secret(ctx, p)
	if err != nil {
		return camera, err
	}
	camera.URL = p.login(withLogin(l.url, l.user, password))
	if l.sub != "" {
		camera.SubURL = p.login(withLogin(l.sub, l.user, password))
	}
	return camera, nil
}

// said reports whether a flag was typed.
func (c *connection) said(flag string) bool {
	return c.flags != nil && c.flags.Changed(flag)
}

// splitName splits NAME=REST as parseInput does.
func splitName(text string) (name, rest string) {
	if i := strings.IndexAny(text, "=:/"); i >= 0 && text[i] == '=' {
		return text[:i], text[i+1:]
	}
	return "", text
}

// isName reports whether a word can only be the name of a camera.
func isName(text string) bool {
	return text != "" && !strings.ContainsAny(text, ":/=@") && journal.ValidCameraName(text) == nil
}

// listLoader reads cameras.yaml when the first name is asked for.
type listLoader struct {
	p    *process
	file string // as typed; empty: the usual one
	list *cameraList
}

// camera finds a camera by its name.
func (k *listLoader) camera(name string) (listedCamera, error) {
	if k.list == nil {
		list, err := k.p.readCameras(k.file)
		if err != nil {
			return listedCamera{}, err
		}
		k.list = list
	}
	i := slices.IndexFunc(k.list.cameras, func(l listedCamera) bool { return strings.EqualFold(l.name, name) })
	if i >= 0 {
		return k.list.cameras[i], nil
	}
	hint := fmt.Sprintf("rtsprec cameras add %s rtsp://HOST/PATH; a camera without a name: rtsp://%s", name, name)
	if similar := k.list.similar(name); similar != "" {
		hint = "rtsprec cameras list; is it " + similar + "?"
	}
	return listedCamera{}, usage(hint, "there is no camera called %q in %s", name, k.list.file)
}

// completeCameras completes names of cameras for shells.
func (c *connection) completeCameras(p *process) cobra.CompletionFunc {
	return func(_ *cobra.Command, typed []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var names []cobra.Completion
		list, err := p.readCameras(c.file)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		for _, l := range list.cameras {
			if !slices.Contains(typed, l.name) {
				names = append(names, cobra.CompletionWithDesc(l.name, fault.URL(l.url)))
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// listedCamera is one camera of cameras.yaml.
type listedCamera struct {
	name, url, sub  string
	transport       rtsp.Transport // empty: not said
	insecure        bool
	fingerprint     string
	user            string
	password        string // one of these four at most
	passwordEnv     string
	passwordFile    string
	passwordCommand []string
	line            int
}
