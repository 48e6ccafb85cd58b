package rtspcam

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"rtsprec/engine/fault"
)

// Fault describes one thing a camera can be told to do wrong.
type Fault struct {
	Name    string
	Value   string // what stands behind "="; empty: nothing does
	Default string // the value when none is given; empty with a Value: it must be given
	Instant bool   // happens once, at start; a duration means nothing
	Help    string

	parse func(string) (argument, error)
}

// argument is a value in the form its fault uses.
type argument struct {
	number float64       // count, size in bytes, rate, fraction
	span   time.Duration // a time
	word   string        // one of a list, or free text
	since  time.Time     // when the fault began last; filled by script.on
}

// scheduled is a fault with its time. Times are relative to since.
type scheduled struct {
	name     string
	path     string // empty: all
	since    time.Time
	start    time.Duration
	length   time.Duration // 0: for ever
	period   time.Duration // 0: once
	argument argument
}

// parseSpec reads a misbehave spec. Errors are of kind fault.Usage.
func parseSpec(path, spec string) ([]scheduled, error) {
	var list []scheduled
	for item := range strings.SplitSeq(spec, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		s, err := parseItem(item)
		if err != nil {
			return nil, fault.Wrap(fault.Usage, "fault "+strconv.Quote(item), err)
		}
		s.path = path
		list = append(list, s)
	}
	return list, nil
}

func parseItem(item string) (scheduled, error) {
	head, value, hasValue := strings.Cut(item, "=")
	head, period, hasPeriod := strings.Cut(head, "/")
	head, length, hasLength := strings.Cut(head, ":")
	name, start, hasStart := strings.Cut(head, "@")
	f, ok := lookup(name)
	if !ok {
		return scheduled{}, fmt.Errorf("there is none of that name; see -h")
	}
	s := scheduled{name: name}
	for _, t := range []struct {
		given bool
		text  string
		what  string
		into  *time.Duration
	}{{hasStart, start, "start", &s.start}, {hasLength, length, "duration", &s.length}, {hasPeriod, period, "period", &s.period}} {
		if !t.given {
			continue
		}
		d, err := time.ParseDuration(t.text)
		if err != nil || d < 0 || d == 0 && t.what != "start" {
			return s, fmt.Errorf("%s %q is no time such as 1.5s or 2h", t.what, t.text)
		}
		*t.into = d
	}
	switch {
	case f.Instant && hasLength:
		return s, fmt.Errorf("happens at an instant and takes no duration")
	case hasPeriod && !f.Instant && !hasLength:
		return s, fmt.Errorf("a period needs a duration")
	case hasPeriod && s.period <= s.length:
		return s, fmt.Errorf("the period must be longer than the duration")
	case f.Value == "" && hasValue:
		return s, fmt.Errorf("takes no value")
	case f.Value != "" && !hasValue && f.Default == "":
		return s, fmt.Errorf("needs a value: %s=%s", name, f.Value)
	}
	if f.Value == "" {
		return s, nil
	}
	if !hasValue {
		value = f.Default
	}
	var err error
	s.argument, err = f.parse(value)
	return s, err
}

// lookup finds a fault by name.
func lookup(name string) (Fault, bool) {
	for _, f := range Faults() {
		if f.Name == name {
			return f, true
		}
	}
	return Fault{}, false
}

// begun is how often s has started up to now, and when it did last.
func (s *scheduled) begun(now time.Time) (n int, last time.Time) {
	first := s.since.Add(s.start)
	if now.Before(first) {
		return 0, time.Time{}
	}
	if s.period == 0 {
		return 1, first
	}
	k := now.Sub(first) / s.period
	return int(k) + 1, first.Add(k * s.period)
}

func (s *scheduled) active(now time.Time) bool {
	n, last := s.begun(now)
	return n > 0 && (s.length == 0 || now.Before(last.Add(s.length)))
}

// script is everything a camera was told to do wrong.
type script struct {
	mu   sync.RWMutex
	list []scheduled
}

// over reports whether s has nothing more to say: instants are counted for ever.
func (s *scheduled) over(now time.Time) bool {
	f, _ := lookup(s.name)
	return !f.Instant && s.period == 0 && s.length > 0 && now.After(s.since.Add(s.start+s.length))
}

// add starts the clock of faults at now and takes them in; what is over is forgotten.
func (s *script) add(list []scheduled, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.DeleteFunc(s.list, func(f scheduled) bool { return f.over(now) })
	for _, f := range list {
		f.since = now
		s.list = append(s.list, f)
	}
}

// on tells whether a fault of that name is there now, and its value. The one added
// last wins.
func (s *script) on(path, name string, now time.Time) (argument, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := len(s.list) - 1; i >= 0; i-- {
		f := &s.list[i]
		if f.name == name && (f.path == "" || f.path == path) && f.active(now) {
			a := f.argument
			_, a.since = f.begun(now)
			return a, true
		}
	}
	return argument{}, false
}

// is reports whether the fault is there now.
func (s *script) is(path, name string, now time.Time) bool {
	_, ok := s.on(path, name, now)
	return ok
}

// begun counts how often faults of that name have begun on path since the camera did.
func (s *script) begun(path, name string, now time.Time) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	total := 0
	for i := range s.list {
		if f := &s.list[i]; f.name == name && (f.path == "" || f.path == path) {
			n, _ := f.begun(now)
			total += n
		}
	}
	return total
}

// next is the earliest time after now at which anything begins or ends.
func (s *script) next(now time.Time) (at time.Time, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	consider := func(t time.Time) {
		if t.After(now) && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	for i := range s.list {
		f := &s.list[i]
		consider(f.since.Add(f.start))
		if n, last := f.begun(now); n > 0 {
			if f.length > 0 {
				consider(last.Add(f.length))
			}
			if f.period > 0 {
				consider(last.Add(f.period))
			}
		}
	}
	return at, ok
}
