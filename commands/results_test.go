package commands

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

func mkdir(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.Mkdir(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// same fails unless got is want.
func same(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestVerifyListsWhatIsMissingToTheSecond(t *testing.T) {
	f := newFake(t, "verify", "--deep", "out")
	mkdir(t, "out")
	f.Engine.Verify = func(_ context.Context, _ engine.Deps, dir string, o archive.VerifyOptions) (*archive.Report, error) {
		if !o.Deep {
			t.Error("--deep does not arrive")
		}
		half := archive.Coverage{Window: archive.Seconds(time.Hour), Media: archive.Seconds(30 * time.Minute)}
		return &archive.Report{
			Dir: dir, Status: archive.Damaged, State: archive.Interrupted,
			Window: archive.Window{From: noon, To: noon.Add(time.Hour)}, Files: 4, Bytes: 2_000_000_000, Took: 4, Speed: 500e6,
			Cameras: []archive.CameraReport{{Name: "teacher", Segments: 4, Bytes: 2_000_000_000, Units: 45000, Coverage: half, Gaps: []archive.Gap{
				{From: noon.Add(30 * time.Minute), To: noon.Add(time.Hour), Causes: media.Because(media.ProcessDown)},
				{From: noon.Add(59 * time.Minute), To: noon.Add(time.Hour), Unexplained: true},
			}}},
			Findings: []archive.Finding{{
				Kind: archive.ChecksumWrong, Severity: archive.Broken, Camera: "teacher", File: "teacher/a.mp4", Offset: 4096,
				From: noon, To: noon.Add(time.Second), Text: "the bytes are not the ones that were written",
			}},
		}, fault.New(fault.Damaged, "verify out: teacher/a.mp4 is damaged")
	}
	f.run(t, 10)
	same(t, f.out.String(), `out: damaged
  2026-11-22 12:00:00 to 13:00:00 (1:00:00), interrupted
  read 4 files, 2.0 GB in 4 s (500 MB/s)
  camera   coverage  files    size  units  missing        damaged
  teacher    50.0 %      4  2.0 GB  45000  2 gaps, 31:00  -
  teacher  missing  2026-11-22 12:30:00 to 13:00:00, 30:00: process_down
  teacher  missing  2026-11-22 12:59:00 to 13:00:00, 1:00: unexplained
  damaged: teacher/a.mp4: the bytes are not the ones that were written, 2026-11-22 12:00:00 to 12:00:01 (byte 4096)
`)
	contains(t, f.err.String(), "rtsprec: verify out: ", "hint: rtsprec resume --repair out")
}

func TestCleanRecordingIsVerifiedInSilenceButForTheResult(t *testing.T) {
	f := newFake(t, "verify", "--json", "out")
	mkdir(t, "out")
	f.Engine.Verify = func(_ context.Context, _ engine.Deps, dir string, o archive.VerifyOptions) (*archive.Report, error) {
		if o.Progress != nil {
			t.Error("progress beside --json")
		}
		return &archive.Report{Dir: dir, Status: archive.Clean}, nil
	}
	f.run(t, 0)
	contains(t, f.out.String(), `{"type":"verify","time":"2026-11-22T11:00:00Z","dir":"out","status":"clean"`)
	same(t, f.err.String(), "")
}

func TestVerifyShowsHowFarItIs(t *testing.T) {
	f := newFake(t, "verify", "out")
	mkdir(t, "out")
	f.Screen = func() (int, int, bool) { return 80, 24, true }
	f.Engine.Verify = func(_ context.Context, _ engine.Deps, dir string, o archive.VerifyOptions) (*archive.Report, error) {
		o.Progress(0, 1000)
		o.Progress(500, 1000)
		eventually(t, "the bar is at the middle", func() bool {
			o.Progress(500, 1000)
			return strings.Contains(f.err.String(), "50%")
		})
		return &archive.Report{Dir: dir, Status: archive.Clean}, nil
	}
	f.run(t, 0)

	f = newFake(t, "verify", "out")
	mkdir(t, "out")
	f.Engine.Verify = func(_ context.Context, _ engine.Deps, dir string, o archive.VerifyOptions) (*archive.Report, error) {
		for i := range int64(120) {
			f.clock.mu.Lock()
			f.clock.t = f.clock.t.Add(time.Second)
			f.clock.mu.Unlock()
			o.Progress(i*1000, 120_000)
		}
		return &archive.Report{Dir: dir, Status: archive.Clean}, nil
	}
	f.run(t, 0)
	same(t, f.err.String(), "verified 59 kB of 120 kB\nverified 119 kB of 120 kB\n")
}

func TestWhatIsNoRecordingIsWrongUsage(t *testing.T) {
	nothing := fault.New(fault.NotFound, "read the plan")
	for _, args := range []string{"verify out", "resume out"} {
		f := newFake(t, strings.Fields(args)...)
		mkdir(t, "out")
		f.Engine.Verify = func(context.Context, engine.Deps, string, archive.VerifyOptions) (*archive.Report, error) {
			return nil, nothing
		}
		f.Engine.Resume = func(context.Context, engine.Deps, string, engine.ResumeOptions) (*engine.Summary, error) {
			return nil, nothing
		}
		f.run(t, 2)
		same(t, f.err.String(), "rtsprec: out is no recording\nhint: rtsprec ls out\n")
	}
}

func TestListHasARowACamera(t *testing.T) {
	f := newFake(t, "ls")
	list := []archive.Summary{
		{Dir: "a", State: archive.Live, Window: archive.Window{From: noon, To: noon.Add(time.Minute)}, Bytes: 5_000_000, Cameras: []archive.CameraSummary{
			{Name: "left", Bytes: 3_000_000, Coverage: archive.Coverage{Window: 60, Media: 60}},
			{Name: "right", Bytes: 2_000_000, Coverage: archive.Coverage{Window: 60, Media: 30}},
		}},
		{Dir: "b", State: archive.Interrupted, Error: "the plan is damaged"},
		{Dir: "c", State: archive.Closed},
	}
	f.Engine.List = func(_ context.Context, _ engine.Deps, dirs []string) ([]archive.Summary, error) {
		if len(dirs) != 1 || dirs[0] != "." {
			t.Errorf("looks in %q", dirs)
		}
		return list, nil
	}
	f.run(t, 0)
	same(t, f.out.String(), `recording  state        from                 length  camera               coverage    size
a          recording    2026-11-22 12:00:00    1:00  left                    100 %  3.0 MB
                                                     right                  50.0 %  2.0 MB
b          interrupted  -                         -  the plan is damaged               0 B
c          closed       -                         -  -                           -     0 B
`)
	f.Args = []string{"ls", "--json"}
	f.run(t, 0)
	contains(t, f.out.String(), `{"type":"recording","time":"2026-11-22T11:00:00Z","dir":"a","state":"recording"`)
}

func TestResumeTakesOneRecordingOrAll(t *testing.T) {
	f := newFake(t, "resume", "--repair", "out")
	mkdir(t, "out")
	f.Engine.Resume = func(_ context.Context, d engine.Deps, dir string, o engine.ResumeOptions) (*engine.Summary, error) {
		if !o.Repair || o.Grace != engine.DefaultGrace {
			t.Errorf("options %+v", o)
		}
		d.Observe(engine.Repaired{Dir: dir, What: "sealed a.mp4"})
		return &engine.Summary{Dir: dir, Repairs: []string{"sealed a.mp4"}}, nil
	}
	f.run(t, 0)
	contains(t, f.out.String(), "out: nothing recorded\n  repaired: sealed a.mp4\n")

	f = newFake(t, "resume", "--all", "root")
	mkdir(t, "root")
	f.Engine.ResumeAll = func(_ context.Context, _ engine.Deps, root string, o engine.ResumeOptions) ([]*engine.Summary, error) {
		return []*engine.Summary{{Dir: root + "/a"}, {Dir: root + "/b"}}, nil
	}
	f.run(t, 0)
	contains(t, f.out.String(), "root/a: nothing recorded", "root/b: nothing recorded")
}

// garden is a camera as Probe sees it.
func garden() *engine.ProbeReport {
	return &engine.ProbeReport{
		Name: "garden", URL: "rtsp://admin:***@192.168.1.10/live", Server: "Hipcam", Auth: "Digest MD5",
		Transports: []engine.ProbeTransport{{Name: "udp", Works: true}, {Name: "tcp", Works: true}},
		Connect:    12.3, FirstByte: 35, FirstKey: 412, Seconds: 4.5,
		Tracks: []engine.ProbeTrack{
			{Codec: media.H264, Profile: "High", Level: "4.0", Width: 1920, Height: 1080, FPS: 12.5, NominalFPS: 25, GOPFrames: 50, GOPSeconds: 4,
				Bitrate: 4_100_000, Packets: 2000, Lost: 3, Jitter: 1.25, Verdict: engine.Verdict{Action: "copy"}},
			{Codec: media.PCMA, SampleRate: 8000, Channels: 1, Bitrate: 64000, Packets: 50,
				Verdict: engine.Verdict{Action: "copy", Why: "browsers need another codec"}},
		},
		Skipped: []string{"ONVIF metadata"},
		Clock:   engine.ProbeClock{Sound: true, Offset: -3_600_000, Within: 5},
	}
}

func TestProbeShowsOneCameraTopToBottom(t *testing.T) {
	same(t, probeText([]*engine.ProbeReport{garden()}, 80), `camera           garden
url              rtsp://192.168.1.10/live
server           Hipcam
login            Digest MD5
transport        udp, tcp
answer after     12 ms
first packet     35 ms
first key frame  412 ms
video            H.264 High 4.0 1920x1080
  verdict        copy
  frame rate     12.5 fps, and claims 25
  key frame      every 4 s (50 frames)
  bitrate        4.1 Mbit/s
  packets        2000, 3 lost, jitter 1.2 ms
sound            G.711 A-law 8000 Hz 1 channel
  verdict        copy: browsers need another codec
  bitrate        64 kbit/s
  packets        50, 0 lost
not recorded     ONVIF metadata
clock            1:00:00 behind, within 5.0 ms
watched for      4.5 s
`)
}

func TestProbeShowsCamerasSideBySideAndMarksWhatWasNotSeen(t *testing.T) {
	dark := &engine.ProbeReport{
		Name: "dark", URL: "rtsp://192.168.1.11/live", Auth: "none",
		Transports: []engine.ProbeTransport{{Name: "udp", Why: "no media came"}, {Name: "tcp", Works: true}},
		Tracks:     []engine.ProbeTrack{{Codec: media.H265, Width: 3840, Height: 2160, NominalFPS: 25, Verdict: engine.Verdict{Action: "copy"}}},
		Unseen:     []string{"a second key frame"},
	}
	off := &engine.ProbeReport{Name: "off", URL: "rtsp://192.168.1.12/live", Kind: "unreachable", Error: "connect to 192.168.1.12: connection refused"}
	text := probeText([]*engine.ProbeReport{garden(), dark, off}, 100)
	for _, line := range strings.Split(text, "\n") {
		if len(line) > 100 {
			t.Errorf("%d characters: %s", len(line), line)
		}
	}
	contains(t, regexp.MustCompile(` +`).ReplaceAllString(text, " "),
		"camera garden dark off\n",
		" frame rate 12.5 fps, and claims 25 not seen (claims 25)\n",
		" key frame every 4 s (50 frames) not seen\n",
		"\nnot seen a second key frame\n",
		"\ntransport udp, tcp not udp (no media came),\n tcp\n",
		"\nerror connect to 192.168.1.12:\n connection refused\n",
	)
}

func TestSoakIsJudged(t *testing.T) {
	r := garden()
	r.Soak = &engine.ProbeSoak{Seconds: 60, LongestGap: 1234, MinFPS: 11, MaxFPS: 13, MaxBitrate: 8e6, GOPMin: 25, GOPMax: 50, Sessions: 1, Lost: 1, DriftPPM: -12.3, Verdict: "usable", Why: []string{"lost packets"}}
	contains(t, probeText([]*engine.ProbeReport{r}, 80), "soak             usable over 1:00\n", "  because        lost packets\n",
		"  longest gap    1234 ms\n", "  key frame      every 25 to 50 frames\n", "  lost           1 packet\n", "  clock drift    -12.3 ppm\n")
}

func TestWhatIsSaidTwiceIsSaidOnce(t *testing.T) {
	same(t, trackTitle(engine.ProbeTrack{Codec: media.AAC, Profile: "AAC-LC", SampleRate: 48000, Channels: 2}), "AAC-LC 48000 Hz 2 channels")
	same(t, rangeText(25, 25), "25")
	same(t, rangeText(24.5, 25), "24.5 to 25")
}

func TestProbeHandsOnWhatWasTypedAndPrintsReportsBesideAnError(t *testing.T) {
	f := newFake(t, "probe", "a=rtsp://h/1", "rtsp://h/2", "--soak", "60", "--max", "5s", "--transport", "udp")
	f.Screen = func() (int, int, bool) { return 80, 24, true }
	f.Engine.Probe = func(_ context.Context, _ engine.Deps, o engine.ProbeOptions) ([]*engine.ProbeReport, error) {
		if len(o.Cameras) != 2 || o.Cameras[0].Name != "a" || o.Cameras[1].Transport != "udp" || o.Soak != time.Minute || o.Max != 5*time.Second || o.Quick {
			t.Errorf("options %+v", o)
		}
		eventually(t, "it is said what is waited for", func() bool { return strings.Contains(f.err.String(), "watching 2 cameras") })
		return []*engine.ProbeReport{garden(), {Name: "camera-2", Error: "nobody answers"}}, fault.New(fault.Unreachable, "nobody answers")
	}
	f.run(t, 4)
	contains(t, f.out.String(), "garden", "nobody answers")
	contains(t, f.err.String(), "rtsprec: nobody answers\nhint: ")

	f = newFake(t, "probe", "rtsp://h/1", "--json", "--quick")
	f.Engine.Probe = func(_ context.Context, d engine.Deps, o engine.ProbeOptions) ([]*engine.ProbeReport, error) {
		d.Observe(engine.Notice{Message: "x"})
		return []*engine.ProbeReport{garden()}, nil
	}
	f.run(t, 0)
	contains(t, f.out.String(), `{"type":"notice",`, `{"type":"probe","time":"2026-11-22T11:00:00Z","name":"garden"`)
}

func TestSizesAndRatesAreRoundedForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 12_345: "12 kB", 999_600: "1.0 MB", 4_000_000_000: "4.0 GB", 2e15: "2000 TB"} {
		same(t, bytesText(n), want)
	}
	for share, want := range map[float64]string{0: "0 %", 1: "100 %", 0.99999: "99.99 %", 0.00001: "0.01 %", 0.5: "50.0 %", 0.9951: "99.51 %", 0.001: "0.10 %"} {
		same(t, percentText(share), want)
	}
	for d, want := range map[time.Duration]string{0: "0 s", 250 * time.Millisecond: "0.25 s", 3 * time.Second: "3 s", 20 * time.Second: "20 s", 4 * time.Millisecond: "4 ms", time.Microsecond: "1 ms", 10 * time.Second: "10 s", 59999 * time.Millisecond: "59.9 s", time.Minute: "1:00", -2 * time.Hour: "-2:00:00"} {
		same(t, spanText(d), want)
	}
	for d, want := range map[time.Duration]string{10 * time.Minute: "10m", time.Second: "1s", 2 * time.Hour: "2h", 90 * time.Second: "1m30s", 0: ""} {
		same(t, shortSpan(d), want)
	}
}
