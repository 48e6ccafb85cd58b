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
	name    string
	tracks  []*track
	library *library
	clock   media.Clock
	script  *script
	seed    uint64
	log     *slog.Logger
	group   *group
	random  *rand.Rand

	mu      sync.Mutex // of everything below, and of the tracks while they are read from outside
	origin  time.Time  // of the stream: moves at a restart
	readers map[*reader]struct{}
	history []*burst  // what "burst" will send to a new reader, oldest first
	report  time.Time // when the next sender reports are due
	ppm     float64   // how much faster than ours the camera's clock runs, since origin
	life    int       // restarts so far
	become  int       // and changes to another camera
}

// parseStream reads a [Stream]. Errors are of kind fault.Usage.
func parseStream(l *library, name string, s Stream) (*path, []scheduled, error) {
	codecs, spec, _ := strings.Cut(string(s), ",")
	p := &path{name: name, library: l, readers: map[*reader]struct{}{}}
	var err error
	if p.tracks, err = l.newTracks(codecs); err != nil {
		return nil, nil, fault.Because(fmt.Sprintf("path %s", name), err)
	}
	faults, err := parseSpec(name, spec)
	return p, faults, fault.Because(fmt.Sprintf("path %s", name), err)
}

// start begins the stream of a camera that was just switched on.
func (p *path) start(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begin(now)
}

// reborn carries out the reboots that are due.
func (p *path) reborn(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reboot(now)
}

// reboot is reborn for a caller that holds p.mu.
func (p *path) reboot(now time.Time) {
	if n := p.script.begun(p.name, "become", now); n > p.become {
		p.become = n
		a, _ := p.script.on(p.name, "become", now)
		p.replace(a.word)
		p.begin(now)
	}
	if n := p.script.begun(p.name, "restart", now); n > p.life {
		p.life = n
		p.begin(now)
	}
}

// begin starts the stream at now, under a new identity. The caller holds p.mu.
func (p *path) begin(now time.Time) {
	var wrap time.Duration
	if a, ok := p.script.on(p.name, "tswrap", now); ok {
		wrap = a.span
	}
	seq := 0
	if a, ok := p.script.on(p.name, "seqwrap", now); ok {
		seq = int(a.number)
	}
	p.origin, p.report, p.history = now, now, nil
	ppm, _ := p.script.on(p.name, "ppm", now)
	p.ppm = ppm.number
	for _, t := range p.tracks {
		t.begin(p.random, wrap, seq)
		t.due = now.Add(after(t.clip.delay, t.format.rate, p.ppm))
	}
}

// replace changes the tracks to others that go on counting where the old ones stopped. The
// caller holds p.mu.
func (p *path) replace(codecs string) {
	tracks, err := p.library.newTracks(codecs)
	if err != nil {
		return // it was read before, when the spec was
	}
	for i, t := range tracks {
		if i < len(p.tracks) {
			old := p.tracks[i]
			t.counter, t.sent, t.parts, t.seen = old.counter, old.sent, old.parts, old.seen
		}
	}
	p.tracks = tracks
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
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reboot(now)
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

// produce makes the next unit of a track and hands it to the readers. The caller holds p.mu.
func (p *path) produce(index int, t *track, now time.Time) {
	p.change(t, now)
	fr := &t.clip.frames[t.index]
	step := p.frameTime(t, fr, now)
	pts := t.elapsed + (fr.pts-fr.dts)*step/fr.duration
	m := Mark{t.counter, p.origin.Add(after(pts, t.format.rate, p.ppm)).Round(0), fr.sum}
	t.counter++
	t.elapsed += step
	t.index = (t.index + 1) % len(t.clip.frames)
	t.due = p.origin.Add(after(t.elapsed+t.clip.delay*step/fr.duration, t.format.rate, p.ppm))
	if len(t.batch) == 0 {
		t.first = pts
	}
	t.batch = append(t.batch, piece{fr, m})
	if len(t.batch) < t.format.together {
		return
	}
	batch := t.batch
	t.batch = nil
	if p.silent(t, fr, now) {
		return
	}
	u := &unit{key: batch[0].frame.key, time: p.stamp(t, t.first, now), seq: t.seq}
	for _, piece := range batch {
		u.marks = append(u.marks, piece.mark)
	}
	q := p.quirks(now)
	packets := t.encode(batch, u.time, q)
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
	return is("stall") || is("drop") || t.video && (is("novideo") || fr.restart && is("nokey")) || !t.video && is("noaudio")
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
	q := quirks{zeroNAL: is("zeronal"), zeros: is("zeros"), startCodes: is("startcodes"), fuse: is("fuse"), stap: is("stap"), flap: is("flap"), noSets: is("noparams")}
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

// encode makes the RTP packets of a unit, or of several sound units that go together.
func (t *track) encode(batch []piece, time uint32, q quirks) [][]byte {
	fr, m := batch[0].frame, batch[0].mark
	w := newPacker(len(batch)*(len(fr.data)+markSize) + q.big)
	w.time, w.ssrc, w.kind, w.next = time, t.ssrc, t.format.payload, t.seq
	switch {
	case t.format.codec.NALs():
		w.nals(t.format.codec, markedNALs(t.format.codec, fr, m, q), q)
	case t.format.codec == media.AAC:
		var list [][]byte
		for _, p := range batch {
			list = append(list, markedData(media.AAC, p.frame, p.mark, q))
		}
		if t.format.latm {
			w.latm(list[0])
		} else {
			w.aac(list)
		}
	default:
		w.data(t.format.codec, markedData(t.format.codec, fr, m, q))
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
