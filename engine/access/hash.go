package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"rtsprec/engine/fault"
)

// Costs of the hashes that Hash makes: 19 MiB, two passes, one lane, OWASP's first
// choice for argon2id; some 30 ms on a small machine.
const (
	hashMemory = 19 << 10 // KiB
	hashPasses = 2
	hashLanes  = 1
	saltSize   = 16
	sumSize    = 32
)

// Bounds on the costs of hashes made elsewhere, so that a line of a config cannot stop
// the machine, and on a password, which comes from the network.
const (
	maxMemory   = 1 << 20 // KiB
	maxPasses   = 64
	maxLanes    = 64
	maxSum      = 128
	maxBcrypt   = 16
	maxPassword = 1024
)

// verifier is a hash that a password can be held against.
type verifier interface{ verify(password string) bool }

// Hash makes an argon2id hash of a password with a salt of its own, in the PHC string
// format ($argon2id$v=19$m=19456,t=2,p=1$SALT$HASH).
func Hash(password string) string {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	sum := argon2.IDKey([]byte(password), salt, hashPasses, hashMemory, hashLanes, sumSize)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemory, hashPasses, hashLanes,
		b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// parseHash reads an argon2id hash in the PHC string format, or a bcrypt hash.
func parseHash(text string) (verifier, error) {
	switch {
	case strings.HasPrefix(text, "$argon2id$"):
		return parseArgon(text)
	case strings.HasPrefix(text, "$2a$"), strings.HasPrefix(text, "$2b$"), strings.HasPrefix(text, "$2y$"):
		cost, err := bcrypt.Cost([]byte(text))
		if err != nil {
			return nil, fault.New(fault.Usage, "not a whole bcrypt hash")
		}
		if len(text) != 60 {
			return nil, fault.New(fault.Usage, "not a whole bcrypt hash: %d characters, not 60", len(text))
		}
		if cost > maxBcrypt {
			return nil, fault.New(fault.Usage, "a bcrypt cost of %d takes minutes; %d at most", cost, maxBcrypt)
		}
		return bcryptHash(text), nil
	}
	return nil, fault.New(fault.Usage, "neither argon2id nor bcrypt")
}

// bcryptHash is as bcrypt writes it.
type bcryptHash string

func (h bcryptHash) verify(password string) bool {
	// bcrypt looks at 72 bytes; what is longer would match by its beginning.
	return len(password) <= 72 && bcrypt.CompareHashAndPassword([]byte(h), []byte(password)) == nil
}

// argonHash is an argon2id hash taken apart.
type argonHash struct {
	memory, passes uint32
	lanes          uint8
	salt, sum      []byte
}

func (h *argonHash) verify(password string) bool {
	sum := argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.lanes, uint32(len(h.sum)))
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}

func parseArgon(text string) (*argonHash, error) {
	part := strings.Split(text, "$") // "", argon2id, v=, m=,t=,p=, salt, sum
	if len(part) != 6 || part[2] != "v="+strconv.Itoa(argon2.Version) {
		return nil, fault.New(fault.Usage, "not of the form $argon2id$v=%d$m=...,t=...,p=...$SALT$HASH", argon2.Version)
	}
	h := &argonHash{}
	for _, cost := range strings.Split(part[3], ",") {
		name, value, _ := strings.Cut(cost, "=")
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return nil, fault.New(fault.Usage, "the cost %q is no number", cost)
		}
		switch {
		case name == "m" && n >= 8 && n <= maxMemory:
			h.memory = uint32(n)
		case name == "t" && n >= 1 && n <= maxPasses:
			h.passes = uint32(n)
		case name == "p" && n >= 1 && n <= maxLanes:
			h.lanes = uint8(n)
		default:
			return nil, fault.New(fault.Usage, "the cost %q is out of bounds (m to %d KiB, t to %d, p to %d)", cost, maxMemory, maxPasses, maxLanes)
		}
	}
	if h.memory == 0 || h.passes == 0 || h.lanes == 0 {
		return nil, fault.New(fault.Usage, "one of the costs m, t and p is missing")
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.DecodeString(part[4]); err != nil || len(h.salt) < 8 || len(h.salt) > maxSum {
		return nil, fault.New(fault.Usage, "the salt is not 8 to %d bytes of base64", maxSum)
	}
	if h.sum, err = base64.RawStdEncoding.DecodeString(part[5]); err != nil || len(h.sum) < 16 || len(h.sum) > maxSum {
		return nil, fault.New(fault.Usage, "the hash is not 16 to %d bytes of base64", maxSum)
	}
	return h, nil
}
