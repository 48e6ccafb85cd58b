//go:build !race

package record

const thin = 1
