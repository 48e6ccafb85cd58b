package engine

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"rtsprec/engine/media"
	"rtsprec/presets"
)

// recoder decodes one track and encodes its pictures as it is told at the moment. It never
// makes its caller wait: what it cannot do in time is left out before it is encoded, so that
// what it hands on is whole; the next unit tells what is missing before it.
type recoder struct {
	imprint
	remarks remarks
	decoder media.PictureDecoder
	after   media.Ticks                       // PTS behind which pictures are shown
	show    func(p media.Picture, behind int) // what becomes of a picture; nil: it is encoded

	done  chan struct{}
	ready chan struct{}

	mu      sync.Mutex
	units   []waitingUnit
	ending  bool
	broken  bool // units were dropped: the next one is a key
	want    presets.Rung
	late    bool
	fill    bool
	left    leftOut // there was no time for them
	trouble error   // why nothing comes out; of aim's rung
}

// imprint is the encoder's side: pictures in, units of one track out, in a size and at a bit
// rate that may change between any two pictures. It is one goroutine's own.
type imprint struct {
	coder  media.Coder
	track  media.Track
	device string
	gop    time.Duration // between key frames, at most
	emit   func(media.AccessUnit)

	encoder media.PictureEncoder
	open    presets.Rung // that encoder was opened for; its Bitrate is the last set
	fresh   bool         // nothing has come out of the encoder yet
	due     media.Ticks  // of the next picture
	shown   media.Ticks  // of the last one
	begun   bool
	failed  int // pictures in a row
}

type waitingUnit struct {
	media.AccessUnit
	silent bool // its picture is only decoded
}

const (
	recodeGOP = 2 * time.Second

	recodeBehind  = 6   // units that wait before pictures are left out
	recodeWaiting = 150 // units that wait before units are dropped up to a key frame
)

// newRecoder opens the decoder. keys is how far key frames are apart.
func newRecoder(coder media.Coder, track media.Track, config []byte, device string, keys time.Duration) (*recoder, error) {
	track.Config = config
	decoder, err := coder.PictureDecoder(track, media.DecodeOptions{Device: device})
	if err != nil {
		return nil, err
	}
	return &recoder{imprint: imprint{coder: coder, track: track, device: device, gop: keys}, decoder: decoder, ready: make(chan struct{}, 1)}, nil
}

// windUp gives the group of pictures that is under way, before start.
func (c *recoder) windUp(g latestGroup) {
	for i, au := range g.units {
		c.wind(au, i == len(g.units)-1)
	}
}

// wind gives a unit of the past, before start; only the last one's picture is shown.
func (c *recoder) wind(au media.AccessUnit, last bool) {
	c.units = append(c.units, waitingUnit{au, !last})
}

// start begins to work; end ends it. emit is called by the worker.
func (c *recoder) start(ctx context.Context, emit func(media.AccessUnit)) {
	c.emit = func(au media.AccessUnit) { c.remarks.settle(&au); emit(au) }
	c.done = make(chan struct{})
	go func() {
		defer close(c.done)
		defer c.close()
		for {
			u, behind, ok := c.take(ctx)
			if !ok {
				return
			}
			c.work(u, behind)
		}
	}()
}

// put gives the next unit.
func (c *recoder) put(au media.AccessUnit) {
	c.remarks.note(au)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.units) >= recodeWaiting || c.broken && !au.Key {
		c.broken = true
		c.left.add(au.Wall)
		return
	}
	c.broken = false
	c.units = append(c.units, waitingUnit{AccessUnit: au})
	c.wake()
}

// aim says what to encode to from now on. While late, what waits must be sent first:
// pictures are left out. With fill pictures that need less than the rate are made up to it:
// how much the way takes can only be seen by sending as much.
func (c *recoder) aim(want presets.Rung, late, fill bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.want, c.late, c.fill = want, late, fill
}

// end lets the worker finish what it has and joins it.
func (c *recoder) end() {
	c.mu.Lock()
	c.ending = true
	c.mu.Unlock()
	c.wake()
	<-c.done
}

func (c *recoder) wake() {
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// take waits for a unit. behind says how many wait behind it.
func (c *recoder) take(ctx context.Context) (u waitingUnit, behind int, ok bool) {
	for {
		c.mu.Lock()
		if len(c.units) > 0 {
			u = c.units[0]
			c.units[0] = waitingUnit{}
			c.units = c.units[1:]
			behind = len(c.units)
			c.mu.Unlock()
			return u, behind, true
		}
		ending := c.ending
		c.mu.Unlock()
		if ending {
			return u, 0, false
		}
		select {
		case <-c.ready:
		case <-ctx.Done():
			return u, 0, false
		}
	}
}

// work decodes a unit and encodes what is due.
func (c *recoder) work(u waitingUnit, behind int) {
	pictures, err := c.decoder.Decode(u.AccessUnit)
	for _, p := range pictures {
		switch {
		case err != nil || u.silent:
		case c.show != nil:
			c.show(p, behind)
		default:
			c.encode(p, behind)
		}
		p.Release()
	}
}

// encode encodes a picture unless it is one too many, too late, or there is no time for it.
func (c *recoder) encode(p media.Picture, behind int) {
	c.mu.Lock()
	want, late, fill := c.want, c.late, c.fill
	c.mu.Unlock()
	if p.PTS() <= c.after || c.early(p) {
		return
	}
	c.mu.Lock()
	if behind > recodeBehind {
		c.left.add(p.Wall())
	}
	if behind > recodeBehind || late && c.begun {
		c.mu.Unlock()
		return
	}
	gap := c.left.until(p.Wall())
	c.mu.Unlock()
	if gap != nil {
		c.remarks.add(remark{at: gap.To, gap: gap})
	}
	c.note(c.draw(p, want, false, fill))
}

// early says that a picture is one too many.
func (c *imprint) early(p media.Picture) bool { return c.begun && p.PTS() < c.due }

// draw encodes a picture, as a key frame where that is wanted. With fill it is made up to
// the rate. An encoder that fails is opened again with the next picture.
func (c *imprint) draw(p media.Picture, want presets.Rung, key, fill bool) (err error) {
	defer func() {
		if c.failed++; err == nil {
			c.failed = 0
		}
	}()
	if err := c.shape(p, want); err != nil {
		return err
	}
	units, err := c.encoder.Encode(p, key || c.fresh || want.KeyFramesOnly)
	if err != nil {
		c.encoder.Close()
		c.encoder = nil
		return err
	}
	if since := p.PTS() - c.shown; fill && c.begun && since > 0 {
		c.pad(units, int(int64(want.Bitrate)/8*min(since, 90000)/90000))
	}
	c.shown = p.PTS()
	c.paced(p.PTS(), want)
	c.give(units)
	return nil
}

// recodeFailed is how many pictures in a row may fail before it is not tried any more.
const recodeFailed = 5

// note keeps why nothing comes out.
func (c *recoder) note(err error) {
	if err == nil || c.failed < recodeFailed {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trouble == nil {
		c.trouble = err
	}
}

// stuck is why nothing comes out; nil: something does.
func (c *recoder) stuck() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trouble
}

// pad puts filler data (H.264 7.3.2.7, H.265 7.3.2.8) behind units of less than size bytes,
// which decoders pass over.
func (c *imprint) pad(units []media.AccessUnit, size int) {
	for i, au := range units {
		short := min(size, 160<<10) - len(au.Data) - 8
		if short < 16 {
			continue
		}
		head := []byte{12}
		if c.track.Codec == media.H265 {
			head = []byte{38 << 1, 1}
		}
		nal := append(bytes.Repeat([]byte{0xff}, short), 0x80)
		units[i].Data = media.AppendNAL(slices.Clip(au.Data), append(head, nal...))
	}
}

// paced decides when the next picture is due.
func (c *imprint) paced(at media.Ticks, want presets.Rung) {
	fps := want.FPS
	if want.KeyFramesOnly {
		fps = 1 / c.gop.Seconds()
	}
	if fps <= 0 {
		c.due = at + 1
		return
	}
	step := media.Ticks(90000 / fps)
	if !c.begun || at-c.due > step {
		c.due = at
	}
	c.begun = true
	c.due += step
	c.due -= step / 20 // times that waver do not cost every other picture
	c.due = max(c.due, at+1)
}

// shape makes sure of an encoder as it is wanted. Another size begins with a key frame.
func (c *imprint) shape(p media.Picture, want presets.Rung) error {
	if c.encoder != nil && want.Width == c.open.Width && want.Height == c.open.Height && want.KeyFramesOnly == c.open.KeyFramesOnly {
		if farFrom(c.track.Codec, want.Bitrate, c.open.Bitrate) {
			c.encoder.SetBitrate(want.Bitrate, want.Bitrate)
			c.open.Bitrate = want.Bitrate
		}
		return nil
	}
	c.flush()
	width, height := p.Size()
	width, height, _ = presets.Encoder{Size: sizeOf(want)}.Within(width, height, 0)
	fps := max(want.FPS, 1)
	step := time.Duration(1.5 * float64(time.Second) / fps) // by which a key frame may be late: no picture is due when it is
	encoder, err := c.coder.PictureEncoder(media.EncodeOptions{
		Codec: c.track.Codec, Width: width &^ 1, Height: height &^ 1, FPS: fps,
		Bitrate: want.Bitrate, MaxBitrate: want.Bitrate, Buffer: adaptBuffer, GOP: max(c.gop-step, c.gop/2),
		Preset: "superfast", LowLatency: true, Device: c.device, Threads: 2,
	})
	if err != nil {
		return err
	}
	c.encoder, c.open, c.fresh = encoder, want, true
	return nil
}

// farFrom reports whether a bit rate is worth a change of the one in force. H.264 changes
// without a key frame, so that a little is enough; others as a rule do not.
func farFrom(codec media.Codec, want, is int) bool {
	little := is / 25
	if codec != media.H264 {
		little = is / 5
	}
	return want > is+little || want < is-little
}

// give hands units on, key frames with their parameter sets.
func (c *imprint) give(units []media.AccessUnit) {
	for _, au := range units {
		if au.Key {
			config := au.Config
			if config == nil {
				config = c.encoder.Track().Config
			}
			au = media.WithConfig(au, c.track.Codec, config)
		}
		c.fresh = false
		c.emit(au)
	}
}

// flush ends the encoder.
func (c *imprint) flush() {
	if c.encoder == nil {
		return
	}
	if units, err := c.encoder.Flush(); err == nil {
		c.give(units)
	}
	c.encoder.Close()
	c.encoder = nil
}

func (c *recoder) close() {
	c.flush()
	c.decoder.Close()
}
