package crashfs

import (
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// node is a file or a directory.
type node struct {
	perm fs.FileMode // with fs.ModeDir
	// A directory's names as they are, as a cut leaves them, and what leads from one to
	// the other.
	live, durable map[string]*node
	pending       []change

	content content
	linked  bool // has a name
	opens   int
	locked  bool
	holds   int // handles of FS.Hold
}

// change is what one operation does to the names of one directory, at once.
type change []struct {
	name string
	node *node // nil: removed
}

func newDir(perm fs.FileMode) *node {
	return &node{perm: perm | fs.ModeDir, live: map[string]*node{}, durable: map[string]*node{}, linked: true}
}

func (n *node) isDir() bool { return n.live != nil }

func (n *node) apply(c change) {
	put(n.live, c)
	n.pending = append(n.pending, c)
}

func put(names map[string]*node, c change) {
	for _, e := range c {
		if e.node == nil {
			delete(names, e.name)
		} else {
			names[e.name] = e.node
		}
	}
}

func clean(name string) string { return path.Clean("/" + filepath.ToSlash(name)) }

// find returns the node of a clean name.
func (f *FS) find(name string) (*node, error) {
	n := f.root
	for _, part := range strings.Split(strings.Trim(name, "/"), "/") {
		if part == "" {
			continue
		}
		if !n.isDir() {
			return nil, syscall.ENOTDIR
		}
		next, ok := n.live[part]
		if !ok {
			return nil, syscall.ENOENT
		}
		n = next
	}
	return n, nil
}

// parent returns the directory that a clean name is in, and the name in it.
func (f *FS) parent(name string) (*node, string, error) {
	if name == "/" {
		return nil, "", syscall.EBUSY
	}
	dir, err := f.find(path.Dir(name))
	if err != nil {
		return nil, "", err
	}
	if !dir.isDir() {
		return nil, "", syscall.ENOTDIR
	}
	base := path.Base(name)
	if len(base) > 255 {
		return nil, "", syscall.ENAMETOOLONG
	}
	return dir, base, nil
}

// add gives n a name that is not taken.
func (f *FS) add(name string, n *node) error {
	dir, base, err := f.parent(name)
	if err != nil {
		return err
	}
	if dir.live[base] != nil {
		return syscall.EEXIST
	}
	if err := f.room(); err != nil {
		return err
	}
	n.linked = true
	dir.apply(change{{base, n}})
	return nil
}

// release gives the space of a file back when nothing refers to it any more. Its bytes
// stay: a cut may bring the name back.
func (f *FS) release(n *node) {
	if !n.linked && n.opens == 0 && !n.isDir() {
		f.used -= n.content.size
	}
}
