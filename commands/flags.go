package commands

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rtsprec/engine"
)

// span is a flag that holds a length of time, see parseSpan. min and max bound it, both
// included; max 0 is no bound.
type span struct {
	d        time.Duration
	min, max time.Duration
}

// String implements pflag.Value, in the form that people type.
func (s *span) String() string { return shortSpan(s.d) }

// Type implements pflag.Value. The word stands in help texts.
func (s *span) Type() string { return "time" }

// Set implements pflag.Value.
func (s *span) Set(text string) error {
	d, err := parseSpan(text)
	switch {
	case err != nil:
		return err
	case d < s.min && s.min <= time.Nanosecond:
		return fmt.Errorf("%s is too short: it must be more than 0", text)
	case d < s.min:
		return fmt.Errorf("%s is too short: at least %s", text, shortSpan(s.min))
	case s.max > 0 && d > s.max:
		return fmt.Errorf("%s is too long: at most %s", text, shortSpan(s.max))
	}
	s.d = d
	return nil
}

// shortSpan is a duration without the zeros: "10m", not "10m0s".
func shortSpan(d time.Duration) string {
	if d == 0 {
		return ""
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// more is the smallest span above zero.
const more = time.Nanosecond

// latencySpan is how long a picture may wait on its way to a viewer.
func latencySpan() span {
	s := noLatency()
	s.d = engine.DefaultLatency
	return s
}

// noLatency is latencySpan where nothing is dropped unless it is given.
func noLatency() span { return span{min: leastLatency, max: mostLatency} }

// The latencies that can be asked for.
const (
	leastLatency = 10 * time.Millisecond
	mostLatency  = time.Minute
)

// moment is a flag that holds an instant.
type moment struct{ instant }

// Type implements pflag.Value. The word stands in help texts.
func (*moment) Type() string { return "clock" }

// Set implements pflag.Value.
func (m *moment) Set(text string) (err error) {
	m.instant, err = parseInstant(text)
	return err
}

// enum is a flag that holds one of a few words. Help, check and completion all come
// from the same list.
type enum[T ~string] struct {
	value  *T
	values []T
}

// String implements pflag.Value.
func (e enum[T]) String() string {
	if e.value == nil {
		return "" // pflag asks a zero value
	}
	return string(*e.value)
}

// Type implements pflag.Value. The word stands in help texts.
func (enum[T]) Type() string { return "word" }

// Set implements pflag.Value.
func (e enum[T]) Set(text string) error {
	word := T(strings.ToLower(text))
	if !slices.Contains(e.values, word) {
		return fmt.Errorf("%q is none of %s", text, e.list())
	}
	*e.value = word
	return nil
}

func (e enum[T]) list() string {
	words := make([]string, len(e.values))
	for i, v := range e.values {
		words[i] = string(v)
	}
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// enumFlag adds a flag of kind enum; value holds the default.
func enumFlag[T ~string](cmd *cobra.Command, value *T, values []T, name, help string) {
	e := enum[T]{value, values}
	cmd.Flags().Var(e, name, help+": "+e.list())
	complete := make([]cobra.Completion, len(values))
	for i, v := range values {
		complete[i] = cobra.Completion(v)
	}
	// It fails only for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(complete, cobra.ShellCompDirectiveNoFileComp))
}

// flagMistake turns what pflag says into a usage error, in words of our own, with the
// right flag for those who come from ffmpeg.
func flagMistake(cmd *cobra.Command, err error) error {
	help := cmd.CommandPath() + " -h"
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		f := e.GetFlag()
		if f.Shorthand == "t" && e.GetValue() == "o" {
			return usage(ffmpegWords["to"], "%s does not know -to", cmd.CommandPath())
		}
		return usage(help, "%s: %v", flagName(f), errors.Unwrap(e))
	}
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := e.GetSpecifiedName()
		if word := e.GetSpecifiedShortnames(); word != "" {
			name = word
		}
		hint, known := ffmpegWords[name]
		if !known {
			hint = help
		}
		dashes := "-"
		if e.GetSpecifiedShortnames() == "" {
			dashes = "--"
		}
		return usage(hint, "%s does not know %s%s", cmd.CommandPath(), dashes, name)
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return usage(help, "%s needs a value", flagName(e.GetFlag()))
	}
	return usage(help, "%v", err)
}

func flagName(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return "-" + f.Shorthand
	}
	return "--" + f.Name
}

// ffmpegWords says what ffmpeg's words are here.
var ffmpegWords = map[string]string{
	"rtsp_transport": "--transport tcp",
	"to":             "-t 45m says how long, --until 10:45 until when",
	"ss":             "--at 09:00 says when to begin",
	"c":              "leave it out: media is copied unless --video and --audio say otherwise",
	"c:v":            "--video copy, h264 or h265",
	"c:a":            "--audio copy, aac or opus",
	"codec":          "leave it out: media is copied unless --video and --audio say otherwise",
	"s":              "--size 1280x720 or 720p",
	"r":              "--fps 25",
	"y":              "leave it out: nothing is ever overwritten; -o wants a new directory",
	"f":              "leave it out: recordings are MP4 segments in a directory",
	"segment_time":   "--segment 10m",
}
