package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/record"
	"rtsprec/engine/rtsp"
)

// Backfilling: a gap is filled from whatever plays its own recording of the same camera.
// The source is asked for the gap and for two intervals between key frames on both sides
// of it; the two recordings are joined where three units in a row are the same in both
// (splice.go), and otherwise by capture time. What fills a gap stands in segments of its
// own; nothing that was recorded before is changed.
//
// A recording under way is never kept waiting: one session at a time is asked of a
// device, at no more than a given rate, and the segments are written beside those of the
// recording.

// DefaultBackfillRate is how many bytes a second are taken from a source at most.
const DefaultBackfillRate = 2_000_000

const (
	fillEvery   = time.Second     // how often gaps are looked for
	fillFirst   = 2 * time.Second // after a try that failed; doubled up to
	fillLongest = time.Minute
	fillTries   = 4                // at the end of a recording, for each gap
	fillTimeout = 10 * time.Second // silence of a source
	zoneAgain   = 10 * time.Minute // until it is looked again how wrong a clock is, where nothing told
)

// backfiller fills the gaps of one recording.
type backfiller struct {
	d       Deps
	rec     *record.Recording
	library *archive.Library
	sources map[string]journal.Camera // by name; those that have one
	rate    int64

	mu      sync.Mutex
	devices map[string]*sync.Mutex
	zones   map[string]time.Duration // by device: how far its clock is ahead, in whole quarters of an hour
	asked   map[string]time.Time     // by device: when that was last looked for, in vain
	tries   map[fillKey]*fillTry
}

type fillKey struct {
	camera string
	gap    uint64 // its ID; of what is fetched to be kept beside: when it begins, in ns
}

// fillTry is what was tried with a gap.
type fillTry struct {
	n    int
	due  time.Time
	told string
	vain bool // no try will do
}

// withSources gives cameras the sources that were named for them.
func withSources(cameras []journal.Camera, sources []BackfillSource) ([]journal.Camera, error) {
	cameras = slices.Clone(cameras)
	for _, s := range sources {
		if err := s.Validate(); err != nil {
			return nil, err
		}
		known := s.Camera == "" || cameras == nil
		for i := range cameras {
			if c := &cameras[i]; c.Name == s.Camera || s.Camera == "" && c.Backfill == "" {
				c.Backfill, known = s.URL, true
			}
		}
		if !known {
			return nil, fault.New(fault.Usage, "there is no camera %q to fill from %s", s.Camera, fault.URL(s.URL))
		}
	}
	return cameras, nil
}

// fillRest fills what gaps a recording has that nobody writes any more. It is opened for
// that once more: only now is known where the last gap ends.
func (j job) fillRest(ctx context.Context, d Deps) error {
	plan := j.rec.Plan()
	if len(j.sources) == 0 && !slices.ContainsFunc(plan.Cameras, func(c journal.Camera) bool { return c.Backfill != "" }) || ctx.Err() != nil {
		return nil
	}
	if look := (&backfiller{library: archive.NewLibrary(d.FS, d.Clock, j.dir)}); !look.missing(plan) {
		return nil
	}
	rec, _, err := record.Open(d.recordOptions(j.dir, plan, j.tally))
	if fault.Is(err, fault.Busy) {
		return nil // somebody goes on with it
	}
	if err != nil {
		return err
	}
	newBackfiller(d, rec, j.dir, j.rate, j.sources).last(ctx)
	return rec.Close(context.WithoutCancel(ctx), "", time.Time{})
}

// newBackfiller returns nil where no camera has a source. sources, if any, are used
// instead of the plan's.
func newBackfiller(d Deps, rec *record.Recording, dir string, rate int64, sources []BackfillSource) *backfiller {
	b := makeBackfiller(d, rec, dir, rate)
	cameras := slices.Clone(rec.Plan().Cameras)
	if len(sources) > 0 {
		for i := range cameras {
			cameras[i].Backfill = ""
		}
		cameras, _ = withSources(cameras, sources)
	}
	for _, c := range cameras {
		if c.Backfill != "" {
			b.sources[c.Name] = c
		}
	}
	if len(b.sources) == 0 {
		return nil
	}
	return b
}

// makeBackfiller makes one that has no sources yet. rate 0: [DefaultBackfillRate].
func makeBackfiller(d Deps, rec *record.Recording, dir string, rate int64) *backfiller {
	return &backfiller{
		d: d, rec: rec, rate: orDefault(rate, DefaultBackfillRate), library: archive.NewLibrary(d.FS, d.Clock, dir),
		sources: map[string]journal.Camera{}, devices: map[string]*sync.Mutex{}, zones: map[string]time.Duration{},
		asked: map[string]time.Time{}, tries: map[fillKey]*fillTry{},
	}
}

// run fills gaps until ctx ends, each once the source is likely to have what follows it.
func (b *backfiller) run(ctx context.Context) {
	if b == nil {
		return
	}
	tick := time.NewTicker(fillEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		b.round(ctx, false)
	}
}

// last fills what is left when nothing is recorded any more, as far as a few tries take it.
func (b *backfiller) last(ctx context.Context) {
	if b == nil {
		return
	}
	b.mu.Lock()
	clear(b.tries)
	b.mu.Unlock()
	for ctx.Err() == nil {
		wait, more := b.round(ctx, true)
		if !more {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// round tries every gap that is due, those of different devices side by side. It returns
// when the next one is due, and whether there is one.
func (b *backfiller) round(ctx context.Context, last bool) (wait time.Duration, more bool) {
	wait = fillLongest
	var work sync.WaitGroup
	for camera, c := range b.sources {
		source := c.Backfill
		gaps, lesser := b.gaps(camera), b.lesser(camera, last)
		if len(gaps)+len(lesser) == 0 {
			continue
		}
		work.Go(func() {
			device := b.device(source)
			device.Lock()
			defer device.Unlock()
			for _, g := range gaps {
				b.attempt(ctx, camera, source, g, last)
			}
			for _, q := range lesser {
				b.enhance(ctx, camera, source, q, last)
			}
		})
	}
	work.Wait()
	now := b.d.Clock.Now()
	for camera := range b.sources {
		for _, g := range b.gaps(camera) {
			if t := b.try(camera, g); !last || t.n < fillTries {
				more = true
				wait = min(wait, max(t.due.Sub(now), fillEvery/10))
			}
		}
		for _, q := range b.lesser(camera, last) {
			if t := b.tryOf(keyOf(camera, q)); !t.vain && (!last || t.n < fillTries) {
				more = true
				wait = min(wait, max(t.due.Sub(now), fillEvery/10))
			}
		}
	}
	return wait, more
}

// gaps are those of a camera that can be filled now.
func (b *backfiller) gaps(camera string) []archive.Gap {
	for _, r := range b.library.Recordings() {
		if c := r.Camera(camera); c != nil {
			return c.Fillable()
		}
	}
	return nil
}

// missing reports whether any camera has something that can be got afterwards.
func (b *backfiller) missing(plan journal.Plan) bool {
	return slices.ContainsFunc(plan.Cameras, func(c journal.Camera) bool { return len(b.gaps(c.Name))+len(b.lesser(c.Name, true)) > 0 })
}

func (b *backfiller) device(source string) *sync.Mutex {
	b.mu.Lock()
	defer b.mu.Unlock()
	name := deviceOf(source)
	if b.devices[name] == nil {
		b.devices[name] = &sync.Mutex{}
	}
	return b.devices[name]
}

func (b *backfiller) try(camera string, g archive.Gap) *fillTry {
	return b.tryOf(fillKey{camera, g.ID})
}

func (b *backfiller) tryOf(key fillKey) *fillTry {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tries[key] == nil {
		b.tries[key] = &fillTry{}
	}
	return b.tries[key]
}

// attempt tries one gap when it is due.
func (b *backfiller) attempt(ctx context.Context, camera, source string, g archive.Gap, last bool) {
	t := b.try(camera, g)
	now := b.d.Clock.Now()
	settled := g.To.Add(2*keyUsual + time.Second) // by then both recordings have what follows
	if now.Before(t.due) || last && t.n >= fillTries || !last && b.d.Clock.Wall().Before(settled) || ctx.Err() != nil {
		return
	}
	t.n++
	filled, err := b.fill(ctx, camera, source, g)
	if ctx.Err() != nil {
		return
	}
	t.due = b.d.Clock.Now().Add(min(fillFirst<<min(t.n-1, 8), fillLongest))
	if filled > 0 {
		t.n = 0 // what is left is another gap
	}
	if err == nil && filled == 0 {
		err = fault.New(fault.NotFound, "the source has nothing of that time")
	}
	if err != nil && err.Error() != t.told {
		t.told = err.Error()
		b.d.observe(Notice{Camera: camera, Message: fmt.Sprintf("the gap from %s is not filled yet: %v", g.From.UTC().Format(time.RFC3339), err)})
	}
}

// fill fills one gap, and finds out about the device's clock where its units are others.
func (b *backfiller) fill(ctx context.Context, camera, source string, g archive.Gap) (time.Duration, error) {
	device := deviceOf(source)
	b.mu.Lock()
	zone, known := b.zones[device]
	again := b.asked[device].IsZero() || b.d.Clock.Now().Sub(b.asked[device]) > zoneAgain
	b.mu.Unlock()
	if !known && again {
		zone, known = b.zoneOf(ctx, camera, source, g)
		b.mu.Lock()
		b.asked[device] = b.d.Clock.Now()
		if known {
			b.zones[device] = zone
		}
		b.mu.Unlock()
	}
	f := &filling{b: b, camera: camera, source: source, gap: g, zone: zone}
	err := f.fill(ctx)
	f.discard()
	return f.filled, err
}

// open begins a session with a source.
func (b *backfiller) open(ctx context.Context, camera string, o rtsp.Options) (Session, error) {
	return b.openAt(ctx, camera, o, b.rate)
}

// openAt is open at no more than so many bytes a second.
func (b *backfiller) openAt(ctx context.Context, camera string, o rtsp.Options, rate int64) (Session, error) {
	o.Insecure, o.Fingerprint = b.sources[camera].Insecure, b.sources[camera].Fingerprint
	o.Replay.Rate = rate
	o.Clock, o.Log, o.Timeout, o.Queue = b.d.Clock, b.d.log(), fillTimeout, 4<<20
	return b.d.Dial(ctx, o)
}

// zonesToTry are the offsets that clocks are wrong by: none, then whole hours, the small
// ones first, and those of zones with half an hour.
func zonesToTry() []time.Duration {
	list := []time.Duration{0}
	for h := 1; h <= 14; h++ {
		list = append(list, time.Duration(h)*time.Hour, -time.Duration(h)*time.Hour)
	}
	for _, m := range []int{210, 270, 330, 345, 390, 570, 630} {
		list = append(list, time.Duration(m)*time.Minute, -time.Duration(m)*time.Minute)
	}
	return list
}

// zoneOf finds out by how much a device's clock is wrong: with the right offset it plays,
// for the time before a gap, what we recorded then. known is false where that cannot be
// told, because nothing was recorded before the gap or the device does not answer.
func (b *backfiller) zoneOf(ctx context.Context, camera, source string, g archive.Gap) (zone time.Duration, known bool) {
	f := &filling{b: b, camera: camera, source: source, gap: g}
	around, err := f.neighbours(ctx)
	if err != nil {
		return 0, false
	}
	for _, zone := range zonesToTry() {
		same, err := f.same(ctx, around, zone)
		switch {
		case same:
			if zone != 0 {
				b.d.observe(Notice{Camera: camera, Message: fmt.Sprintf("the clock of the source is %v ahead", zone)})
			}
			return zone, true
		case err != nil && !fault.Is(err, fault.NotFound), ctx.Err() != nil:
			return 0, false
		}
	}
	return 0, false
}

// same reports whether the source plays, asked with that offset, units that we have.
func (f *filling) same(ctx context.Context, around []*lane, zone time.Duration) (bool, error) {
	mine := map[media.Codec][]mark{}
	var from, to time.Time
	for _, l := range around {
		if len(l.before) >= proof && len(mine[l.Codec]) == 0 && (l.Codec.Video() || len(mine) == 0) {
			mine[l.Codec] = l.before
			from, to = l.before[0].at, l.before[len(l.before)-1].at.Add(time.Millisecond)
		}
	}
	if len(mine) == 0 {
		return false, fault.New(fault.Incomplete, "nothing is recorded before the gap")
	}
	o, err := replayOptions(f.source, from, to, zone)
	if err != nil {
		return false, err
	}
	s, err := f.b.open(ctx, f.camera, o)
	if err != nil {
		return false, err
	}
	defer s.Close()
	theirs := map[media.TrackID][]mark{}
	for {
		au, err := s.Next(ctx)
		if err != nil {
			for id, list := range theirs {
				if len(matches(mine[s.Run().Tracks[id].Codec], list)) > 0 {
					return true, nil
				}
			}
			return false, ctx.Err()
		}
		theirs[au.Track] = append(theirs[au.Track], markOf(au, s.Run().Tracks[au.Track].ClockRate))
	}
}
