package archive

import (
	"cmp"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

const (
	// scanEvery is how often the roots are searched for recordings at most.
	scanEvery = 500 * time.Millisecond
	// idleEvery is how often a recording is looked at that nobody writes.
	idleEvery = time.Second
	// keepSegments bounds the catalogues in memory, in segments: some 300 MB. Those that
	// were not asked for longest are forgotten, and read again when they are.
	keepSegments = 1 << 19
)

// Library is the recordings below some roots, kept in memory: a catalogue is read once and
// then follows its journal, of which only what was added is read. Nothing in it opens a
// media file but Describe and Replay. It is safe for concurrent use; what it returns is a
// picture of one moment that nobody changes any more.
type Library struct {
	fs    vfs.FS
	clock media.Clock
	roots []string

	mu      sync.Mutex
	entries map[string]*entry // by name
	scanned time.Time
	asked   uint64 // counts questions, to know what was not asked for longest
	heads   map[headKey][]media.Track

	slicing sliceCache
	watched liveCache
}

// Holding is one camera of one recording.
type Holding struct {
	Recording *Recording
	Camera    *Camera
}

// NewLibrary returns the library of what is below roots: each is a recording, or a directory
// of recordings. It reads nothing yet.
func NewLibrary(fsys vfs.FS, clock media.Clock, roots ...string) *Library {
	return &Library{fs: fsys, clock: clock, roots: roots, entries: map[string]*entry{}, heads: map[headKey][]media.Track{}}
}

// Recordings returns all recordings, by name. One that cannot be read has no cameras, and
// says why in PlanError.
func (l *Library) Recordings() []*Recording {
	var list []*Recording
	for _, e := range l.find("") {
		list = append(list, l.look(e))
	}
	l.forget()
	return list
}

// Recording returns the one of that name: its directory relative to its root with forward
// slashes, or the directory's own name where the root is the recording. fault.NotFound
// without one; other errors say why it cannot be read.
func (l *Library) Recording(name string) (*Recording, error) {
	entries := l.find(name)
	if len(entries) == 0 {
		return nil, fault.New(fault.NotFound, "no recording %.200q", name)
	}
	r := l.look(entries[0])
	l.forget()
	if len(r.Cameras) == 0 && r.PlanError != nil {
		return nil, r.PlanError
	}
	return r, nil
}

// Resolve finds the cameras that a path names: "CAMERA" in every recording that has it, by
// time, or "RECORDING/CAMERA". It fails with fault.NotFound where there is none; a
// name never reaches the disk.
func (l *Library) Resolve(name string) ([]Holding, error) {
	name = strings.Trim(name, "/")
	var list []Holding
	if dir, camera := path.Split(name); dir != "" {
		if rec, err := l.Recording(strings.TrimSuffix(dir, "/")); err == nil {
			if c := rec.Camera(camera); c != nil {
				list = append(list, Holding{rec, c})
			}
		}
	} else {
		for _, rec := range l.Recordings() {
			if c := rec.Camera(camera); c != nil {
				list = append(list, Holding{rec, c})
			}
		}
	}
	if len(list) == 0 {
		return nil, fault.New(fault.NotFound, "nothing is recorded as %.200q", name)
	}
	slices.SortStableFunc(list, func(a, b Holding) int { return a.Recording.Window.From.Compare(b.Recording.Window.From) })
	return list, nil
}

// find returns the entry of that name, or with "" all of them, by name.
func (l *Library) find(name string) []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.scanned.IsZero() || l.clock.Now().Sub(l.scanned) >= scanEvery {
		l.scan()
	}
	if name != "" {
		if e := l.entries[name]; e != nil {
			return []*entry{e}
		}
		return nil
	}
	return slices.SortedFunc(maps.Values(l.entries), func(a, b *entry) int { return cmp.Compare(a.name, b.name) })
}

// scan looks which recordings there are.
func (l *Library) scan() {
	found, dirs := map[string]string{}, map[string]bool{}
	for _, root := range l.roots {
		l.scanBelow(root, root, searchDepth, found, dirs)
	}
	for name, e := range l.entries {
		if found[name] != e.dir {
			delete(l.entries, name)
		}
	}
	for name, dir := range found {
		if l.entries[name] == nil {
			l.entries[name] = &entry{name: name, dir: dir}
		}
	}
	l.scanned = l.clock.Now()
}

// scanBelow adds what is below dir. A recording that lies below two roots is one.
func (l *Library) scanBelow(root, dir string, depth int, found map[string]string, dirs map[string]bool) {
	if isRecording(l.fs, dir) {
		full, err := filepath.Abs(dir)
		if err != nil || dirs[full] {
			return
		}
		dirs[full] = true
		name := nameOf(root, dir)
		if other, taken := found[name]; taken && other != dir {
			name = filepath.Base(filepath.Clean(root)) + "/" + name
		}
		if _, taken := found[name]; !taken {
			found[name] = dir
		}
		return
	}
	entries, err := l.fs.ReadDir(dir)
	if err != nil || depth == 0 {
		return
	}
	for _, e := range entries {
		if e.Name()[0] != '.' && isFolder(l.fs, filepath.Join(dir, e.Name()), e) {
			l.scanBelow(root, filepath.Join(dir, e.Name()), depth-1, found, dirs)
		}
	}
}

// nameOf is what a recording is called.
func nameOf(root, dir string) string {
	rel, err := filepath.Rel(root, dir)
	if err != nil || rel == "." {
		if full, err := filepath.Abs(dir); err == nil {
			return filepath.Base(full)
		}
		return filepath.Base(dir)
	}
	return filepath.ToSlash(rel)
}

// look is the entry's catalogue as it is now.
func (l *Library) look(e *entry) *Recording {
	l.mu.Lock()
	l.asked++
	asked := l.asked
	l.mu.Unlock()
	return e.look(l.fs, l.clock, asked)
}

// forget drops the catalogues that were not asked for longest, while all together are
// too large.
func (l *Library) forget() {
	l.mu.Lock()
	list := slices.Collect(maps.Values(l.entries))
	l.mu.Unlock()
	total := 0
	for _, e := range list {
		total += int(e.segments.Load())
	}
	if total <= keepSegments {
		return
	}
	slices.SortFunc(list, func(a, b *entry) int { return cmp.Compare(a.asked.Load(), b.asked.Load()) })
	for _, e := range list[:len(list)-1] {
		if total > keepSegments && !e.live.Load() {
			total -= int(e.segments.Load())
			e.drop()
		}
	}
}
