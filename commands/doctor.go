package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rtsprec/engine"
	"rtsprec/engine/media"
)

func newDoctor(p *process) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor [flags] [DIR]",
		Short: "Show what this machine can do",
		Long: `Show what this machine can do: which codecs decode and encode, in software and
on each device, each really tried; how fast the disk of a directory (without
one: this one) takes what is recorded; whether the clock is right; how large
the buffers of UDP sockets may be, and how many files may be open. It takes a
second or two, and longer where a device has to be tried. What it writes it
removes.`,
		Example: `  rtsprec doctor
  rtsprec doctor /srv/recordings
  rtsprec doctor --json | jq '.checks[] | select(.ok | not)'`,
		ValidArgsFunction: directories(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				args = []string{"."}
			case 1:
			default:
				return usage(cmd.CommandPath()+" DIR", "doctor takes one directory, and got %d", len(args))
			}
			if err := p.checkDir(args[0]); err != nil {
				return err
			}
			return runDoctor(cmd.Context(), p, args[0])
		},
	}
}

func runDoctor(ctx context.Context, p *process, dir string) error {
	report, err := p.Engine.Doctor(ctx, p.deps(nil), engine.DoctorOptions{Dir: dir})
	if report != nil {
		if p.json {
			p.line("doctor", report)
		} else {
			fmt.Fprint(p.Out, doctorText(report))
		}
	}
	return aboutDir(err, dir)
}

// doctorText is the report for people.
func doctorText(r *engine.DoctorReport) string {
	var b strings.Builder
	var t table
	for _, c := range r.Checks {
		state := "ok"
		if !c.OK {
			state = "--"
		}
		t = append(t, []string{c.Name, state, oneLine(c.Text)})
		if c.Hint != "" {
			t = append(t, []string{"", "", "  hint: " + c.Hint})
		}
	}
	b.WriteString(t.text("lll"))
	if len(r.Codecs) == 0 {
		return b.String()
	}
	return b.String() + "\n" + codecTable(r.Codecs)
}

// codecTable is what decodes and encodes each codec, and below it what is what.
func codecTable(ways []engine.DoctorCodecs) string {
	head := []string{"codec"}
	about := table{}
	var codecs []media.Codec
	for _, way := range ways {
		text := way.Detail
		if way.Why != "" {
			text = way.Why
		} else {
			head = append(head, way.Device)
		}
		about = append(about, []string{way.Device, oneLine(text)})
		for _, c := range slices.Concat(way.Decode, way.Encode) {
			if !slices.Contains(codecs, c) {
				codecs = append(codecs, c)
			}
		}
	}
	t := table{head}
	for _, c := range codecs {
		row := []string{string(c)}
		for _, way := range ways {
			if way.Why == "" {
				row = append(row, does(slices.Contains(way.Decode, c), slices.Contains(way.Encode, c)))
			}
		}
		t = append(t, row)
	}
	return t.text(strings.Repeat("l", len(head))) + "\n" + about.text("ll")
}

func does(decode, encode bool) string {
	switch {
	case decode && encode:
		return "decode, encode"
	case decode:
		return "decode"
	case encode:
		return "encode"
	}
	return "-"
}
