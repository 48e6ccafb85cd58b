package engine

import (
	"fmt"
	"strings"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
)

// described fills in what the peer says of itself.
func (p *prober) described(d rtsp.Description) {
	r := p.report
	r.Server, r.Auth, r.Skipped = d.Server, d.Auth, d.Skipped
	r.Connect = milliseconds(d.Connect)
	for i, t := range d.Tracks {
		r.Tracks = append(r.Tracks, newProbeTrack(t, d.Infos[i]))
	}
}

// newProbeTrack is a track before anything was measured.
func newProbeTrack(t media.Track, info media.Info) ProbeTrack {
	pt := ProbeTrack{
		Codec: t.Codec, Profile: info.Profile, Level: info.Level,
		Width: info.Width, Height: info.Height, NominalFPS: info.FPS,
		Verdict: verdictOn(t, info),
	}
	if !t.Codec.Video() {
		pt.SampleRate, pt.Channels = soundOf(t, info)
	}
	return pt
}

// soundOf prefers what the decoder configuration says to what was announced.
func soundOf(t media.Track, info media.Info) (rate, channels int) {
	rate, channels = t.SampleRate, t.Channels
	if info.SampleRate > 0 {
		rate = info.SampleRate
	}
	if info.Channels > 0 {
		channels = info.Channels
	}
	return rate, channels
}

// measured replaces claims with what the session showed.
func (p *prober) measured(l *look) {
	r, s := p.report, l.stats
	r.FirstByte, r.FirstKey = milliseconds(s.FirstPacket), milliseconds(s.FirstKey)
	r.Skipped = s.Skipped
	r.Tracks = r.Tracks[:0]
	reports := 0
	for i, t := range l.run.Tracks {
		a := &l.analysis.tracks[i]
		t.Config = a.config
		info, err := media.Inspect(t)
		pt := newProbeTrack(t, info)
		if err != nil {
			pt.Verdict = Verdict{Action: "skip", Why: err.Error()}
		}
		p.fill(&pt, t, a, s.Tracks[i])
		reports += pt.Reports
		r.Tracks = append(r.Tracks, pt)
		r.Seconds = max(r.Seconds, a.seconds())
	}
	p.clock(s.Tracks, reports)
	p.socketBuffer(s)
}

// fill puts the measured numbers of one track in, and says what could not be seen.
func (p *prober) fill(pt *ProbeTrack, t media.Track, a *trackAnalysis, s rtsp.TrackStats) {
	pt.Bitrate, pt.Packets, pt.Lost = a.bitrate(), s.Packets, s.Lost
	pt.Jitter, pt.Reports = milliseconds(s.Jitter), int(s.Reports)
	title := t.Codec.Title()
	if a.units == 0 {
		p.unseen("any %s", title)
		if t.Codec.NeedsConfig() && a.config == nil {
			pt.Verdict = Verdict{Action: "skip", Why: "nothing came, and the description lacks its parameters"}
		}
	}
	if !t.Codec.Video() {
		return
	}
	pt.FPS, pt.BFrames = a.fps(), a.bframes
	pt.GOPFrames, pt.GOPSeconds = a.gop()
	switch {
	case a.keys == 0:
		p.unseen("a key frame of the %s", title)
	case a.keys == 1:
		p.unseen("a second key frame of the %s: GOP longer than %.1f s", title, a.seconds())
	}
}

func (p *prober) unseen(format string, args ...any) {
	p.report.Unseen = append(p.report.Unseen, fmt.Sprintf(format, args...))
}

// clock compares clocks by the first track that has sound reports.
func (p *prober) clock(tracks []rtsp.TrackStats, reports int) {
	c := &p.report.Clock
	for _, t := range tracks {
		if t.ClockSound && t.ClockWithin > time.Second {
			c.Note = "too few sender reports yet to tell"
			continue
		}
		if t.ClockSound {
			c.Note = ""
			c.Sound, c.Offset, c.Within = true, milliseconds(t.ClockOffset), milliseconds(t.ClockWithin)
			if off := t.ClockOffset.Abs(); off > time.Second {
				c.Note = fmt.Sprintf("the camera's clock is %s off: set its NTP server", off.Round(time.Second))
			}
			return
		}
	}
	switch {
	case c.Note != "":
	case reports == 0:
		p.unseen("sender reports: sound and picture are aligned by arrival until one comes")
	default:
		c.Note = "sender reports make no sense"
	}
}

func (p *prober) socketBuffer(s rtsp.Stats) {
	if s.SocketBuffer > 0 && s.SocketBuffer < s.SocketWanted {
		p.report.Notes = append(p.report.Notes, fmt.Sprintf("the kernel gives UDP sockets %d KiB, bursts may be lost: sysctl -w net.core.rmem_max=%d",
			s.SocketBuffer>>10, s.SocketWanted))
	}
}

// verdictOn says what recording does with a track, and what its users should know.
func verdictOn(t media.Track, info media.Info) Verdict {
	v := Verdict{Action: "copy"}
	var notes []string
	switch t.Codec {
	case media.PCMA, media.PCMU, media.G722, media.G726, media.L16:
		notes = append(notes, "browsers cannot play it")
	case media.MPEG4, media.MJPEG:
		notes = append(notes, "browsers cannot play it in MP4")
	case media.H265:
		notes = append(notes, "not every browser plays it")
	}
	if info.Interlaced {
		notes = append(notes, "may be interlaced")
	}
	v.Why = strings.Join(notes, "; ")
	return v
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}

// describe is a track in a few words.
func describe(t media.Track) string {
	info, _ := media.Inspect(t)
	title := t.Codec.Title()
	if t.Codec.Video() {
		if info.Width > 0 {
			return fmt.Sprintf("%s %dx%d", title, info.Width, info.Height)
		}
		return title
	}
	rate, channels := soundOf(t, info)
	return fmt.Sprintf("%s %d Hz %d ch", title, rate, channels)
}
