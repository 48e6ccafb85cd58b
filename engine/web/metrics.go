package web

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"rtsprec/engine/fault"
	"rtsprec/engine/rate"
)

// metrics answers Prometheus. A scrape sees the cameras that its user may see.
func (h *Handler) metrics(w http.ResponseWriter, r *http.Request, user string) error {
	s := h.seenState(user)
	if len(s.Cameras) == 0 && user == "" && !h.o.Access.Open() {
		return fault.New(fault.Denied, "log in to see what is here")
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(&collector{h, s})
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true}).ServeHTTP(w, r)
	return nil
}

// collector is a state as metrics. It lives for one scrape: what a camera that is gone
// said last is not told again.
type collector struct {
	h *Handler
	s State
}

// Of cameras; the label is the path that RTSP clients use.
var (
	descUp        = ofCamera("up", "1 while the camera's media arrives.")
	descFPS       = ofCamera("fps", "Pictures a second.")
	descBitrate   = ofCamera("bits_per_second", "Media received, in bits a second.")
	descPackets   = ofCamera("packets_total", "RTP packets received or lost.")
	descLost      = ofCamera("packets_lost_total", "RTP packets lost on the way.")
	descLoss      = ofCamera("loss_ratio", "Lost packets of this session's packets.")
	descReconnect = ofCamera("reconnects_total", "Sessions with the camera after the first.")
	descReaders   = ofCamera("readers", "Clients that are being sent the camera live.")
	descRungs     = ofCamera("adapted_readers", "Clients whose links are followed, by what they are sent: the source, or a step of the ladder.", "rung")
	descEncoders  = ofCamera("encoders", "Encoders that run for clients with narrow links.")
	descChanges   = ofCamera("rung_changes_total", "Changes of what a client with a narrow link is sent.")
	descGaps      = ofCamera("gap_seconds_total", "Time without media, by cause; a gap of two causes counts for both.", "cause")
	descDisk      = ofCamera("disk_age_seconds", "Seconds since bytes of the camera last reached the disk; absent while it is not to be recorded.")
	descBytes     = ofCamera("recorded_bytes", "Bytes on the disk.")
	descCoverage  = ofCamera("coverage_ratio", "Recorded part of the window so far.")
	descDelay     = ofCamera("delay_seconds", "Delay of live media from its capture on, quantiles of the last seconds; hop is received here, or tcp or udp to readers; quantile 1 is the most.", "hop")
	descForecast  = ofCamera("disk_forecast_days", "Days until the camera's disk is full at this pace; absent when it will not be or nobody knows.")
)

// Of the server.
var (
	descBuild    = prometheus.NewDesc("rtsprec_build_info", "1; what is running.", []string{"version"}, nil)
	descSessions = ofServer("sessions", "RTSP sessions that are open.")
	descPlaying  = ofServer("readers", "RTSP sessions that play.")
	descSent     = ofServer("sent_bytes_total", "Bytes sent to clients.")
	descReceived = ofServer("received_bytes_total", "Bytes received from cameras and publishers.")
	descRefused  = ofServer("refused_logins_total", "Logins with a wrong user or password.")
	descHealthy  = ofServer("recording_healthy", "1 while all media that should reaches the disk.")
)

func ofCamera(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("rtsprec_camera_"+name, help, append([]string{"camera"}, labels...), nil)
}

func ofServer(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("rtsprec_"+name, help, nil, nil)
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descUp, descFPS, descBitrate, descPackets, descLost, descLoss, descReconnect, descReaders, descDelay,
		descRungs, descEncoders, descChanges,
		descGaps, descDisk, descBytes, descCoverage, descForecast,
		descBuild, descSessions, descPlaying, descSent, descReceived, descRefused, descHealthy,
	} {
		out <- d
	}
	for _, d := range targetDescs {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	healthy := 1.0
	now := c.h.o.Clock.Wall()
	for _, cam := range c.s.Cameras {
		gauge(descUp, truth(cam.State == "recording" || cam.State == "live"), cam.Path)
		gauge(descFPS, cam.FPS, cam.Path)
		gauge(descBitrate, cam.Bitrate, cam.Path)
		gauge(descLoss, cam.Loss, cam.Path)
		gauge(descReaders, float64(cam.Readers), cam.Path)
		count(descPackets, float64(cam.Packets), cam.Path)
		count(descLost, float64(cam.Lost), cam.Path)
		count(descReconnect, float64(max(cam.Sessions, 1)-1), cam.Path)
		for hop, spread := range cam.Delays {
			out <- summary(descDelay, spread, cam.Path, hop)
		}
		if a := cam.Adapted; a != nil {
			for rung, n := range a.Readers {
				gauge(descRungs, float64(n), cam.Path, rung)
			}
			gauge(descEncoders, float64(a.Encoders), cam.Path)
			count(descChanges, float64(a.Changes), cam.Path)
		}
		rec := cam.Recorded
		if rec == nil {
			continue
		}
		for cause, seconds := range rec.Gaps {
			count(descGaps, seconds, cam.Path, cause)
		}
		gauge(descBytes, float64(rec.Bytes), cam.Path)
		gauge(descCoverage, rec.Coverage, cam.Path)
		if rec.Forecast != nil {
			gauge(descForecast, *rec.Forecast, cam.Path)
		}
		if !rec.Expected.IsZero() {
			since, stale := c.h.stale(cam)
			gauge(descDisk, max(0, now.Sub(since).Seconds()), cam.Path)
			healthy = min(healthy, truth(!stale))
		}
	}
	for _, t := range c.s.Targets {
		t.collect(out, gauge, count)
	}
	gauge(descBuild, 1, c.h.o.Version)
	gauge(descSessions, float64(c.s.Server.Sessions))
	gauge(descPlaying, float64(c.s.Server.Readers))
	gauge(descHealthy, healthy)
	count(descSent, float64(c.s.Server.Sent))
	count(descReceived, float64(c.s.Server.Received))
	count(descRefused, float64(c.s.Server.Refused))
}

// summary is delays as Prometheus has them.
func summary(d *prometheus.Desc, s rate.Spread, labels ...string) prometheus.Metric {
	quantiles := map[float64]float64{0.5: s.P50 / 1000, 0.95: s.P95 / 1000, 1: s.Max / 1000}
	return prometheus.MustNewConstSummary(d, s.All, s.Sum, quantiles, labels...)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
