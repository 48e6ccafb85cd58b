package record

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"strings"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/vfs"
)

// Requests to whoever writes a recording are files in its directory:
// "request-<token>.json", a journal.Protect, made under another name and renamed. The
// writer takes them up at its next commit: it journals them with their token, durably, and
// removes the file. So each is done once, whatever is killed when.
const (
	requestPrefix = "request-"
	requestSuffix = ".json"
	requestLimit  = 64 << 10
	// requestsAtOnce bounds what one round takes up.
	requestsAtOnce = 16
)

// askEvery is how often the journal is asked whether a request was taken up.
const askEvery = 50 * time.Millisecond

// Protect journals p, durably, and returns its ID: a new one, or with Off that of p.
// fault.NotFound: there is no such protection to take off; fault.Usage: a span that ends
// before it begins.
func (r *Recording) Protect(p journal.Protect) (uint64, error) {
	r.pruning.Lock() // a segment that Prune judged is gone before, or protected
	defer r.pruning.Unlock()
	return r.protect(p)
}

func (r *Recording) protect(p journal.Protect) (uint64, error) {
	const op = "protect a span"
	p.From, p.To = utc(p.From), utc(p.To)
	if !p.From.IsZero() && !p.To.IsZero() && !p.From.Before(p.To) {
		return 0, fault.New(fault.Usage, "%s: it ends before it begins", op)
	}
	r.mu.Lock()
	_, known := r.guards.list[p.ID]
	if p.Off && !known {
		r.mu.Unlock()
		return 0, fault.New(fault.NotFound, "%s: there is no number %d", op, p.ID)
	}
	if !p.Off {
		p.ID = r.guards.last + 1
	}
	r.guards.take(&p)
	r.mu.Unlock()
	r.lines.post(&p)
	return p.ID, fault.Because(op, r.lines.sync())
}

// takeUp does what others ask for. What cannot be read is no request; it is removed.
func (r *Recording) takeUp() error {
	entries, err := r.FS.ReadDir(r.Dir)
	if err != nil {
		return vfs.Fault("look for requests", err)
	}
	taken := 0
	for _, e := range entries {
		rest, begins := strings.CutPrefix(e.Name(), requestPrefix)
		token, ends := strings.CutSuffix(rest, requestSuffix)
		if !begins || !ends {
			continue
		}
		if taken++; taken > requestsAtOnce {
			return nil
		}
		if err := r.takeUpOne(filepath.Join(r.Dir, e.Name()), token); err != nil {
			return err
		}
	}
	return nil
}

func (r *Recording) takeUpOne(name, token string) error {
	r.pruning.Lock()
	defer r.pruning.Unlock()
	r.mu.Lock()
	done := r.guards.tokens[token]
	r.mu.Unlock()
	if data, err := vfs.ReadFile(r.FS, name, requestLimit); err == nil && !done {
		var p journal.Protect
		if json.Unmarshal(data, &p) == nil {
			p.Token = token
			if _, err := r.protect(p); err != nil && refusal(err) && !fault.Is(err, fault.NotFound) {
				return err
			}
		}
	}
	if err := r.FS.Remove(name); err != nil && !fault.Is(vfs.Fault("", err), fault.NotFound) {
		return vfs.Fault("remove a request", err)
	}
	return nil
}

// ProtectDir does what Protect does in a recording that this process does not write. Where
// another does, the request is handed to that one and waited for until ctx is done:
// then fault.Timeout, and it will not be done.
func ProtectDir(ctx context.Context, o Options, p journal.Protect) (id uint64, err error) {
	const op = "protect a span"
	var raw [8]byte
	rand.Read(raw[:])
	q := &request{Options: o, token: hex.EncodeToString(raw[:])}
	q.name = filepath.Join(o.Dir, requestPrefix+q.token+requestSuffix)
	if _, err := journal.LoadPlan(o.FS, o.Dir); err != nil && !fault.Is(err, fault.Damaged) {
		return 0, fault.Because(op, err)
	}
	for asked := false; ; asked = true {
		if id, done := q.answer(); done {
			return id, nil
		}
		err := visit(o, func(r *Recording) error {
			if _, done := q.answer(); done {
				return nil
			}
			p.Token = q.token
			id, err = r.protect(p)
			return err
		})
		if !fault.Is(err, fault.Busy) {
			q.withdraw()
			return id, err
		}
		if !asked {
			if err := q.ask(p); err != nil {
				return 0, fault.Because(op, err)
			}
		}
		if pause(ctx, askEvery, nil) != nil {
			q.withdraw()
			if id, done := q.answer(); done {
				return id, nil
			}
			return 0, fault.New(fault.Timeout, "%s: whoever writes %s does not take it up", op, o.Dir)
		}
	}
}

// request is one that waits for its answer.
type request struct {
	Options
	token, name string
	follower    *journal.Follower
	known       map[uint64]bool
}

// ask hands the request over, after looking whether it makes sense.
func (q *request) ask(p journal.Protect) error {
	if p.Off && !q.known[p.ID] {
		return fault.New(fault.NotFound, "there is no number %d", p.ID)
	}
	if !p.From.IsZero() && !p.To.IsZero() && !p.From.Before(p.To) {
		return fault.New(fault.Usage, "it ends before it begins")
	}
	p.From, p.To = utc(p.From), utc(p.To)
	data, err := json.Marshal(p)
	if err != nil {
		return fault.Wrap(fault.Usage, "encode", err)
	}
	return vfs.Fault("hand over the request", vfs.Replace(q.FS, q.name, data, 0o600))
}

// answer looks for the request's line in the journal.
func (q *request) answer() (id uint64, done bool) {
	if q.follower == nil {
		q.follower, q.known = journal.Follow(q.FS, filepath.Join(q.Dir, journalName)), map[uint64]bool{}
	}
	up, err := q.follower.Next()
	if err != nil {
		return 0, false
	}
	for _, l := range up.Lines {
		if p, ok := l.Entry.(*journal.Protect); ok {
			q.known[p.ID] = !p.Off
			if p.Token == q.token {
				id, done = p.ID, true
			}
		}
	}
	return id, done
}

func (q *request) withdraw() { q.FS.Remove(q.name) }
