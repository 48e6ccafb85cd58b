package engine

import (
	"context"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
)

// Open opens a session with whatever a URL names, as everything here that plays one does.
func Open(ctx context.Context, d Deps, o rtsp.Options) (Session, error) { return d.dial(ctx, o) }

// dial opens a session with whatever a URL names: a test picture, or else a camera. All
// that plays a URL goes this way.
func (d Deps) dial(ctx context.Context, o rtsp.Options) (Session, error) {
	if IsTestSource(o.URL) {
		return d.dialTest(ctx, o)
	}
	if o.Transport == transportTest { // what worked for the camera's other stream
		o.Transport = rtsp.Auto
	}
	return d.Dial(ctx, o)
}

// describe asks for the description of what a URL names.
func (d Deps) describe(ctx context.Context, o rtsp.Options) (rtsp.Description, error) {
	if !IsTestSource(o.URL) {
		return rtsp.Describe(ctx, o)
	}
	began := d.Clock.Now()
	s, err := d.dialTest(ctx, o)
	if err != nil {
		return rtsp.Description{}, err
	}
	defer s.Close()
	stats := s.Stats()
	desc := rtsp.Description{Auth: stats.Auth, Server: stats.Server, Connect: d.Clock.Now().Sub(began)}
	for _, t := range s.Run().Tracks {
		info, err := media.Inspect(t)
		if err != nil {
			return rtsp.Description{}, fault.Because("describe "+o.URL, err)
		}
		desc.Tracks, desc.Infos, desc.Rates = append(desc.Tracks, t), append(desc.Infos, info), append(desc.Rates, 0)
	}
	return desc, nil
}

// checkCameras refuses, before anything is begun, what no later try could make good: test
// pictures that cannot be had.
func (d Deps) checkCameras(cameras ...journal.Camera) error {
	for _, c := range cameras {
		for _, url := range []string{c.URL, c.SubURL} {
			if !IsTestSource(url) {
				continue
			}
			if _, err := parseTestSource(url); err != nil {
				return err
			}
			if err := d.needCodecs("make test pictures"); err != nil {
				return err
			}
		}
	}
	return nil
}
