package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"golang.org/x/sys/unix"

	"rtsprec/engine/archive"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
	"rtsprec/testdata/clips"
)

// reel is a clip that is played over and over.
type reel struct {
	track media.Track
	ticks int64
	units []segment.Sample
}

// readReel reads one of testdata/clips. Pictures get rate per second.
func readReel(name string, track media.Track, ticks int64) (reel, error) {
	r := reel{track: track, ticks: ticks}
	index, err := clips.Files.ReadFile(name + ".idx")
	if err != nil {
		return r, err
	}
	data, err := clips.Files.ReadFile(name + ".bin")
	if err != nil {
		return r, err
	}
	for line := range strings.Lines(string(index)) {
		words := strings.Split(strings.TrimSpace(line), ",")
		if strings.HasPrefix(line, "#") || len(words) < 5 {
			continue
		}
		size, err := strconv.Atoi(strings.TrimSpace(words[4]))
		if err != nil || size > len(data) {
			return r, fmt.Errorf("%s.idx: %q", name, line)
		}
		u := segment.Sample{Duration: uint32(ticks), Key: true, Data: data[:size:size]}
		data = data[size:]
		if track.Codec == media.H264 {
			var nals h264.AnnexB
			if err := nals.Unmarshal(u.Data); err != nil {
				return r, err
			}
			u.Data, u.Key = nil, false
			for _, nal := range nals {
				u.Data = media.AppendNAL(u.Data, nal)
				u.Key = u.Key || nal[0]&31 == 5
			}
			if r.track.Config == nil {
				r.track.Config = media.ConfigOf(media.H264, u.Data, nil)
			}
		}
		r.units = append(r.units, u)
	}
	return r, nil
}

// studio writes recordings without a camera, as fast as the disk takes them.
type studio struct {
	dir     string
	journal *journal.Writer
	reels   []reel
	lines   int
}

func newStudio(dir string, opened time.Time, cameras ...string) (*studio, error) {
	plan := journal.Plan{Format: 1, Created: opened, Opened: opened, Segment: journal.Duration(10 * time.Minute), Commit: journal.Duration(time.Second)}
	for _, name := range cameras {
		plan.Cameras = append(plan.Cameras, journal.Camera{Name: name, URL: "rtsp://192.0.2.1/live"})
	}
	fs := vfs.OS()
	if err := fs.MkdirAll(filepath.Join(dir, "journal"), 0o755); err != nil {
		return nil, err
	}
	if err := journal.SavePlan(fs, dir, plan); err != nil {
		return nil, err
	}
	w, err := journal.OpenWriter(journal.Options{FS: fs, Dir: filepath.Join(dir, "journal"), Clock: &clock{opened}, Next: 1})
	if err != nil {
		return nil, err
	}
	s := &studio{dir: dir, journal: w}
	_, err = w.Append(&journal.Open{Version: "bench", Why: "create", Wall: opened})
	return s, err
}

// segment writes a segment and tells the journal; without a file it only tells.
func (s *studio) segment(camera string, n uint64, start time.Time, length time.Duration, file bool) error {
	name := camera + "/" + segment.FileName(start, n)
	line := &journal.Segment{Camera: camera, N: n, File: name, Run: 1, Start: start}
	for _, r := range s.reels {
		line.Tracks = append(line.Tracks, journal.Track{Codec: r.track.Codec, Clock: r.track.ClockRate, Channels: r.track.Channels})
	}
	seal := &journal.Seal{
		Camera: camera, N: n, Size: 3e8, SHA256: strings.Repeat("0123456789abcdef", 4), Start: start, End: start.Add(length),
		Starts: []time.Time{start, start}, Ends: []time.Time{start.Add(length), start.Add(length)}, Units: []int64{18000, 28125},
	}
	if file {
		sum, err := s.write(filepath.Join(s.dir, name), camera, start, length)
		if err != nil {
			return err
		}
		seal.Size, seal.SHA256, seal.Start, seal.End = sum.Size, sum.SHA256, sum.Start, sum.End
		seal.Starts, seal.Ends, seal.Units = sum.Starts, sum.Ends, sum.Units
	}
	for _, e := range []journal.Entry{line, seal} {
		if _, err := s.journal.Append(e); err != nil {
			return err
		}
	}
	if s.lines++; s.lines%64 > 0 { // what is being built needs no durability
		return nil
	}
	return s.journal.Sync()
}

func (s *studio) write(path, camera string, start time.Time, length time.Duration) (segment.Summary, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return segment.Summary{}, err
	}
	f, err := vfs.OS().Create(path, 0o644)
	if err != nil {
		return segment.Summary{}, err
	}
	defer f.Close()
	h := segment.Header{Camera: camera, Start: start}
	for i, r := range s.reels {
		r.track.ID = media.TrackID(i)
		h.Tracks = append(h.Tracks, r.track)
	}
	w, err := segment.NewWriter(f, h)
	if err != nil {
		return segment.Summary{}, err
	}
	next := make([]int64, len(s.reels))
	for {
		track, at := -1, length
		for i, r := range s.reels {
			if t := media.ToDuration(next[i]*r.ticks, r.track.ClockRate); t < at {
				track, at = i, t
			}
		}
		if track < 0 {
			break
		}
		r := s.reels[track]
		u := r.units[next[track]%int64(len(r.units))]
		u.Track, u.DTS = track, next[track]*r.ticks
		next[track]++
		if _, span, _ := w.Pending(); track == 0 && u.Key || span >= 250*time.Millisecond {
			if err := w.Flush(); err != nil {
				return segment.Summary{}, err
			}
		}
		if err := w.Add(u); err != nil {
			return segment.Summary{}, err
		}
	}
	return w.Seal()
}

func (s *studio) close(at time.Time) error {
	if _, err := s.journal.Append(&journal.Close{Why: "planned", At: at}); err != nil {
		return err
	}
	return s.journal.Close()
}

// clip measures the way to the first byte of a clip in 30 days of 8 cameras.
func (b *bench) clip() error {
	const length, days, cameras = 10 * time.Minute, 30, 8
	opened := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	var names []string
	for i := range cameras {
		names = append(names, fmt.Sprintf("cam%d", i))
	}
	s, err := newStudio(filepath.Join(b.dir, "clips"), opened, names...)
	if err != nil {
		return err
	}
	if err := s.load("h264", 3600); err != nil {
		return err
	}
	var spots []time.Time
	for n := uint64(1); n <= days*24*6; n++ {
		start := opened.Add(time.Duration(n-1) * length)
		for i, name := range names {
			there := i == 3 && (n%997 == 5 || n%997 == 6) // two in a row, so that a clip crosses from one to the other
			if there && n%997 == 5 {
				spots = append(spots, start.Add(length-30*time.Second))
			}
			if err := s.segment(name, n, start, length, there); err != nil {
				return err
			}
		}
	}
	if err := s.close(opened.Add(days * 24 * time.Hour)); err != nil {
		return err
	}
	library := archive.NewLibrary(vfs.OS(), media.SystemClock{}, s.dir)
	began := time.Now()
	if _, err := library.Resolve("cam3"); err != nil {
		return err
	}
	b.info("30 days of 8 cameras, catalogue read", float64(time.Since(began).Microseconds())/1000, "ms", "once, at the first question")
	worst := time.Duration(0)
	for _, at := range spots {
		if err := forget(filepath.Join(s.dir, "cam3")); err != nil {
			return err
		}
		began := time.Now()
		c, err := library.Clip(context.Background(), "cam3", archive.ClipOptions{From: at, To: at.Add(time.Minute)})
		if err != nil {
			return err
		}
		_, err = c.ReadAt(make([]byte, 1), 0)
		worst = max(worst, time.Since(began))
		c.Close()
		if err != nil {
			return err
		}
	}
	ms := float64(worst.Microseconds()) / 1000
	b.add("first byte of a clip anywhere in 30 days", ms, "ms", "<= 100", ms <= 100, fmt.Sprintf("the slowest of %d, not in the page cache", len(spots)))
	return nil
}

// load takes the pictures of a clip at so many ticks each, and sound.
func (s *studio) load(name string, ticks int64) error {
	picture, err := readReel(name, media.Track{Codec: media.H264, ClockRate: 90000}, ticks)
	if err != nil {
		return err
	}
	sound, err := readReel("aac", media.Track{Codec: media.AAC, ClockRate: 48000, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}, 1024)
	s.reels = []reel{picture, sound}
	return err
}

// forget has the kernel drop what it keeps of the files below a folder.
func forget(dir string) error {
	unix.Sync()
	return filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}
