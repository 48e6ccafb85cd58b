package web

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"rtsprec/engine/fault"
)

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// nothing is a library without recordings.
type nothing struct{}

func (nothing) Recordings(context.Context) ([]Recording, error) { return nil, nil }
func (nothing) Timeline(_ context.Context, camera string, _, _ time.Time) (Timeline, error) {
	return Timeline{Camera: camera}, nil
}
func (nothing) Pieces(context.Context, string, string, time.Time, time.Time) ([]Piece, []string, error) {
	return nil, nil, fault.New(fault.NotFound, "nothing")
}
func (nothing) Live(context.Context, string, uint64, int) (*Window, error) {
	return nil, fault.New(fault.NotFound, "nothing")
}
func (nothing) Open(context.Context, string, string, string) (Body, error) {
	return nil, fault.New(fault.NotFound, "nothing")
}
func (nothing) Clip(context.Context, string, string, time.Time, time.Time) (*Clip, error) {
	return nil, fault.New(fault.NotFound, "nothing")
}

func TestMetricsTellHowRecordingStands(t *testing.T) {
	clock := &still{day}
	hub := &board{}
	lost := CameraState{Path: "gate", State: "retrying", Sessions: 0, Recorded: &Recorded{Camera: "class/gate", Expected: day.Add(-time.Minute), Gaps: map[string]float64{}}}
	hub.set(State{At: day, Cameras: []CameraState{recording(day), lost, {Path: "hall", State: "live"}},
		Server: ServerState{Sessions: 4, Readers: 3, Sent: 1000, Received: 2000, Refused: 5}})
	h := New(Options{Library: nothing{}, Hub: hub, Clock: clock, Version: "1.2.3"})
	want := `
# HELP rtsprec_build_info 1; what is running.
# TYPE rtsprec_build_info gauge
rtsprec_build_info{version="1.2.3"} 1
# HELP rtsprec_camera_coverage_ratio Recorded part of the window so far.
# TYPE rtsprec_camera_coverage_ratio gauge
rtsprec_camera_coverage_ratio{camera="gate"} 0
rtsprec_camera_coverage_ratio{camera="teacher"} 0.998
# HELP rtsprec_camera_disk_age_seconds Seconds since bytes of the camera last reached the disk; absent while it is not to be recorded.
# TYPE rtsprec_camera_disk_age_seconds gauge
rtsprec_camera_disk_age_seconds{camera="gate"} 60
rtsprec_camera_disk_age_seconds{camera="teacher"} 1
# HELP rtsprec_camera_disk_forecast_days Days until the camera's disk is full at this pace; absent when it will not be or nobody knows.
# TYPE rtsprec_camera_disk_forecast_days gauge
rtsprec_camera_disk_forecast_days{camera="teacher"} 12.5
# HELP rtsprec_camera_gap_seconds_total Time without media, by cause; a gap of two causes counts for both.
# TYPE rtsprec_camera_gap_seconds_total counter
rtsprec_camera_gap_seconds_total{camera="teacher",cause="loss"} 2.5
rtsprec_camera_gap_seconds_total{camera="teacher",cause="unreachable"} 10
# HELP rtsprec_camera_reconnects_total Sessions with the camera after the first.
# TYPE rtsprec_camera_reconnects_total counter
rtsprec_camera_reconnects_total{camera="gate"} 0
rtsprec_camera_reconnects_total{camera="hall"} 0
rtsprec_camera_reconnects_total{camera="teacher"} 2
# HELP rtsprec_camera_up 1 while the camera's media arrives.
# TYPE rtsprec_camera_up gauge
rtsprec_camera_up{camera="gate"} 0
rtsprec_camera_up{camera="hall"} 1
rtsprec_camera_up{camera="teacher"} 1
# HELP rtsprec_readers RTSP sessions that play.
# TYPE rtsprec_readers gauge
rtsprec_readers 3
# HELP rtsprec_received_bytes_total Bytes received from cameras and publishers.
# TYPE rtsprec_received_bytes_total counter
rtsprec_received_bytes_total 2000
# HELP rtsprec_recording_healthy 1 while all media that should reaches the disk.
# TYPE rtsprec_recording_healthy gauge
rtsprec_recording_healthy 0
# HELP rtsprec_refused_logins_total Logins with a wrong user or password.
# TYPE rtsprec_refused_logins_total counter
rtsprec_refused_logins_total 5
# HELP rtsprec_sessions RTSP sessions that are open.
# TYPE rtsprec_sessions gauge
rtsprec_sessions 4
`
	c := &collector{h, h.seenState("")}
	names := []string{"rtsprec_build_info", "rtsprec_camera_coverage_ratio", "rtsprec_camera_disk_age_seconds", "rtsprec_camera_disk_forecast_days",
		"rtsprec_camera_gap_seconds_total", "rtsprec_camera_reconnects_total", "rtsprec_camera_up", "rtsprec_readers", "rtsprec_received_bytes_total",
		"rtsprec_recording_healthy", "rtsprec_refused_logins_total", "rtsprec_sessions"}
	if err := testutil.CollectAndCompare(c, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
	// Prometheus' own judgement of names and help texts, and that every metric is described.
	problems, err := testutil.CollectAndLint(c)
	if err != nil {
		t.Error(err)
	}
	for _, p := range problems {
		// People speak of a camera's bits a second, and of days until a disk is full.
		if p.Metric != "rtsprec_camera_bits_per_second" && p.Metric != "rtsprec_camera_disk_forecast_days" {
			t.Error(p)
		}
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	if _, err := registry.Gather(); err != nil {
		t.Error(err)
	}
	s := serve(t, Options{Library: nothing{}, Hub: hub, Clock: clock})
	for _, want := range []string{"rtsprec_camera_fps{camera=\"teacher\"} 25", "rtsprec_camera_bits_per_second{camera=\"teacher\"} 4e+06",
		"rtsprec_camera_loss_ratio{camera=\"teacher\"} 0.007", "rtsprec_camera_packets_lost_total{camera=\"teacher\"} 7", "rtsprec_sent_bytes_total "} {
		if _, header, text := fetch(t, s.URL+"/metrics"); !strings.Contains(text, want) || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
