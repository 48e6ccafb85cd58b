package journal

import (
	"encoding/hex"
	"fmt"
)

// Hex32 is a 32-bit checksum whose JSON form is a string of eight hex digits.
type Hex32 uint32

// MarshalText writes eight lower-case digits.
func (h Hex32) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%08x", uint32(h)), nil }

// UnmarshalText reads exactly eight hex digits.
func (h *Hex32) UnmarshalText(text []byte) error {
	var b [4]byte
	if len(text) != 8 {
		return fmt.Errorf("a checksum of %d digits, not 8", len(text))
	}
	if _, err := hex.Decode(b[:], text); err != nil {
		return err
	}
	*h = Hex32(uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3]))
	return nil
}
