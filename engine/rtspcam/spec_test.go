package rtspcam_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
)

func TestEveryFaultParsesAsItsHelpSays(t *testing.T) {
	examples := map[string]string{
		"PERCENT": "1.5%", "N": "3", "TIME": "2s", "RATE": "12.5", "SIZE": "2M", "DATE": "2000-01-01", "PATH": "other", "CODECS": "h265+aac",
	}
	for _, f := range rtspcam.Faults() {
		if f.Help == "" {
			t.Errorf("%s is not explained", f.Name)
		}
		spec := f.Name + "@1s"
		if !f.Instant {
			spec += ":2s/5s"
		}
		if f.Value != "" {
			example, ok := examples[f.Value]
			if !ok {
				example, _, _ = strings.Cut(f.Value, "|")
			}
			spec += "=" + example
		}
		if _, err := rtspcam.New(rtspcam.Options{Paths: map[string]rtspcam.Stream{"x": "pcma"}, Misbehave: spec}); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

func TestAWrongSpecIsRefusedWithItsReason(t *testing.T) {
	for spec, reason := range map[string]string{
		"dorp": "none of that name", "drop@5": "start", "drop@1s:x": "duration", "drop:-1s": "duration", "drop/5s": "duration",
		"drop:5s/2s": "longer", "drop=1": "no value", "loss": "needs a value: loss=PERCENT", "loss=1": "percentage", "loss=101%": "percentage",
		"restart:1s": "instant", "ntp=1984": "none of zero, 1970, 2036", "reorder=0": "65535", "bigunit=1G": "size", "fps=0": "frame rate",
		"clock=yesterday": "date", "tswrap=-2s": "more than nothing", "ppm=NaN": "number",
	} {
		_, err := rtspcam.New(rtspcam.Options{Paths: map[string]rtspcam.Stream{"x": "pcma"}, Misbehave: spec})
		if !fault.Is(err, fault.Usage) || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), spec) {
			t.Errorf("%s: %v", spec, err)
		}
	}
	for _, o := range []rtspcam.Options{
		{}, {Paths: map[string]rtspcam.Stream{"x": "h266"}}, {Paths: map[string]rtspcam.Stream{"x": ""}},
		{Paths: map[string]rtspcam.Stream{"x": "h264,loss"}}, {Paths: map[string]rtspcam.Stream{"x": "h264"}, Auth: "maybe"},
	} {
		if _, err := rtspcam.New(o); !fault.Is(err, fault.Usage) {
			t.Errorf("%v: %v", o, err)
		}
	}
}

func TestEveryCodecHasAClip(t *testing.T) {
	for _, c := range rtspcam.Codecs() {
		if _, err := rtspcam.New(rtspcam.Options{Paths: map[string]rtspcam.Stream{"x": rtspcam.Stream(c[0])}}); err != nil {
			t.Errorf("%s: %v", c[0], err)
		}
	}
}

func TestTheCommandLine(t *testing.T) {
	listen, o, err := rtspcam.ParseFlags([]string{
		"--listen", ":0", "--path", "teacher=h264+aac", "--path", "/board=h265,loss=1%", "--user", "u:p:q", "--misbehave", "drop@1s:2s", "--seed", "7", "--tls",
	}, io.Discard)
	if err != nil || listen != ":0" || o.Paths["teacher"] != "h264+aac" || o.Paths["board"] != "h265,loss=1%" ||
		o.User != "u" || o.Password != "p:q" || o.Misbehave != "drop@1s:2s" || o.Seed != 7 || !o.TLS {
		t.Errorf("%q %+v %v", listen, o, err)
	}
	for _, args := range [][]string{{"--path", "x"}, {"--nothing"}, {"stray"}, {"--seed", "x"}} {
		if _, _, err := rtspcam.ParseFlags(args, io.Discard); !fault.Is(err, fault.Usage) {
			t.Errorf("%v: %v", args, err)
		}
	}
	var help bytes.Buffer
	if _, _, err := rtspcam.ParseFlags([]string{"-h"}, &help); !errors.Is(err, flag.ErrHelp) {
		t.Error(err)
	}
	for _, f := range rtspcam.Faults() {
		if !strings.Contains(help.String(), "\n  "+f.Name) {
			t.Errorf("the help does not name %s", f.Name)
		}
	}
}

func FuzzSpecNeverPanics(f *testing.F) {
	f.Add("drop@5s:3s/10s,loss=1%")
	f.Add("jump@1s:2s=-2h,,")
	f.Fuzz(func(t *testing.T, spec string) {
		_, err := rtspcam.New(rtspcam.Options{Paths: map[string]rtspcam.Stream{"x": "metadata"}, Misbehave: spec})
		if err != nil && !fault.Is(err, fault.Usage) {
			t.Error(err)
		}
	})
}

// Whatever the counter, the time and the sum: no start code comes about, and what is read is what was written.
func FuzzMarksSurviveEveryCodec(f *testing.F) {
	f.Add(uint64(0), int64(0), []byte{1})
	f.Add(uint64(0x0000010000030000), int64(0x0000000300000102), []byte{0})
	f.Fuzz(func(t *testing.T, counter uint64, capture int64, data []byte) {
		m := rtspcam.Mark{Counter: counter, Capture: time.Unix(0, capture)}
		for _, codec := range []media.Codec{media.H264, media.H265, media.MPEG4, media.MJPEG, media.AAC, media.Opus} {
			unit := rtspcam.MarkUnit(codec, m, data)
			got, ok := rtspcam.ReadMark(codec, unit)
			if !ok || got.Counter != counter || !got.Capture.Equal(m.Capture) {
				t.Fatalf("%s: %v %v", codec, got, ok)
			}
			rtspcam.Intact(codec, unit)
			rtspcam.Intact(codec, data)
			if i := bytes.Index(unit, []byte("rtspcam")); codec.NALs() && (bytes.Contains(unit[i:], []byte{0, 0, 1}) || bytes.Contains(unit[i:], []byte{0, 0, 0})) {
				t.Fatalf("%s: a start code in %x", codec, unit)
			}
		}
	})
}
