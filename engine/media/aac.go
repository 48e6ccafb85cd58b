package media

import "rtsprec/engine/fault"

// aacConfig is what an AudioSpecificConfig says (ISO 14496-3 1.6.2.1).
type aacConfig struct {
	object   int // audio object type, table 1.17
	rate     int // Hz of the core
	output   int // Hz after spectral band replication
	channels int // 0: a program config element says it
	frame    int // samples a unit and channel at the core's rate
	rest     string
}

var aacRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// parseAAC decodes an AudioSpecificConfig.
func parseAAC(config []byte) (aacConfig, error) {
	r := &bitReader{data: config}
	c := aacConfig{object: aacObject(r), rate: aacRate(r), frame: 1024}
	layout := r.u(4)
	c.output = c.rate
	if c.object == 5 || c.object == 29 { // SBR, PS: explicit, hierarchical
		c.output = aacRate(r)
		c.object = aacObject(r)
	}
	switch {
	case layout <= 6:
		c.channels = int(layout)
	case layout == 7, layout == 12:
		c.channels = 8
	case layout == 11:
		c.channels = 7
	default:
		return aacConfig{}, fault.New(fault.Protocol, "an AAC configuration with channel layout %d", layout)
	}
	switch c.object {
	case 1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23:
		if short := r.flag(); short && c.object != 23 {
			c.frame = 960
		} else if c.object == 23 { // low delay
			c.frame = 512
			if short {
				c.frame = 480
			}
		}
	case 39: // enhanced low delay
		c.frame = 512
		if r.flag() {
			c.frame = 480
		}
	}
	if r.short || c.object == 0 || c.rate <= 0 || c.output <= 0 {
		return aacConfig{}, fault.New(fault.Protocol, "not an AAC configuration")
	}
	r.sayRest()
	c.rest = string(r.said)
	return c, nil
}

func aacObject(r *bitReader) int {
	if t := r.u(5); t != 31 {
		return int(t)
	}
	return 32 + int(r.u(6))
}

// aacRate returns 0 for a reserved index.
func aacRate(r *bitReader) int {
	switch i := r.u(4); {
	case i == 15:
		return int(r.u(24))
	case int(i) < len(aacRates):
		return aacRates[i]
	}
	return 0
}
