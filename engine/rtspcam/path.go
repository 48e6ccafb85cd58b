package rtspcam

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// reportEvery is the interval of sender reports (RFC 3550 asks for five seconds or less here).
const reportEvery = 5 * time.Second

// path is one live stream and its readers.
type path struct {
	name   string
	tracks []*track
	clock  media.Clock
	script *script
	seed   uint64
	log    *slog.Logger
	random *rand.Rand

	mu      sync.Mutex // of everything below, and of the tracks while they are read from outside
	birth   time.Time  // of the camera
	origin  time.Time  // of the stream: moves at a restart
	readers map[*reader]struct{}
	history []*burst // of the last historySpan, oldest first
	report  time.Time
	ppm     float64 // how much faster than ours the camera's clock runs, since origin
	life    int     // restarts so far
}

// parseStream reads a [Stream]. Errors are of kind fault.Usage.
func parseStream(name string, s Stream) (*path, []scheduled, error) {
	codecs, spec, _ := strings.Cut(string(s), ",")
	p := &path{name: name, readers: map[*reader]struct{}{}}
	for codec := range strings.SplitSeq(codecs, "+") {
		t, err := newTrack(codec)
		if err != nil {
			return nil, nil, fault.Because(fmt.Sprintf("path %s", name), err)
		}
		p.tracks = append(p.tracks, t)
	}
	faults, err := parseSpec(name, spec)
	return p, faults, fault.Because(fmt.Sprintf("path %s", name), err)
}

// begin starts the stream at now, under a new identity.
func (p *path) begin(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var wrap time.Duration
	if a, ok := p.script.on(p.name, "tswrap", now); ok {
		wrap = a.span
	}
	seq := 0
	if a, ok := p.script.on(p.name, "seqwrap", now); ok {
		seq = int(a.number)
	}
	if p.birth.IsZero() {
		p.birth = now
	}
	p.origin, p.report, p.history = now, now, nil
	ppm, _ := p.script.on(p.name, "ppm", now)
	p.ppm = ppm.number
	for _, t := range p.tracks {
		t.begin(p.random, wrap, seq)
		t.due = now.Add(after(t.clip.delay, t.format.rate, p.ppm))
	}
}

// run produces the stream until ctx is done.
func (p *path) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		timer.Reset(p.step(p.clock.Now()).Sub(p.clock.Now()))
	}
}

// step sends everything that is due at now and returns when the next thing will be.
func (p *path) step(now time.Time) (next time.Time) {
	if n := p.script.begun(p.name, "restart", now); n > p.life {
		p.life = n
		p.begin(now)
	}
	for {
		next = p.report
		var first *track
		index := 0
		for i, t := range p.tracks {
			if t.due.Before(next) {
				next, first, index = t.due, t, i
			}
		}
		switch {
		case next.After(now):
			return next
		case first == nil:
			p.sendReports(now)
		default:
			p.produce(index, first, next)
		}
	}
}

// produce makes the next unit of a track and hands it to the readers.
func (p *path) produce(index int, t *track, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change(t, now)
	fr := &t.clip.frames[t.index]
	step := p.frameTime(t, fr, now)
	pts := t.elapsed + (fr.pts-fr.dts)*step/fr.duration
	m := Mark{t.counter, p.origin.Add(after(pts, t.format.rate, p.ppm)).Round(0), fr.sum}
	t.counter++
	t.elapsed += step
	t.index = (t.index + 1) % len(t.clip.frames)
	t.due = p.origin.Add(after(t.elapsed+t.clip.delay*step/fr.duration, t.format.rate, p.ppm))
	if p.silent(t, fr, now) {
		return
	}
	u := &unit{mark: m, key: fr.key, time: p.stamp(t, pts, now), seq: t.seq}
	q := p.quirks(now)
	packets := t.encode(fr, m, u.time, q)
	b := &burst{track: index, at: now, unit: u}
	t.line.pass(u, packets, p.troubles(t, now), b)
	p.keep(b, now)
	for r := range p.readers {
		r.offer(b)
	}
}

// frameTime is how many ticks the track goes on with a frame.
func (p *path) frameTime(t *track, fr *frame, now time.Time) int64 {
	if a, ok := p.script.on(p.name, "fps", now); ok && t.video {
		return int64(float64(t.format.rate) / a.number)
	}
	return fr.duration
}

// change carries out the faults that happen to a track at an instant.
func (p *path) change(t *track, now time.Time) {
	if t.fresh(p.script.begun(p.name, "ssrc", now), "ssrc") > 0 {
		t.ssrc = p.random.Uint32()
	}
	if t.fresh(p.script.begun(p.name, "seqjump", now), "seqjump") > 0 {
		a, _ := p.script.on(p.name, "seqjump", now)
		t.seq += uint16(a.number)
	}
	if t.other != nil && t.fresh(p.script.begun(p.name, "parameters", now), "parameters")%2 == 1 {
		t.clip, t.other, t.index = t.other, t.clip, 0
	}
}

// silent reports whether a unit is captured and not sent.
func (p *path) silent(t *track, fr *frame, now time.Time) bool {
	is := func(name string) bool { return p.script.is(p.name, name, now) }
	return is("stall") || is("drop") || t.video && (is("novideo") || fr.key && is("nokey")) || !t.video && is("noaudio")
}

// stamp is the RTP time of ticks since the origin.
func (p *path) stamp(t *track, ticks int64, now time.Time) uint32 {
	if p.script.is(p.name, "frozen", now) {
		if !t.still {
			t.still, t.frozen = true, t.base+uint32(ticks)
		}
		return t.frozen
	}
	t.still = false
	return t.base + uint32(ticks) + p.jump(t, now)
}

func (p *path) jump(t *track, now time.Time) uint32 {
	a, _ := p.script.on(p.name, "jump", now)
	return uint32(media.FromDuration(a.span, t.format.rate))
}

func (p *path) quirks(now time.Time) quirks {
	is := func(name string) bool { return p.script.is(p.name, name, now) }
	q := quirks{zeroNAL: is("zeronal"), startCodes: is("startcodes"), fuse: is("fuse"), stap: is("stap"), flap: is("flap")}
	a, _ := p.script.on(p.name, "bigunit", now)
	q.big = int(a.number)
	a, _ = p.script.on(p.name, "marker", now)
	q.marker = a.word
	return q
}

func (p *path) troubles(t *track, now time.Time) troubles {
	loss, _ := p.script.on(p.name, "loss", now)
	duplicate, _ := p.script.on(p.name, "duplicate", now)
	reorder, _ := p.script.on(p.name, "reorder", now)
	return troubles{
		seed: p.seed, name: p.name + "/" + t.format.name + "/", loss: loss.number, duplicate: duplicate.number,
		reorder: int(reorder.number), vanish: p.script.is(p.name, "blackhole", now),
	}
}

// encode makes the RTP packets of a unit.
func (t *track) encode(fr *frame, m Mark, time uint32, q quirks) [][]byte {
	w := newPacker(len(fr.data) + markSize + q.big)
	w.time, w.ssrc, w.kind, w.next = time, t.ssrc, t.format.payload, t.seq
	if t.format.codec.NALs() {
		w.nals(t.format.codec, markedNALs(t.format.codec, fr, m, q), q)
	} else {
		w.data(t.format.codec, markedData(t.format.codec, fr, m))
	}
	switch {
	case t.video:
		w.mark(q.marker)
	case t.format.codec == media.AAC || t.format.codec == metadata: // the end of a unit, as RFC 3640 3.1 says
		w.mark("")
	}
	t.seq = w.next
	t.packets += uint32(len(w.ends))
	t.octets += uint32(len(w.buf) - headerSize*len(w.ends))
	return w.packets()
}

// keep remembers what "burst" sends to a new reader.
func (p *path) keep(b *burst, now time.Time) {
	a, ok := p.script.on(p.name, "burst", now)
	if !ok {
		p.history = nil
		return
	}
	p.history = append(p.history, b)
	for len(p.history) > 0 && now.Sub(p.history[0].at) > a.span {
		p.history = p.history[1:]
	}
}
