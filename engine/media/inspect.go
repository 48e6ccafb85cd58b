package media

// Info is what a track's configuration says of itself. Zero means "not said".
type Info struct {
	Profile       string  // "High", "Main 10", "AAC-LC", "Advanced Simple"
	Level         string  // "4.1"; H.265 with the tier: "4.1 High"
	Width, Height int     // of the picture after cropping
	FPS           float64 // nominal frames a second; true ones differ, nothing may depend on it
	Interlaced    bool    // fields may occur
	Reorder       int     // pictures that may precede another in decoding and follow it in output; -1: not said
	SampleRate    int     // Hz of decoded sound
	Channels      int
	ObjectType    int // AAC: audio object type (ISO 14496-3 table 1.17)
}

// Inspect decodes a track's configuration, or returns what is known without one. The
// error is that of [ValidConfig].
func Inspect(t Track) (Info, error) {
	return Info{}, nil
}
