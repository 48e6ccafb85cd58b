package commands

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rtsprec/engine"
	"rtsprec/engine/access"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
)

// configText writes a configuration as the file that readConfig reads, with what counts in
// the end. Passwords are left out: what stands for them says so.
func configText(o engine.ServeOptions) string {
	w := &configWriter{}
	w.list("rtsp", o.RTSP)
	w.list("rtsps", o.RTSPS)
	w.list("http", o.HTTP)
	w.list("https", o.HTTPS)
	w.text("ctl", o.Socket)
	w.text("certificate", o.Cert)
	w.text("key", o.Key)
	w.line("udp: %d", o.UDP)
	w.text("multicast", o.Multicast)
	w.list("archives", o.Archives)
	w.line("record:")
	w.text("  dir", o.Record.Dir)
	w.line("  segment: %s", shortSpan(o.Record.Segment))
	w.line("  commit: %s", shortSpan(o.Record.Commit))
	w.line("  fragment: %s", shortSpan(o.Record.Fragment))
	w.line("  queue: %s", sizeText(o.Record.Queue))
	w.line("  backfill_rate: %s", sizeText(o.Record.BackfillRate))
	w.retention(o)
	w.users(o.Users)
	w.line("tries: %d", o.Tries)
	w.line("tries_window: %s", shortSpan(o.TriesWindow))
	w.line("connections: %d", o.Connections)
	w.line("per_address: %d", o.PerAddress)
	w.line("idle: %s", shortSpan(o.Idle))
	w.line("queue: %s", sizeText(o.Queue))
	if o.Latency > 0 {
		w.line("latency: %s", shortSpan(o.Latency))
	}
	w.line("grace: %s", shortSpan(o.Grace))
	w.line("paths:")
	for _, p := range o.Paths {
		w.path(p)
	}
	return w.b.String()
}

type configWriter struct{ b strings.Builder }

func (w *configWriter) line(format string, args ...any) { fmt.Fprintf(&w.b, format+"\n", args...) }

func (w *configWriter) text(key, value string) { w.line("%s: %s", key, strconv.Quote(value)) }

func (w *configWriter) list(key string, values []string) {
	var quoted []string
	for _, v := range values {
		quoted = append(quoted, strconv.Quote(v))
	}
	w.line("%s: [%s]", key, strings.Join(quoted, ", "))
}

func (w *configWriter) retention(o engine.ServeOptions) {
	k := o.Record.Keep
	w.line("retention:")
	bound := func(key, value string) {
		if value != "" && value != "0" {
			w.line("%s: %s", key, value)
		}
	}
	bound("  age", ageText(k.Age))
	bound("  size", sizeText(k.Size))
	bound("  free", sizeText(k.Free))
	w.line("  archives: %t", o.Record.KeepArchives)
	if len(k.Cameras) > 0 {
		w.line("  cameras:")
	}
	for _, name := range slices.Sorted(maps.Keys(k.Cameras)) {
		w.line("    %s:", strconv.Quote(name))
		bound("      age", ageText(k.Cameras[name].Age))
		bound("      size", sizeText(k.Cameras[name].Size))
	}
}

func (w *configWriter) users(users []access.User) {
	w.line("users:")
	var anybody []access.Grant
	for _, u := range users {
		if u.Name == "" {
			anybody = u.Grants
			continue
		}
		w.line("  - name: %s", strconv.Quote(u.Name))
		w.line("    # the password is not shown")
		w.line("    grants:")
		w.grants("      ", u.Grants)
	}
	w.line("anybody:")
	w.grants("  ", anybody)
}

func (w *configWriter) grants(indent string, grants []access.Grant) {
	for _, g := range grants {
		var rights []string
		for _, r := range g.Rights {
			rights = append(rights, string(r))
		}
		w.list(indent+"- paths", g.Paths)
		w.list(indent+"  rights", rights)
	}
}

func (w *configWriter) path(p engine.ServePath) {
	w.line("  %s:", strconv.Quote(p.Name))
	w.line("    record: %v", p.Record)
	if name := p.Adapt.Ladder.Name; name != "" {
		w.text("    adapt", name)
	}
	switch {
	case p.Camera != nil:
		w.source("    ", p.Camera)
	case p.Compose != nil:
		w.compose(p.Compose)
	default:
		return
	}
	if p.Backfill != "" {
		w.text("    backfill", fault.URL(p.Backfill))
	}
	pull := "always"
	if p.OnDemand {
		pull = "on-demand"
	}
	w.line("    pull: %s", pull)
	if p.Idle > 0 {
		w.line("    idle: %s", shortSpan(p.Idle))
	}
}

// source is where a path's camera is.
func (w *configWriter) source(indent string, c *journal.Camera) {
	w.address(indent, c)
	if c.Transport != "" {
		w.line("%stransport: %s", indent, c.Transport)
	}
	w.line("%sinsecure: %v", indent, c.Insecure)
	w.text(indent+"fingerprint", c.Fingerprint)
}

func (w *configWriter) address(indent string, c *journal.Camera) {
	w.text(indent+"source", fault.URL(c.URL))
	if c.SubURL != "" {
		w.text(indent+"sub", fault.URL(c.SubURL))
	}
}

// compose writes what serveConfig.compose reads. How the cameras of a composition are
// reached stands with the path, and is that of the first one.
func (w *configWriter) compose(o *engine.ComposeOptions) {
	first := true
	for _, in := range o.Inputs {
		if c := in.Camera; c != nil && first {
			w.line("    transport: %s", cmp.Or(c.Transport, "auto"))
			w.line("    insecure: %v", c.Insecure)
			first = false
		}
	}
	w.line("    compose:")
	w.text("      layout", o.Layout.Name)
	w.text("      preset", o.Encoder.Name)
	w.line("      inputs:")
	for _, in := range o.Inputs {
		w.text("        - name", in.Name)
		if in.Path != "" {
			w.text("          source", in.Path)
		} else {
			w.address("          ", in.Camera)
		}
	}
	if len(o.Assign) > 0 {
		w.line("      cells:")
	}
	for _, cell := range slices.Sorted(maps.Keys(o.Assign)) {
		w.text("        "+strconv.Quote(cell), o.Assign[cell])
	}
	for _, one := range [][2]string{{"speaker", o.Speaker}, {"audio", o.Audio}, {"label", o.Label}, {"device", o.Device}} {
		if one[1] != "" {
			w.text("      "+one[0], one[1])
		}
	}
	if o.Size.X > 0 {
		w.line("      size: %dx%d", o.Size.X, o.Size.Y)
	}
	if o.FPS > 0 {
		w.line("      fps: %v", o.FPS)
	}
	if o.Bitrate > 0 {
		w.line("      bitrate: %d", o.Bitrate)
	}
	w.line("      latency: %s", cmp.Or(shortSpan(o.Latency), "0"))
}
