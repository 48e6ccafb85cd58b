package rtsp

import (
	"errors"
	"io"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"rtsprec/engine/fault"
)

// ReplayRequest asks a peer for a part of its own recording. It travels over TCP whatever
// Options.Transport says, as fast as it can be taken: a full queue stops the peer instead
// of dropping. Next returns io.EOF at the end of the range, whether or not the peer ends
// there by itself.
//
// A unit's Wall is the time that the peer says, however far that is from now: from the
// ONVIF replay header extension where the peer sends it, else from its sender reports,
// else counted from where the peer says that it begins.
type ReplayRequest struct {
	From, To time.Time     // on the host's clock, From before To
	Plain    bool          // ask without the ONVIF replay extension, which is tried first otherwise
	Live     bool          // the address plays by itself: no Range is asked for
	Rate     int64         // bytes a second to be taken at most; 0: as fast as they come
	Zone     time.Duration // how far the peer's clock is ahead: added when asking, taken off what it says
}

// clientReplay is what a session that replays knows beside a live one.
type clientReplay struct {
	ReplayRequest
	onvif   bool          // asked with the feature tag, and not refused
	capture bool          // the description says that sender reports are capture times
	owed    time.Duration // by which the peer was faster than Rate
	seen    time.Time     // when that was last reckoned
}

// openReplay prepares a session that replays. It changes nothing of a live one.
func (c *Client) openReplay() {
	if c.o.Replay == nil {
		return
	}
	c.replay = &clientReplay{ReplayRequest: *c.o.Replay, onvif: !c.o.Replay.Plain && !c.o.Replay.Live}
}

// require adds the feature tag to a SETUP or PLAY.
func (c *Client) require(header map[string]string) {
	if c.replay != nil && c.replay.onvif {
		header["Require"] = featureReplay
	}
}

// lacks reports whether a request was refused because the peer does not know ONVIF
// replay, and goes on without it then.
func (c *Client) lacks(err error) bool {
	if c.replay == nil || !c.replay.onvif || !refusesFeature(err) {
		return false
	}
	c.replay.onvif = false
	return true
}

// refusesFeature reports whether an answer may be one to a feature tag: not everybody who
// does not know it says 551.
func refusesFeature(err error) bool {
	var status *statusError
	return errors.As(err, &status) && slices.Contains([]int{551, 501, 400, 456, 505}, status.code)
}

// playHeader is what PLAY asks for.
func (c *Client) playHeader() map[string]string {
	if c.replay == nil || c.replay.Live {
		return map[string]string{"Range": "npt=0.000-"}
	}
	r := c.replay
	header := map[string]string{
		"Range":        clockRange(r.From.Add(r.Zone), r.To.Add(r.Zone)).String(),
		"Rate-Control": "no", "Scale": "1.0", "Immediate": "yes",
	}
	c.require(header)
	return header
}

// beginReplay makes the receivers take their time from the peer.
func (c *Client) beginReplay() {
	if c.replay == nil {
		return
	}
	c.mu.Lock()
	c.run.Origin = "replay"
	shared := &replayEpoch{}
	for _, r := range c.receivers {
		r.replay = &replayTiming{request: c.replay.ReplayRequest, rate: r.st.track.ClockRate, capture: c.replay.capture, epoch: shared, now: c.run.Start}
	}
	c.mu.Unlock()
	c.ctl.answers(c.replayAnswer)
}

// replayAnswer learns from the answer to PLAY with which RTP time each track begins. It
// runs on the goroutine that reads, so before the first unit is looked at.
func (c *Client) replayAnswer(res *response) {
	begins, err := parseRange(res.header.Get("Range"))
	if res.code != 200 || err != nil || begins.unit != rangeClock || !begins.From.set {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, info := range parseRTPInfo(res.header) {
		for i, l := range c.lines {
			if l.st.control != "" && !strings.HasSuffix(info.url, l.st.control) && len(c.lines) > 1 {
				continue
			}
			c.receivers[i].replay.begins(info.rtp, begins.From.at)
		}
	}
}

// rtpInfo is one element of RTP-Info (RFC 2326 12.33).
type rtpInfo struct {
	url string
	rtp uint32
}

// parseRTPInfo reads the elements that name an RTP time.
func parseRTPInfo(header textproto.MIMEHeader) []rtpInfo {
	var list []rtpInfo
	for element := range strings.SplitSeq(strings.Join(header.Values("Rtp-Info"), ","), ",") {
		var info rtpInfo
		timed := false
		for part := range strings.SplitSeq(element, ";") {
			key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			switch strings.ToLower(key) {
			case "url":
				info.url = strings.Trim(value, "\"")
			case "rtptime":
				n, err := strconv.ParseUint(value, 10, 32)
				info.rtp, timed = uint32(n), err == nil
			}
		}
		if timed {
			list = append(list, info)
		}
	}
	return list
}

// replayFrame takes an interleaved frame of a session that replays, and the next one no
// sooner than there is room for it.
func (c *Client) replayFrame(channel byte, payload []byte, arrival time.Time) {
	c.frame(channel, payload, arrival)
	c.endReplay()
	c.throttle(len(payload))
}

// endReplay ends the run when every track has.
func (c *Client) endReplay() {
	c.mu.Lock()
	over, video := len(c.receivers) > 0, false
	for _, r := range c.receivers {
		over = over && (r.bye || r.replay != nil && r.replay.over)
		video = video || r.st.track.Codec.Video() && r.replay != nil && r.replay.past
	}
	c.mu.Unlock()
	if over || video {
		c.finish(io.EOF)
	}
}

// throttle waits while much is waiting for Next or the peer is faster than it may be: it
// is the peer's turn to wait then. Silence that comes of it is not the peer's.
func (c *Client) throttle(n int) {
	r := c.replay
	if r.Rate > 0 {
		now := c.o.Clock.Now()
		r.owed = max(0, r.owed-now.Sub(r.seen)) + time.Duration(float64(n)/float64(r.Rate)*float64(time.Second))
		r.seen = now
		if r.owed > 20*time.Millisecond {
			c.hold(r.owed)
		}
	}
	for c.queue != nil && c.queue.waiting() > c.o.Queue/2 {
		if !c.hold(5 * time.Millisecond) {
			return
		}
	}
}

// hold waits; false when the run is over.
func (c *Client) hold(d time.Duration) bool {
	c.mu.Lock()
	c.heard = true
	c.mu.Unlock()
	select {
	case <-c.stop:
		return false
	case <-time.After(d):
		return true
	}
}

// replayFault says what a refused replay means: a range that is not there is no failure
// of the peer.
func replayFault(err error) error {
	var status *statusError
	if errors.As(err, &status) && status.method == "PLAY" && (status.code == 457 || status.code == 404) {
		return fault.Wrap(fault.NotFound, "ask for a recording", err)
	}
	return err
}
