package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/journal"
)

// allInputs reads what is to be composed: what was typed after -i, and the cameras of
// --from.
func (o *composeOptions) allInputs(ctx context.Context, p *process) ([]engine.ComposeInput, error) {
	var list []engine.ComposeInput
	var cameras []string // as typed, in their places
	for _, text := range o.inputs {
		if in, is := p.mediaFile(text); is {
			if _, err := p.FS.Stat(in.File); errors.Is(err, fs.ErrNotExist) {
				return nil, usage("-i FILE.mp4, -i rtsp://HOST/PATH, or the name of a camera (rtsprec cameras list)", "there is no file %s", in.File)
			}
			list = append(list, in)
			continue
		}
		cameras = append(cameras, text)
		list = append(list, engine.ComposeInput{Camera: &journal.Camera{}})
	}
	live, err := o.liveInputs(ctx, p, cameras)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Camera != nil {
			list[i].Camera, list[i].Name = &live[0], live[0].Name
			live = live[1:]
		}
	}
	recorded, err := o.recordedInputs(p)
	if err != nil {
		return nil, err
	}
	list = append(list, recorded...)
	if len(list) == 0 {
		return nil, usage("rtsprec compose -i left=rtsp://... -i right=rtsp://... -o DIR", "nothing to compose was given")
	}
	return list, uniqueInputs(list)
}

func (o *composeOptions) liveInputs(ctx context.Context, p *process, typed []string) ([]journal.Camera, error) {
	cameras, err := o.resolveInputs(ctx, p, typed)
	if err != nil {
		return nil, err
	}
	if len(cameras) == 0 && len(o.subs) > 0 {
		return nil, usage("-i cam=rtsp://... --sub cam=rtsp://...", "--sub is a camera's, and there is none")
	}
	return cameras, addSubStreams(p, cameras, o.subs)
}

// mediaFile reads [NAME=]FILE. What is no file of ours is a URL, or a camera's name.
func (p *process) mediaFile(text string) (engine.ComposeInput, bool) {
	name, file := splitName(text)
	if strings.Contains(file, "://") {
		return engine.ComposeInput{}, false
	}
	info, err := p.FS.Stat(file)
	looks := strings.ContainsRune(file, filepath.Separator) || engine.ContainerOf(file) != ""
	if (err != nil || !info.Mode().IsRegular()) && !looks {
		return engine.ComposeInput{}, false
	}
	return engine.ComposeInput{Name: name, File: file}, true
}

// recordedInputs are the cameras of --from. What was composed there before is one of them
// only when it is asked for.
func (o *composeOptions) recordedInputs(p *process) ([]engine.ComposeInput, error) {
	if o.from == "" {
		if len(o.cameras) > 0 {
			return nil, usage("--from DIR --camera "+o.cameras[0], "--camera is of a recording, and there is none")
		}
		return nil, nil
	}
	if err := p.checkDir(o.from); err != nil {
		return nil, err
	}
	s, err := archive.Summarize(p.FS, o.from)
	if err != nil {
		return nil, aboutDir(err, o.from)
	}
	var all []string
	for _, c := range s.Cameras {
		all = append(all, c.Name)
	}
	for _, name := range o.cameras {
		if !slices.Contains(all, name) {
			return nil, usage("rtsprec ls "+quoted(o.from), "%s has no camera %q: it has %s", o.from, name, strings.Join(all, ", "))
		}
	}
	chosen := o.cameras
	if len(chosen) == 0 {
		if chosen = all; len(all) > 1 {
			chosen = slices.DeleteFunc(all, func(name string) bool { return name == engine.DefaultComposeName })
		}
	}
	var list []engine.ComposeInput
	for _, name := range chosen {
		list = append(list, engine.ComposeInput{Name: name, Dir: o.from})
	}
	return list, nil
}

// uniqueInputs calls files without a name as they are called on the disk, with a number
// where that is taken.
func uniqueInputs(list []engine.ComposeInput) error {
	seen := map[string]bool{}
	for i := range list {
		in := &list[i]
		if in.Name == "" {
			base := filepath.Base(in.File)
			base = strings.TrimSuffix(base, filepath.Ext(base))
			in.Name = base
			for n := 2; seen[strings.ToLower(in.Name)]; n++ {
				in.Name = fmt.Sprintf("%s-%d", base, n)
			}
		}
		if seen[strings.ToLower(in.Name)] {
			return usage("-i left=rtsp://... -i right=rtsp://...", "two inputs are called %s", in.Name)
		}
		seen[strings.ToLower(in.Name)] = true
	}
	return nil
}
