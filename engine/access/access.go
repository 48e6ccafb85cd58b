// Package access says who may do what: users with their passwords, and the rights they
// have by path. The RTSP and the HTTP server share one [List] and one [Guard].
//
// A user has either a plain password (from the environment or a file: then Basic and
// Digest work), or a hash of it, argon2id or bcrypt (then only Basic works, because
// Digest needs the password itself). The user with the empty name is anybody: what is
// granted to it needs no password, and everybody else has it too.
//
// Beside that it holds what the servers and those who ask cameras share: a [Challenge] and
// its answer. A List and a Guard are safe for concurrent use.
package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	"rtsprec/engine/fault"
)

// Right is one thing that can be done with a path.
type Right string

// The rights.
const (
	Publish Right = "publish" // send a stream to the path (RTSP ANNOUNCE and RECORD)
	Read    Right = "read"    // watch the path live
	Replay  Right = "replay"  // watch, list and download what is recorded of it
	Steer   Right = "steer"   // switch the layout and the speaker of a path that is composed
)

// Rights lists all of them.
func Rights() []Right { return []Right{Publish, Read, Replay, Steer} }

// User is one that the servers know. Password and Hash are not both set, and neither is
// for anybody (the empty Name).
type User struct {
	Name     string
	Password string // plain
	Hash     string // as Hash makes it, or bcrypt's $2a$, $2b$, $2y$
	Grants   []Grant
}

// Grant gives rights on paths. A path is a name without the slash in front
// ("yard/north"). A pattern is one of package path ("cam*": one element of the name),
// "**" is everything, and a pattern that ends in "/**" is everything below it.
type Grant struct {
	Paths  []string
	Rights []Right
}

// List is who may do what. A nil List is open. Replace gives it other users while servers
// hold it; what was let in before stays in.
type List struct {
	now  atomic.Pointer[users]
	slow sync.Mutex // held while a hash is computed
}

// users is what a List knows at a time; it never changes.
type users struct {
	known map[string]*user
	// decoy is verified against for users that do not exist, so that the time of an
	// answer does not tell which do; nil while every user's password is plain.
	decoy verifier
	key   [32]byte // of proven
}

// user is a User made ready.
type user struct {
	User
	hash   verifier               // nil: Password is to be compared
	proven atomic.Pointer[[]byte] // MAC of the password that matched the hash last; nil: none did
}

// New checks the users and makes a List. Without users it is open: anybody may do
// anything. Errors are fault.Usage and name the user.
func New(list []User) (*List, error) {
	l := &List{}
	return l, l.Replace(list)
}

// Replace gives the List other users. After an error it has those of before.
func (l *List) Replace(list []User) error {
	next := &users{known: map[string]*user{}}
	rand.Read(next.key[:])
	for _, u := range list {
		if err := u.Validate(); err != nil {
			return err
		}
		if next.known[u.Name] != nil {
			return fault.New(fault.Usage, "user %q is there twice", u.Name)
		}
		made := &user{User: u}
		if u.Hash != "" {
			made.hash, _ = parseHash(u.Hash)
			if next.decoy == nil {
				next.decoy = made.hash
			}
		}
		next.known[u.Name] = made
	}
	l.now.Store(next)
	return nil
}

// users is what the List knows now; nil: nothing.
func (l *List) users() *users {
	if l == nil {
		return nil
	}
	return l.now.Load()
}

// Validate says what is wrong with a user, as fault.Usage, or nil.
func (u User) Validate() error {
	wrong := func(format string, args ...any) error {
		return fault.New(fault.Usage, "user %q "+format, append([]any{u.Name}, args...)...)
	}
	// RFC 7617, 2: a user-id holds no colon, and neither part a control character.
	if strings.ContainsFunc(u.Name, func(r rune) bool { return r == ':' || unicode.IsControl(r) }) || len(u.Name) > 255 {
		return wrong("has a name that cannot be one: 1 to 255 bytes without colons and control characters")
	}
	switch {
	case u.Name == "" && (u.Password != "" || u.Hash != ""):
		return fault.New(fault.Usage, "anybody (the user without a name) cannot have a password")
	case u.Name != "" && u.Password == "" && u.Hash == "":
		return wrong("has no password")
	case u.Password != "" && u.Hash != "":
		return wrong("has a password and a hash")
	}
	if u.Hash != "" {
		if _, err := parseHash(u.Hash); err != nil {
			return wrong("has a hash that cannot be used: %v", err)
		}
	}
	for _, g := range u.Grants {
		for _, p := range g.Paths {
			if _, err := path.Match(p, ""); err != nil || p == "" {
				return wrong("has a grant with the pattern %q, which is none", p)
			}
		}
		for _, r := range g.Rights {
			if !slices.Contains(Rights(), r) {
				return wrong("has a grant of the right %q: there are publish, read, replay and steer", r)
			}
		}
	}
	return nil
}

// Open reports whether nobody has to say who they are, ever.
func (l *List) Open() bool {
	u := l.users()
	return u == nil || len(u.known) == 0
}

// Secret returns the plain password of a user, for Digest. ok is false for users that
// are not known and for those of whom only a hash is known.
func (l *List) Secret(name string) (password string, ok bool) {
	us := l.users()
	if us == nil || name == "" {
		return "", false
	}
	u := us.known[name]
	if u == nil || u.hash != nil {
		return "", false
	}
	return u.Password, true
}

// Digest reports whether Digest can work at all: some user's password is plain.
func (l *List) Digest() bool {
	us := l.users()
	if us == nil {
		return false
	}
	for _, u := range us.known {
		if u.Password != "" {
			return true
		}
	}
	return false
}

// Check reports whether the password is the user's. It takes as long for users that do
// not exist. A hash is computed once for a password that is right and remembered until the
// users are replaced, because an HTTP player sends it with every request; hashes are
// computed one at a time, because each takes tens of MiB.
func (l *List) Check(name, password string) bool {
	us := l.users()
	if us == nil || name == "" {
		return false
	}
	u := us.known[name]
	switch {
	case u == nil:
		if us.decoy != nil {
			l.verify(us.decoy, password)
		} else {
			same(password, "")
		}
		return false
	case u.hash == nil:
		return same(u.Password, password)
	}
	mac := us.mac(password)
	if proven := u.proven.Load(); proven != nil && hmac.Equal(*proven, mac) {
		return true
	}
	if !l.verify(u.hash, password) {
		return false
	}
	u.proven.Store(&mac)
	return true
}

func (l *List) verify(v verifier, password string) bool {
	if len(password) > maxPassword {
		return false
	}
	l.slow.Lock()
	defer l.slow.Unlock()
	return v.verify(password)
}

// mac stands for a password in memory.
func (us *users) mac(password string) []byte {
	h := hmac.New(sha256.New, us.key[:])
	h.Write([]byte(password))
	return h.Sum(nil)
}

// same compares in a time that tells neither content nor length.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// Allow reports whether the user has the right on the path; the empty user is anybody.
// It does not ask for the password: Check does, before.
func (l *List) Allow(name, path string, r Right) bool {
	us := l.users()
	if us == nil || len(us.known) == 0 {
		return true
	}
	return us.granted("", path, r) || name != "" && us.granted(name, path, r)
}

func (us *users) granted(name, at string, r Right) bool {
	u := us.known[name]
	if u == nil {
		return false
	}
	at = strings.Trim(at, "/")
	for _, g := range u.Grants {
		if slices.Contains(g.Rights, r) && slices.ContainsFunc(g.Paths, func(p string) bool { return Matches(p, at) }) {
			return true
		}
	}
	return false
}

// Matches reports whether the pattern of a grant is of the path.
func Matches(pattern, at string) bool {
	pattern = strings.Trim(pattern, "/")
	if pattern == "**" {
		return true
	}
	if below, ok := strings.CutSuffix(pattern, "/**"); ok {
		// Match the pattern with as many elements of the path as it has.
		n := strings.Count(below, "/") + 1
		parts := strings.Split(at, "/")
		if len(parts) <= n {
			return false
		}
		pattern, at = below, strings.Join(parts[:n], "/")
	}
	ok, err := path.Match(pattern, at)
	return err == nil && ok
}
