package web

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"rtsprec/engine/rate"
)

func TestMetricsAndHealthOfARelayTellOfItsTargets(t *testing.T) {
	clock := &still{day}
	hub := &board{}
	spread := rate.Spread{Count: 100, P50: 40, P95: 80, Max: 120, All: 1000, Sum: 50}
	up := TargetState{
		Name: "far", State: "sending", Up: true, Latest: day, Sessions: 2, Units: 900, Sent: 5000, Dropped: 7, Queue: 300, Bitrate: 1.5e6, Delay: spread,
		Adapt: &AdaptState{Step: 2, Name: "720p25", Bitrate: 1_800_000, Capacity: 2_000_000, Changes: 3, Queueing: 30 * time.Millisecond, Loss: 0.01},
	}
	state := State{At: day, Targets: []TargetState{up, {Name: "plain", State: "sending", Up: true, Latest: day}},
		Cameras: []CameraState{{Path: "yard", State: "live", Delays: map[string]rate.Spread{"received": spread, "udp": spread}}}}
	hub.set(state)
	h := NewStatus(Options{Hub: hub, Clock: clock})
	s := httptest.NewServer(h)
	defer s.Close()
	_, _, text := fetch(t, s.URL+"/metrics")
	for _, want := range []string{
		`rtsprec_target_up{target="far"} 1`, `rtsprec_target_state{state="sending",target="far"} 1`, `rtsprec_target_sessions_total{target="far"} 2`,
		`rtsprec_target_sent_bytes_total{target="far"} 5000`, `rtsprec_target_sent_units_total{target="far"} 900`, `rtsprec_target_dropped_units_total{target="far"} 7`,
		`rtsprec_target_queue_bytes{target="far"} 300`, `rtsprec_target_bits_per_second{target="far"} 1.5e+06`,
		`rtsprec_target_delay_seconds{target="far",quantile="0.5"} 0.04`, `rtsprec_target_delay_seconds{target="far",quantile="1"} 0.12`, `rtsprec_target_delay_seconds_count{target="far"} 1000`,
		`rtsprec_target_adapt_step{name="720p25",target="far"} 2`, `rtsprec_target_adapt_bits_per_second{target="far"} 1.8e+06`,
		`rtsprec_target_adapt_capacity_bits_per_second{target="far"} 2e+06`, `rtsprec_target_adapt_changes_total{target="far"} 3`,
		`rtsprec_target_adapt_queueing_seconds{target="far"} 0.03`, `rtsprec_target_adapt_loss_ratio{target="far"} 0.01`,
		`rtsprec_camera_delay_seconds{camera="yard",hop="udp",quantile="0.95"} 0.08`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, none := range []string{`delay_seconds{target="plain"`, `adapt_bits_per_second{target="plain"`} {
		if strings.Contains(text, none) {
			t.Errorf("there is %q", none)
		}
	}
	c := &collector{h, h.seenState("")}
	problems, err := testutil.CollectAndLint(c)
	if err != nil {
		t.Error(err)
	}
	for _, p := range problems {
		if !strings.HasSuffix(p.Metric, "bits_per_second") {
			t.Error(p)
		}
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	if _, err := registry.Gather(); err != nil {
		t.Error(err)
	}

	if code, _, text := fetch(t, s.URL+"/healthz"); code != 200 || strings.Contains(text, "silent") {
		t.Errorf("%d %s", code, text)
	}
	state.Targets[1].State, state.Targets[1].Latest, state.Targets[1].Reason = "retrying", day.Add(-time.Minute), "connection refused"
	hub.set(state)
	if code, _, text := fetch(t, s.URL+"/healthz"); code != 503 || !strings.Contains(text, `"silent":[{"target":"plain","for_s":60,"state":"retrying","reason":"connection refused"}]`) {
		t.Errorf("%d %s", code, text)
	}
	if code, _, _ := fetch(t, s.URL+"/"); code != 404 {
		t.Errorf("the page of a relay: %d", code)
	}
}
