package engine

import "time"

// meterSpan is over how long rates are averaged for the display: long enough for a
// few GOPs' worth of unequal pictures, short enough to show trouble.
const meterSpan = 5

// meter measures the rate of units and bytes over the last seconds. The zero value is
// ready.
type meter struct {
	slots [meterSpan + 1]slot // a ring of whole seconds, the newest not yet complete
}

type slot struct {
	second int64
	units  int
	bytes  int
}

// add counts a unit of size bytes. Only pictures count as frames.
func (m *meter) add(at time.Time, size int, picture bool) {
	second := at.Unix()
	s := &m.slots[second%int64(len(m.slots))]
	if s.second != second {
		*s = slot{second: second}
	}
	if picture {
		s.units++
	}
	s.bytes += size
}

// rates returns pictures and bits per second over the last complete seconds.
func (m *meter) rates(now time.Time) (fps, bitrate float64) {
	newest := now.Unix() - 1
	oldest := newest
	var units, bytes int
	for _, s := range m.slots {
		if s.second > newest-meterSpan && s.second <= newest {
			units += s.units
			bytes += s.bytes
			oldest = min(oldest, s.second)
		}
	}
	span := float64(newest - oldest + 1)
	return float64(units) / span, float64(bytes) * 8 / span
}

// surveyed is how much of a run is seen before its rate is believed.
const surveyed = 2 * time.Second

// survey measures a source from the beginning of a run on. The zero value is ready.
type survey struct {
	begun    time.Time // the first whole second; zero: nothing came yet
	pictures meter
	sound    meter
}

// add counts a unit of size bytes.
func (s *survey) add(now time.Time, size int, picture bool) {
	if s.begun.IsZero() { // what is left of a second is not measured
		s.begun = now.Truncate(time.Second).Add(time.Second)
	}
	switch {
	case now.Before(s.begun):
	case picture:
		s.pictures.add(now, size, true)
	default:
		s.sound.add(now, size, false)
	}
}

// rates are bits per second of the pictures and of the rest; known: they can be believed.
func (s *survey) rates(now time.Time) (pictures, sound float64, known bool) {
	_, pictures = s.pictures.rates(now)
	_, sound = s.sound.rates(now)
	return pictures, sound, !s.begun.IsZero() && now.Sub(s.begun) > surveyed
}
