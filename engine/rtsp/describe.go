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

// Describe asks for the description and nothing else.
func Describe(ctx context.Context, o Options) (Description, error) { return Description{}, nil }
