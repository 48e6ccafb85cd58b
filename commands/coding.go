package commands

import (
	"fmt"
	"image"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rtsprec/engine"
)

// codingFlags say what is coded anew, and how.
type codingFlags struct {
	video, audio engine.Coding
	size         box
	fps          pace
	preset       string
	device       device
	flags        *cobra.Command
}

// addCoding adds --size, --fps, --preset and --device: everything but what is coded.
func (c *codingFlags) addCoding(cmd *cobra.Command, p *process) {
	c.flags = cmd
	cmd.Flags().Var(&c.size, "size", "re-encoded pictures: the box they fit, 1280x720 or 720p; never enlarged")
	cmd.Flags().Var(&c.fps, "fps", "re-encoded pictures: at most so many a second")
	if c.preset == "" {
		c.preset = defaultPreset
	}
	encoderFlag(cmd, p, &c.preset)
	deviceFlag(cmd, &c.device)
	noFileCompletion(cmd, "fps")
	_ = cmd.RegisterFlagCompletionFunc("size", cobra.FixedCompletions([]cobra.Completion{"1080p", "720p", "540p", "360p"}, cobra.ShellCompDirectiveNoFileComp))
}

// addVideo and addAudio add --video and --audio; the values hold the defaults.
func (c *codingFlags) addVideo(cmd *cobra.Command, fallback engine.Coding) {
	c.video = fallback
	enumFlag(cmd, &c.video, engine.VideoCodings, "video", "what pictures are written as")
}

func (c *codingFlags) addAudio(cmd *cobra.Command, fallback engine.Coding) {
	c.audio = fallback
	enumFlag(cmd, &c.audio, engine.AudioCodings, "audio", "what sound is written as")
}

// soundFlag is --audio of export: what sound is written as, or the camera whose sound is
// taken; given twice, both.
type soundFlag struct {
	coding *engine.Coding
	camera *string
}

// String implements pflag.Value.
func (s soundFlag) String() string {
	if s.coding == nil {
		return ""
	}
	return string(*s.coding)
}

// Type implements pflag.Value. The word stands in help texts.
func (soundFlag) Type() string { return "word" }

// Set implements pflag.Value.
func (s soundFlag) Set(text string) error {
	if word := engine.Coding(strings.ToLower(text)); slices.Contains(engine.AudioCodings, word) {
		*s.coding = word
		return nil
	}
	*s.camera = text
	return nil
}

func (s soundFlag) add(cmd *cobra.Command) {
	e := enum[engine.Coding]{values: engine.AudioCodings}
	cmd.Flags().Var(s, "audio", "what sound is written as: "+e.list()+"; or a camera, whose sound every picture gets")
	_ = cmd.RegisterFlagCompletionFunc("audio", cobra.FixedCompletions([]cobra.Completion{"copy", "auto", "aac", "opus"}, cobra.ShellCompDirectiveNoFileComp))
}

// The encoder's settings where none are named: of what is kept, and of what is watched
// meanwhile, which starts quickly and has no picture that waits for a later one. Such
// pictures come without a decoding time over RTSP, and not every reader can make it up.
const (
	defaultPreset = "lecture"
	livePreset    = "meeting"
)

// options reads the flags; what copies everything is the zero value. Who asks for a size, a pace or a preset wants pictures
// re-encoded, unless --video says otherwise.
func (c *codingFlags) options(p *process) (engine.TranscodeOptions, error) {
	o := engine.TranscodeOptions{Video: c.video, Audio: c.audio, Size: c.size.Point, FPS: float64(c.fps), Device: string(c.device)}
	said := func(flag string) bool { return c.flags != nil && c.flags.Flags().Changed(flag) }
	shaped := said("size") || said("fps") || said("preset")
	if shaped && said("video") && c.video == engine.Copy {
		return o, usage("--video h264, or leave --size, --fps and --preset out", "pictures that are copied stay as they are")
	}
	if !shaped && c.video == engine.Copy && c.audio == engine.Copy {
		return engine.TranscodeOptions{}, nil
	}
	var err error
	if o.Encoder, err = p.encoder(c.preset); err != nil {
		return o, err
	}
	if shaped && !said("video") {
		o.Video = engine.ToH264
		if own := engine.Coding(o.Encoder.Video); slices.Contains(engine.VideoCodings, own) {
			o.Video = own
		}
	}
	return o, nil
}

// copies reports whether nothing is re-encoded, whatever comes.
func copies(o engine.TranscodeOptions) bool { return o.Video == "" && o.Audio == "" }

// box is a flag that holds a size of pictures: 1280x720, or 720p for the height alone.
type box struct{ image.Point }

var boxes = regexp.MustCompile(`^(?:(\d{1,5})[x×](\d{1,5})|(\d{1,5})p)$`)

// String implements pflag.Value.
func (b *box) String() string {
	switch {
	case b.X == 0 && b.Y == 0:
		return ""
	case b.X == 0:
		return fmt.Sprintf("%dp", b.Y)
	}
	return fmt.Sprintf("%dx%d", b.X, b.Y)
}

// Type implements pflag.Value. The word stands in help texts.
func (*box) Type() string { return "size" }

// Set implements pflag.Value.
func (b *box) Set(text string) error {
	m := boxes.FindStringSubmatch(strings.ToLower(strings.TrimSpace(text)))
	if m == nil {
		return fmt.Errorf("%q is no size of pictures: say 1280x720 or 720p", text)
	}
	width, _ := strconv.Atoi(m[1])
	height, _ := strconv.Atoi(m[2] + m[3])
	if height < 16 || width > 8192 || height > 8192 || m[1] != "" && width < 16 {
		return fmt.Errorf("%q: a side has 16 to 8192 pixels", text)
	}
	b.Point = image.Pt(width, height)
	return nil
}

// pace is a flag that holds pictures a second: 25, 12.5 or 30000/1001.
type pace float64

// String implements pflag.Value.
func (f *pace) String() string {
	if *f == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(*f), 'g', 6, 64)
}

// Type implements pflag.Value. The word stands in help texts.
func (*pace) Type() string { return "number" }

// Set implements pflag.Value.
func (f *pace) Set(text string) error {
	above, below, ratio := strings.Cut(strings.TrimSpace(text), "/")
	v, err := strconv.ParseFloat(above, 64)
	if ratio && err == nil {
		var by float64
		if by, err = strconv.ParseFloat(below, 64); err == nil {
			v /= by
		}
	}
	if err != nil || !(v >= 0.1 && v <= 240) {
		return fmt.Errorf("%q is no number of pictures a second: say 25, 12.5 or 30000/1001, from 0.1 to 240", text)
	}
	*f = pace(v)
	return nil
}

// tempDir is where files go that nobody is meant to see.
func (p *process) tempDir() string {
	if dir, set := p.Env("TMPDIR"); set && dir != "" {
		return dir
	}
	return os.TempDir()
}
