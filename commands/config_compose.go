package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rtsprec/engine"
	"rtsprec/engine/access"
	"rtsprec/engine/settings"
)

// compose reads what a path is composed of. Its words are the flags of "rtsprec compose".
func (c *serveConfig) compose(ctx context.Context, v settings.Value, path string, link connection) *engine.ComposeOptions {
	o := &engine.ComposeOptions{Latency: engine.DefaultComposeLatency, Zone: c.p.Zone}
	typed := defaultComposeOptions()
	typed.preset = livePreset
	v.At = "paths.*.compose"
	var rate int64
	cells := map[string]string{}
	c.Keys(v, map[string]func(settings.Value){
		"layout": c.Parsed(func(name string) (err error) { o.Layout, err = c.p.layout(name); typed.layout = ""; return err }),
		"preset": c.Parsed(func(name string) (err error) { o.Encoder, err = c.p.encoder(name); typed.preset = ""; return err }),
		"inputs": func(v settings.Value) {
			c.List(v, func(v settings.Value) { c.input(ctx, v, path, link, &o.Inputs) })
		},
		"cells": func(v settings.Value) {
			c.Each(v, func(cell string, v settings.Value) {
				var input string
				c.Text(&input)(v)
				cells[cell] = input
			})
		},
		"speaker": c.Text(&o.Speaker), "audio": c.Text(&typed.audio),
		"label":   c.Parsed(enum[labelMode]{&typed.label, labelModes}.Set),
		"size":    c.Parsed(typed.size.Set),
		"fps":     c.Parsed(typed.fps.Set),
		"bitrate": c.size(&rate),
		"device":  c.Parsed(enum[device]{&typed.device, devices}.Set),
		"latency": c.span(&o.Latency, 0, maxLatency),
	})
	set, err := c.p.presets()
	if c.Refused(v, err); err != nil {
		return o
	}
	o.Layouts = set.Layouts()
	if typed.layout != "" {
		o.Layout, _ = set.Layout(typed.layout) // always there
	}
	if typed.preset != "" {
		o.Encoder, _ = set.Encoder(typed.preset)
	}
	if len(cells) > 0 {
		o.Assign = cells
	}
	if typed.label != labelLayout {
		o.Label = string(typed.label)
	}
	o.Audio, o.FPS, o.Bitrate, o.Device = typed.audio, float64(typed.fps), int(min(rate, 1<<30)), string(typed.device)
	typed.shape(o)
	if len(o.Inputs) == 0 && c.Sound() {
		c.Wrong(v, "path %q is composed of nothing: inputs: [...] names paths, cameras or addresses", path)
	}
	return o
}

// input reads one input: a path of this file, the name of a camera, or an address; each
// with NAME= in front where it is to be called otherwise, or as keys.
func (c *serveConfig) input(ctx context.Context, v settings.Value, path string, link connection, into *[]engine.ComposeInput) {
	var name, source, sub string
	v.At = "paths.*.compose.inputs"
	if v.Mapping() {
		c.Keys(v, map[string]func(settings.Value){"name": c.Text(&name), "source": c.Text(&source), "sub": c.Text(&sub)})
	} else {
		c.Text(&source)(v)
		name, source = splitName(source)
	}
	if source == "" {
		c.Wrong(v, "an input of path %q has no source", path)
		return
	}
	in := engine.ComposeInput{Name: name}
	known := c.named(source)
	if in.Name == "" {
		if in.Name = source; !known && !isName(source) {
			in.Name = fmt.Sprintf("%s-%d", loneCamera, len(*into)+1)
		}
	}
	switch {
	case known && sub != "":
		c.Wrong(v, "%s is a path: it has no smaller stream", source)
	case known:
		in.Path = source
	default:
		in.Camera = c.camera(ctx, v, path, source, sub, link)
		in.Camera.Name, in.Camera.URL = in.Name, named(in.Camera.URL, in.Name)
	}
	*into = append(*into, in)
}

// named reports whether something is, or can be, a path of this file.
func (c *serveConfig) named(source string) bool {
	return !strings.Contains(source, "://") && slices.ContainsFunc(c.names, func(name string) bool { return name == source || access.Matches(name, source) })
}
