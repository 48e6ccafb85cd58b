package commands

import (
	"context"
	"strings"
	"testing"

	"rtsprec/engine"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// healthy is what doctor finds on a machine with a device.
func healthy() *engine.DoctorReport {
	return &engine.DoctorReport{
		Version: "1.2.3",
		Codecs: []engine.DoctorCodecs{
			{Device: "cuda", Detail: "NVIDIA T4", Decode: []media.Codec{media.H264, media.H265}, Encode: []media.Codec{media.H264}},
			{Device: "vaapi", Why: "no graphics device (no /dev/dri/renderD128)"},
			{Device: "software", Detail: "FFmpeg 7.1.5", Decode: []media.Codec{media.H264, media.AAC}, Encode: []media.Codec{media.AAC}},
		},
		Checks: []engine.DoctorCheck{
			{Name: "codecs", OK: true, Text: "in software and on cuda"},
			{Name: "clock", Text: "not synchronised", Hint: "timedatectl set-ntp true"},
		},
	}
}

func TestDoctorShowsEachCodecAndEachDevice(t *testing.T) {
	f := newFake(t, "doctor")
	f.Engine.Doctor = func(_ context.Context, _ engine.Deps, o engine.DoctorOptions) (*engine.DoctorReport, error) {
		if o.Dir != "." {
			t.Error(o.Dir)
		}
		return healthy(), nil
	}
	f.run(t, 0)
	want := `codecs  ok  in software and on cuda
clock   --  not synchronised
              hint: timedatectl set-ntp true

codec  cuda            software
h264   decode, encode  decode
h265   decode          -
aac    -               decode, encode

cuda      NVIDIA T4
vaapi     no graphics device (no /dev/dri/renderD128)
software  FFmpeg 7.1.5
`
	if got := f.out.String(); got != want {
		t.Errorf("%s\nnot\n%s", got, want)
	}
}

func TestDoctorInJSONHasEverything(t *testing.T) {
	f := newFake(t, "doctor", "--json")
	f.Engine.Doctor = func(context.Context, engine.Deps, engine.DoctorOptions) (*engine.DoctorReport, error) {
		return healthy(), nil
	}
	f.run(t, 0)
	contains(t, f.out.String(), `"type":"doctor"`, `"device":"cuda"`, `"decode":["h264","h265"]`, `"hint":"timedatectl set-ntp true"`, `"disk":{`)
}

func TestDoctorFailsAsTheDiskDoes(t *testing.T) {
	f := newFake(t, "doctor", ".")
	f.Engine.Doctor = func(context.Context, engine.Deps, engine.DoctorOptions) (*engine.DoctorReport, error) {
		return healthy(), fault.New(fault.DiskFailed, "sync .: it smokes")
	}
	f.run(t, 9)
	contains(t, f.err.String(), "it smokes")
	contains(t, f.out.String(), "not synchronised")
	for _, args := range []string{"doctor a b", "doctor nowhere"} {
		f := newFake(t, strings.Fields(args)...)
		f.run(t, 2)
	}
}
