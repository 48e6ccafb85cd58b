package rtsp

import (
	"context"
	"time"

	"rtsprec/engine/media"
)

// Description is what a peer says about itself, before anything is played. All of it is
// a hint: only what is received is true.
type Description struct {
	Tracks  []media.Track // those that can be recorded
	Infos   []media.Info  // what their configuration says, by TrackID; zero where it says nothing
	Rates   []float64     // frames a second as announced (a=framerate), by TrackID; 0: not said
	Skipped []string      // other media, with the reason
	Auth    string        // see Stats
	Server  string
	Methods []string
	Title   string        // s= of the SDP
	Connect time.Duration // from the start of the connection to the description
	SDP     string        // as received
}

// Describe asks for the description and nothing else. Errors are those of [Dial]. A
// description without known media is no error.
func Describe(ctx context.Context, o Options) (Description, error) {
	o, err := o.filled()
	if err != nil {
		return Description{}, err
	}
	t, err := parseURL(o.URL)
	if err != nil {
		return Description{}, err
	}
	ignore := func(byte, []byte, time.Time) {}
	known := func(byte) bool { return false }
	d, err := describe(ctx, o, t, ignore, known)
	if err != nil {
		return Description{}, err
	}
	defer d.ctl.close("")
	streams, skipped := streamsOf(d.sdp)
	var s Stats
	d.ctl.stats(&s)
	out := Description{
		Skipped: skipped, Auth: s.Auth, Server: s.Server, Methods: s.Methods,
		Title: d.sdp.title, Connect: d.connect, SDP: d.body,
	}
	for _, st := range streams {
		info, err := media.Inspect(st.track)
		if err != nil {
			info = media.Info{}
		}
		out.Tracks = append(out.Tracks, st.track)
		out.Infos = append(out.Infos, info)
		out.Rates = append(out.Rates, st.rate)
	}
	return out, nil
}
