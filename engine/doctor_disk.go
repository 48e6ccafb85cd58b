package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

const (
	// diskTime and diskBytes bound what is written to measure a disk.
	diskTime  = time.Second
	diskBytes = 256 << 20
	diskBlock = 1 << 20
	// smallSync is about a second of a camera.
	smallSync  = 512 << 10
	smallSyncs = 8
)

// measureDisk writes a file, synced, for about a second, and removes it.
func measureDisk(ctx context.Context, d Deps, dir string, to *DoctorDisk) (err error) {
	to.Dir = dir
	defer func() {
		if err != nil {
			to.Error = err.Error()
		}
	}()
	if to.Free, err = d.FS.Free(dir); err != nil {
		return vfs.Fault("look at "+dir, err)
	}
	if to.Free < 8*diskBlock+smallSyncs*smallSync {
		return fault.New(fault.DiskFull, "%s is full", dir)
	}
	name := filepath.Join(dir, fmt.Sprintf(".rtsprec-doctor-%08x", rand.Uint32()))
	f, err := d.FS.Create(name, 0o600)
	if err != nil {
		return vfs.Fault("write to "+dir, err)
	}
	defer func() {
		f.Close()
		if gone := d.FS.Remove(name); gone != nil && err == nil {
			err = vfs.Fault("remove "+name, gone)
		}
	}()
	m := diskMeter{clock: d.Clock, file: f, dir: dir, block: make([]byte, diskBlock)}
	for i := range m.block {
		m.block[i] = byte(rand.Uint32()) // what does not compress
	}
	if err := m.small(ctx, to); err != nil {
		return err
	}
	if err := m.stream(ctx, to); err != nil {
		return err
	}
	return ctx.Err()
}

// diskMeter writes to a file and counts the time.
type diskMeter struct {
	clock media.Clock
	file  vfs.File
	dir   string
	block []byte
	spent time.Duration
}

// small measures what a commit of one camera costs.
func (m *diskMeter) small(ctx context.Context, to *DoctorDisk) error {
	var syncs []time.Duration
	for len(syncs) < smallSyncs && m.spent < diskTime && ctx.Err() == nil {
		before := m.spent
		if err := m.write(1, m.block[:smallSync]); err != nil {
			return err
		}
		syncs = append(syncs, m.spent-before)
	}
	if len(syncs) == 0 {
		return nil
	}
	slices.Sort(syncs)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	to.Sync, to.SlowSync = ms(syncs[len(syncs)/2]), ms(syncs[len(syncs)-1])
	return nil
}

// stream measures what the disk takes at the most, at least once.
func (m *diskMeter) stream(ctx context.Context, to *DoctorDisk) error {
	most := int64(min(diskBytes, to.Free/4))
	began, written := m.spent, int64(0)
	for written == 0 || m.spent < diskTime && written < most && ctx.Err() == nil {
		if err := m.write(4, m.block); err != nil {
			return err
		}
		written += 4 * diskBlock
	}
	if took := m.spent - began; took > 0 {
		to.Speed = float64(written) / took.Seconds()
	}
	return nil
}

// write writes b some times and makes it durable.
func (m *diskMeter) write(times int, b []byte) error {
	began := m.clock.Now()
	for range times {
		if _, err := m.file.Write(b); err != nil {
			return vfs.Fault("write to "+m.dir, err)
		}
	}
	if err := m.file.Sync(); err != nil {
		return vfs.Fault("sync "+m.dir, err)
	}
	m.spent += m.clock.Now().Sub(began)
	return nil
}
