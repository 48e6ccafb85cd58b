package engine

import (
	"time"

	"rtsprec/engine/media"
)

// soundLine is an input's sound on its way from its decoder to the mixer.
type soundLine struct{}

func (l *soundLine) put(media.Sound)         {}
func (l *soundLine) known(at time.Time) bool { return true }
func (l *soundLine) end()                    {}

type mixer struct{}

func (m *mixer) begin(time.Time)                   {}
func (m *mixer) mix(until time.Time) []media.Sound { return nil }

// hears reports whether an input can be heard while one is the speaker.
func (c *composer) hears(input, speaker int) bool { return false }

func (c *composer) prepareSound() error { return nil }
