package crashfs

import (
	"maps"
	"math/rand/v2"
)

const (
	pageSize   = 4096 // what is written back at once, and lost at once by a failed sync
	sectorSize = 512  // what a disk writes whole or not at all
)

// page is immutable once it is shared: with the durable state, or with a clone.
type page struct {
	owner *epoch
	data  [pageSize]byte
}

// content is a file's bytes, as they are read and as a cut leaves them. A nil page is
// zeros; nothing but zeros is in a page behind the size.
type content struct {
	live, durable []*page
	size, synced  int64
	dirty         map[int]bool // pages written since the last sync
	lost          map[int]bool // pages that a failed sync did not write, and no later one will
}

func pages(size int64) int { return int((size + pageSize - 1) / pageSize) }

// read copies from off as far as the size allows.
func (c *content) read(p []byte, off int64) int {
	if off >= c.size {
		return 0
	}
	p = p[:min(int64(len(p)), c.size-off)]
	for n := 0; n < len(p); {
		i, at := int((off+int64(n))/pageSize), int((off+int64(n))%pageSize)
		run := p[n:min(len(p), n+pageSize-at)]
		if pg := c.live[i]; pg != nil {
			copy(run, pg.data[at:])
		} else {
			clear(run)
		}
		n += len(run)
	}
	return len(p)
}

// write copies p to off, extending the file.
func (c *content) write(p []byte, off int64, now *epoch) {
	c.grow(max(c.size, off+int64(len(p))))
	for n := 0; n < len(p); {
		i, at := int((off+int64(n))/pageSize), int((off+int64(n))%pageSize)
		n += copy(c.writable(i, now).data[at:], p[n:])
	}
}

func (c *content) grow(size int64) {
	for len(c.live) < pages(size) {
		c.live = append(c.live, nil)
	}
	c.size = size
}

// writable returns page i for writing, copied when somebody else sees it too.
func (c *content) writable(i int, now *epoch) *page {
	pg := c.live[i]
	if pg == nil || pg.owner != now || i < len(c.durable) && c.durable[i] == pg {
		fresh := &page{owner: now}
		if pg != nil {
			fresh.data = pg.data
		}
		pg = fresh
		c.live[i] = pg
	}
	if c.dirty == nil {
		c.dirty = map[int]bool{}
	}
	c.dirty[i] = true
	delete(c.lost, i)
	return pg
}

func (c *content) truncate(size int64, now *epoch) {
	if size >= c.size {
		c.grow(size)
		return
	}
	c.live, c.size = c.live[:pages(size)], size
	for i := range c.dirty {
		if i >= len(c.live) {
			delete(c.dirty, i)
		}
	}
	for i := range c.lost {
		if i >= len(c.live) {
			delete(c.lost, i)
		}
	}
	if at := size % pageSize; at != 0 && c.live[len(c.live)-1] != nil {
		clear(c.writable(len(c.live)-1, now).data[at:])
	}
}

// sync makes everything durable that is not lost.
func (c *content) sync() {
	for len(c.durable) < len(c.live) {
		c.durable = append(c.durable, nil)
	}
	c.durable = c.durable[:len(c.live)]
	for i, pg := range c.live {
		if !c.lost[i] {
			c.durable[i] = pg
		}
	}
	clear(c.dirty)
	c.synced = c.size
}

// lose is a sync that failed: what was dirty is clean now and not on the disk.
func (c *content) lose() {
	if c.lost == nil {
		c.lost = map[int]bool{}
	}
	maps.Copy(c.lost, c.dirty)
	clear(c.dirty)
}

// after returns the content that a cut leaves.
func (c *content) after(mode Mode, rng *rand.Rand, now *epoch) content {
	size := c.size
	fresh := func() bool { return false } // whether a sector that was not synced is on the disk
	switch mode {
	case Kept:
		fresh = func() bool { return true }
	case Dropped:
		size = c.synced
	case Zeroed:
	case mixed:
		fresh = func() bool { return rng.IntN(2) == 0 }
		switch low, high := min(c.size, c.synced), max(c.size, c.synced); rng.IntN(3) {
		case 0:
			size = c.synced
		case 1:
			size = low + rng.Int64N(high-low+1)
		}
	}
	out := content{size: size, live: make([]*page, pages(size))}
	for i := range out.live {
		out.live[i] = c.pageAfter(i, mode, fresh, now)
	}
	if at := size % pageSize; at != 0 && out.live[len(out.live)-1] != nil {
		tail := *out.live[len(out.live)-1]
		tail.owner = now
		clear(tail.data[at:])
		out.live[len(out.live)-1] = &tail
	}
	out.durable, out.synced = append([]*page(nil), out.live...), size
	return out
}

// pageAfter returns page i as a cut leaves it.
func (c *content) pageAfter(i int, mode Mode, fresh func() bool, now *epoch) *page {
	var live, durable *page
	if i < len(c.live) {
		live = c.live[i]
	}
	if i < len(c.durable) {
		durable = c.durable[i]
	}
	switch {
	case live == durable:
		return live
	case c.lost[i] && mode != mixed:
		return durable
	case mode == Kept:
		return live
	case mode != mixed:
		return durable
	}
	out := &page{owner: now}
	for at := 0; at < pageSize; at += sectorSize {
		from := durable
		if fresh() {
			from = live
		}
		if from != nil {
			copy(out.data[at:at+sectorSize], from.data[at:])
		}
	}
	return out
}
