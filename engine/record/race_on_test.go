//go:build race

package record

// thin leaves out most of what is only repetition: the race detector is slow.
const thin = 5
