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
