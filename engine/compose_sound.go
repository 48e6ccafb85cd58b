package engine

import (
	"context"
	"strings"
	"time"

	"rtsprec/engine/compose"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// What is heard of a composition.
const (
	soundNone   = "none"
	soundMix    = "mix"    // everybody
	soundFollow = "follow" // whoever is the speaker
)

// listener is what a composition lets be heard.
type listener struct {
	mode  string // one of the above; empty: one input
	input int    // that one
}

// prepareSound settles who is heard.
func (c *composer) prepareSound() error {
	switch c.o.Audio {
	case "":
		c.o.Audio = soundMix
		fallthrough
	case soundNone, soundMix, soundFollow:
		c.listener.mode = c.o.Audio
		return nil
	}
	i, err := c.stage.input(c.o.Audio)
	if err != nil {
		return fault.New(fault.Usage, "sound: %s, or mix, follow or none", strings.TrimPrefix(err.Error(), "no "))
	}
	c.listener.input = i
	return nil
}

// silent reports whether nothing can ever be heard.
func (l listener) silent() bool { return l.mode == soundNone }

// wants reports whether an input can be heard at some time.
func (l listener) wants(input int) bool {
	return !l.silent() && (l.mode != "" || l.input == input)
}

// hears reports whether an input can be heard while one is the speaker.
func (l listener) hears(input, speaker int) bool {
	switch l.mode {
	case soundNone:
		return false
	case soundMix:
		return true
	case soundFollow:
		return input == speaker
	}
	return input == l.input
}

// beginSound makes the mixer, whose time begins with the picture's.
func (c *composer) beginSound(start time.Time) {
	if c.listener.silent() {
		return
	}
	m := compose.NewMixer(start, compose.MixerOptions{Inputs: len(c.inputs), Format: composeSound})
	for i := range c.inputs {
		if !c.listener.wants(i) {
			m.End(i)
		}
	}
	if c.listener.mode == "" {
		m.Select(c.listener.input)
	}
	c.mixer.Store(m)
	c.followSpeaker(c.stage.speaking())
}

// followSpeaker lets the speaker be heard, where that is what was asked for.
func (c *composer) followSpeaker(speaker int) {
	if m := c.mixer.Load(); m != nil && c.listener.mode == soundFollow {
		m.Select(speaker)
	}
}

// soundBehind is how much later than pictures live sound is mixed: it comes in blocks.
const soundBehind = 200 * time.Millisecond

// heardWith is up to when sound goes out together with the picture of an instant.
func (c *composer) heardWith(at time.Time) time.Time {
	at = at.Add(c.pacer.Interval())
	if c.live {
		return at.Add(-max(soundBehind, c.o.Latency))
	}
	return at
}

// soundKnown reports whether what is to be heard with the picture of an instant is there.
// Live sound is not waited for.
func (c *composer) soundKnown(at time.Time) bool {
	m := c.mixer.Load()
	if m == nil {
		return true
	}
	for i, in := range c.inputs {
		if !in.live() && c.listener.wants(i) && !m.Known(i, c.heardWith(at)) {
			return false
		}
	}
	return true
}

// sendSound mixes what is heard with the picture of an instant.
func (c *composer) sendSound(ctx context.Context, at time.Time) bool {
	m := c.mixer.Load()
	for m != nil && !m.Next().After(c.heardWith(at)) {
		if !c.send(ctx, composed{sound: m.Mix()}) {
			return false
		}
	}
	return true
}

// lastSound mixes what is heard up to the end of the last picture, as far as it has come.
func (c *composer) lastSound() {
	m := c.mixer.Load()
	for m != nil && !m.Next().After(c.pacer.Next()) {
		c.encoded <- composed{sound: m.Mix()} // encode takes everything to the end
	}
}

// soundTo is how an input's sound reaches the mixer.
type soundTo struct {
	c     *composer
	input int
}

// put hands a block on. What comes before the composition has begun is not heard. Where an
// input is not live it waits for room.
func (t *soundTo) put(ctx context.Context, s media.Sound) error {
	m := t.c.mixer.Load()
	if m == nil {
		return nil
	}
	defer t.c.wake()
	if t.c.inputs[t.input].live() {
		return m.Put(t.input, s)
	}
	m.Announce(t.input, s.Wall)
	t.c.wake()
	return m.Offer(ctx, t.input, s)
}

// end says that no sound follows.
func (t *soundTo) end() {
	if m := t.c.mixer.Load(); m != nil {
		m.End(t.input)
		t.c.wake()
	}
}
