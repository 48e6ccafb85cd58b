package engine

import (
	"fmt"
	"strings"
)

func (r *DoctorReport) checkCodecs() DoctorCheck {
	c := DoctorCheck{Name: "codecs"}
	if len(r.Codecs) == 0 {
		c.Text = "this build has none: recording, playing and relaying as it is all work, pictures do not"
		c.Hint = "the package rtsprec-codecs has them"
		return c
	}
	c.OK = true
	var hardware []string
	for _, d := range r.Codecs {
		if d.Why == "" && d.Device != "software" {
			hardware = append(hardware, d.Device)
		}
	}
	c.Text = "in software; no device helps"
	if len(hardware) > 0 {
		c.Text = "in software and on " + strings.Join(hardware, ", ")
	}
	return c
}

func (r *DoctorReport) checkDisk() DoctorCheck {
	d := r.Disk
	if d.Error != "" {
		return DoctorCheck{Name: "disk", Text: d.Error}
	}
	c := DoctorCheck{Name: "disk", OK: true}
	if d.Speed > 0 {
		c.Text = fmt.Sprintf("%.0f MB/s with every sync, enough for about %s of 4 Mbit/s; a sync takes %.1f ms, the slowest %.1f ms",
			d.Speed/1e6, cameras(int(d.Speed/cameraRate/2)), d.Sync, d.SlowSync)
	}
	switch {
	case d.Speed > 0 && d.Speed < 4*cameraRate:
		c.OK, c.Hint = false, "a faster disk, or fewer cameras"
	case d.SlowSync > 500:
		c.OK, c.Hint = false, "a sync should take much less than --commit (1s): is the disk busy, or on a network?"
	case d.Free < 3600*cameraRate:
		c.OK, c.Hint = false, "less than an hour of one camera is free: make room, or record with --keep-free"
	}
	return c
}

func cameras(n int) string {
	switch {
	case n > 999:
		return "1000 cameras and more"
	case n == 1:
		return "1 camera"
	}
	return fmt.Sprintf("%d cameras", n)
}

func (r *DoctorReport) checkClock() DoctorCheck {
	c := DoctorCheck{Name: "clock", OK: r.Clock.Synced}
	switch {
	case !r.Clock.Known:
		c.Text, c.Hint = "the system does not say whether it is right", "timedatectl, or chronyc tracking"
	case r.Clock.Synced:
		c.Text = fmt.Sprintf("synchronised, right within %.0f ms", r.Clock.Error)
	default:
		c.Text, c.Hint = "not synchronised: recordings may carry wrong times", "timedatectl set-ntp true"
	}
	return c
}

func (r *DoctorReport) checkSockets() DoctorCheck {
	c := DoctorCheck{Name: "sockets", OK: r.Sockets.Max >= wantedSocket}
	switch {
	case r.Sockets.Max == 0:
		c.OK, c.Text = true, "the system does not say how large buffers may be"
	case c.OK:
		c.Text = fmt.Sprintf("UDP buffers of %d KiB", r.Sockets.Max>>10)
	default:
		c.Text = fmt.Sprintf("UDP buffers of %d KiB at most: bursts of large cameras may be lost", r.Sockets.Max>>10)
		c.Hint = fmt.Sprintf("sysctl -w net.core.rmem_max=%d, or --transport tcp", wantedSocket)
	}
	return c
}

func (r *DoctorReport) checkFiles() DoctorCheck {
	f := r.Files
	c := DoctorCheck{Name: "files", OK: f.Limit == 0 || f.Limit >= wantedFiles}
	switch n := (f.Limit - f.Used - sparedDescriptors) / sessionDescriptors; {
	case f.Limit == 0:
		c.Text = "the system does not say how many may be open"
	case f.Limit > 1<<20:
		c.Text = "as many as you like may be open"
	default:
		c.Text = fmt.Sprintf("%d may be open, enough for %s", f.Limit, cameras(max(0, n)))
	}
	if !c.OK {
		c.Hint = fmt.Sprintf("ulimit -n %d", wantedFiles)
	}
	return c
}
