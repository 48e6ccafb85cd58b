// Command bench measures rtsprec against ffmpeg on one machine in one run, and prints
// a table and JSON. It starts the scripted camera, the recorder and ffmpeg as processes
// of their own, so that what is counted is what a user's machine would spend.
//
//	go run ./cmd/bench [-time 30s] [-json FILE] [-only NAME,...]
//
// It needs bin/rtsprec and bin/rtspcam (make build), ffmpeg, and a Go tool for the
// split by part. Numbers are compared as ratios within the run: absolute ones depend on
// the machine and on what else it does.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Result is one line of the table.
type Result struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Want  string  `json:"want,omitempty"` // what it must be, for people
	Met   *bool   `json:"met,omitempty"`
	Note  string  `json:"note,omitempty"`
}

// bench is one run: where things are and what was measured.
type bench struct {
	bin     string // folder of rtsprec and rtspcam
	dir     string // scratch, removed at the end
	time    time.Duration
	reports string // folder for what adapting relays report; empty: nowhere
	results []Result
}

// add notes a number that must not be above most.
func (b *bench) add(name string, value float64, unit, want string, met bool, note string) {
	b.results = append(b.results, Result{Name: name, Value: value, Unit: unit, Want: want, Met: &met, Note: note})
	b.show(b.results[len(b.results)-1])
}

// info notes a number without a bound.
func (b *bench) info(name string, value float64, unit, note string) {
	b.results = append(b.results, Result{Name: name, Value: value, Unit: unit, Note: note})
	b.show(b.results[len(b.results)-1])
}

// unmeasured notes what this machine cannot measure.
func (b *bench) unmeasured(name, why string) {
	b.results = append(b.results, Result{Name: name, Note: "not measured: " + why})
	fmt.Printf("-- %-44s not measured: %s\n", name, why)
}

func (b *bench) show(r Result) {
	mark := " "
	if r.Met != nil {
		mark = "ok"
		if !*r.Met {
			mark = "NO"
		}
	}
	fmt.Printf("%-2s %-44s %10.3f %-10s %-14s %s\n", mark, r.Name, r.Value, r.Unit, r.Want, r.Note)
}

// parts are the measurements, in order.
var parts = []struct {
	name string
	run  func(*bench) error
}{
	{"record", (*bench).record},
	{"kill", (*bench).kill},
	{"outage", (*bench).outage},
	{"verify", (*bench).verify},
	{"year", (*bench).year},
	{"timeline", (*bench).timeline},
	{"clip", (*bench).clip},
	{"export", (*bench).export},
	{"serve", (*bench).serve},
	{"relay", (*bench).relay},
	{"backfill", (*bench).backfill},
	{"transcode", (*bench).transcode},
	{"compose", (*bench).compose},
	{"pip", (*bench).pip},
	{"compose-live", (*bench).composeLive},
	{"compose-recorded", (*bench).composeRecorded},
	{"latency", (*bench).latency},
	{"adapt", (*bench).adapt},
	{"adapt-lossy", (*bench).adaptLossy},
	{"hardware", (*bench).hardware},
}

func main() {
	if err := choose(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// choose runs the benchmark, or is the bare relay, the decoders or the peer that it starts.
func choose(args []string) error {
	if len(args) == 2 && args[0] == "bare" {
		return bare(args[1])
	}
	if len(args) == 2 && args[0] == "swallow" {
		return swallow(args[1])
	}
	if len(args) == 4 && args[0] == "decode" {
		return decode(args[1], args[2], args[3])
	}
	return run()
}

func run() error {
	b := &bench{}
	flag.DurationVar(&b.time, "time", 30*time.Second, "how long each recording runs")
	flag.StringVar(&b.bin, "bin", "bin", "folder of rtsprec and rtspcam")
	out := flag.String("json", "", "also write the results to this file (- for standard output)")
	only := flag.String("only", "", "comma-separated parts: record, kill, outage, verify, year, timeline, clip, export, serve, relay, backfill, transcode, compose, pip, compose-live, compose-recorded, latency, adapt, adapt-lossy, hardware")
	flag.StringVar(&b.reports, "reports", "", "folder in which the pictures of adapt are kept")
	flag.Parse()
	var err error
	if b.bin, err = filepath.Abs(b.bin); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "rtsprec-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	for _, p := range parts {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), p.name) {
			continue
		}
		if err := p.run(b); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return b.writeJSON(*out)
}

func (b *bench) writeJSON(name string) error {
	text, err := json.MarshalIndent(b.results, "", "  ")
	if err != nil {
		return err
	}
	if name != "" && name != "-" {
		return os.WriteFile(name, append(text, '\n'), 0o644)
	}
	fmt.Println(string(text))
	return nil
}
