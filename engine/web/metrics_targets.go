package web

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Of targets; the label is the name that the relay was given for it.
var (
	descTargetUp       = ofTarget("up", "1 while the target takes the stream.")
	descTargetState    = ofTarget("state", "1; how sending stands.", "state")
	descTargetSessions = ofTarget("sessions_total", "Sessions with the target.")
	descTargetSent     = ofTarget("sent_bytes_total", "Bytes of RTP sent.")
	descTargetUnits    = ofTarget("sent_units_total", "Pictures and frames of sound sent.")
	descTargetDropped  = ofTarget("dropped_units_total", "Pictures and frames of sound that were left out: there was no room for them, or they were late.")
	descTargetQueue    = ofTarget("queue_bytes", "Bytes that wait to be sent.")
	descTargetRate     = ofTarget("bits_per_second", "Media sent, in bits a second.")
	descTargetDelay    = ofTarget("delay_seconds", "Delay from capture until media was with the kernel, quantiles of the last seconds; quantile 1 is the most.")
	descTargetStep     = ofTarget("adapt_step", "Step of the ladder that is sent; 0 is the source itself. Absent where nothing adapts.", "name")
	descTargetAllowed  = ofTarget("adapt_bits_per_second", "Bits a second that the link is given.")
	descTargetFull     = ofTarget("adapt_capacity_bits_per_second", "Bits a second at which the link was last seen full; 0 is never.")
	descTargetChanges  = ofTarget("adapt_changes_total", "Changes of the step.")
	descTargetQueueing = ofTarget("adapt_queueing_seconds", "How long what is sent waits on its way.")
	descTargetLoss     = ofTarget("adapt_loss_ratio", "Packets lost of those sent, as the target reports.")
)

var targetDescs = []*prometheus.Desc{
	descTargetUp, descTargetState, descTargetSessions, descTargetSent, descTargetUnits, descTargetDropped, descTargetQueue, descTargetRate,
	descTargetDelay, descTargetStep, descTargetAllowed, descTargetFull, descTargetChanges, descTargetQueueing, descTargetLoss,
}

func ofTarget(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("rtsprec_target_"+name, help, append([]string{"target"}, labels...), nil)
}

// told is how a metric is told.
type told func(d *prometheus.Desc, v float64, labels ...string)

func (t TargetState) collect(out chan<- prometheus.Metric, gauge, count told) {
	gauge(descTargetUp, truth(t.Up), t.Name)
	gauge(descTargetState, 1, t.Name, t.State)
	count(descTargetSessions, float64(t.Sessions), t.Name)
	count(descTargetSent, float64(t.Sent), t.Name)
	count(descTargetUnits, float64(t.Units), t.Name)
	count(descTargetDropped, float64(t.Dropped), t.Name)
	gauge(descTargetQueue, float64(t.Queue), t.Name)
	gauge(descTargetRate, t.Bitrate, t.Name)
	if t.Delay.Count > 0 {
		out <- summary(descTargetDelay, t.Delay, t.Name)
	}
	if a := t.Adapt; a != nil {
		gauge(descTargetStep, float64(a.Step), t.Name, a.Name)
		gauge(descTargetAllowed, float64(a.Bitrate), t.Name)
		gauge(descTargetFull, float64(a.Capacity), t.Name)
		gauge(descTargetQueueing, a.Queueing.Seconds(), t.Name)
		gauge(descTargetLoss, a.Loss, t.Name)
		count(descTargetChanges, float64(a.Changes), t.Name)
	}
}
