package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// verify measures `rtsprec verify` on a recording of 64 streams that is in the page
// cache, per second of processor time.
func (b *bench) verify() error {
	dir := filepath.Join(b.dir, "ours-64-tcp")
	if _, err := os.Stat(dir); err != nil {
		if _, _, err := b.ours(64, "tcp", false); err != nil {
			return err
		}
	}
	for warm := range 2 { // the first run fills the page cache
		var out bytes.Buffer
		u, err := b.run(&out, nil, "verify", "--json", dir)
		if err != nil {
			return err
		}
		var report struct {
			Bytes int64 `json:"bytes"`
		}
		if err := lastLine(out.Bytes(), &report); err != nil {
			return err
		}
		speed := float64(report.Bytes) / 1e6 / u.CPU.Seconds()
		if warm == 1 {
			b.add("verify", speed, "MB/s/core", ">= 500", speed >= 500, fmt.Sprintf("%.0f MB", float64(report.Bytes)/1e6))
		}
	}
	return nil
}
