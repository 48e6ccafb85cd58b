package record

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/media"
)

// storm feeds a recording with whatever script says: units at odd times, with odd
// reordering, configurations and losses, garbage, runs that end or do not, a disk that
// fails now and then.
type storm struct {
	*rig
	script []byte
	s      media.Sink
	tracks []media.Track
	ticks  []int64
	n      int
	skew   time.Duration
	begun  time.Time
}

func (m *storm) next() byte {
	if len(m.script) == 0 {
		return 0
	}
	b := m.script[0]
	m.script = m.script[1:]
	return b
}

func (m *storm) run() {
	m.tracks = nil
	kinds := []media.Track{videoTrack(0), aacTrack(0), pcmaTrack(0), {Codec: media.MJPEG, ClockRate: 90000}, {Codec: "odd", ClockRate: 1}, {Codec: media.H264, ClockRate: 90000}}
	sounds := 0
	for range 1 + m.next()%3 {
		t := kinds[int(m.next())%len(kinds)]
		if t.Channels > 0 {
			// Which of several sounds decides about a camera without a picture is a
			// matter of taste; coverage by one is not by another.
			if sounds++; sounds > 1 {
				continue
			}
		}
		t.ID = media.TrackID(len(m.tracks))
		m.tracks = append(m.tracks, t)
	}
	m.ticks, m.skew, m.begun = make([]int64, len(m.tracks)), 0, time.Now()
	m.s.Begin(context.Background(), media.Run{Start: time.Now(), Tracks: m.tracks, Origin: "live"})
}

func (m *storm) unit(b byte) {
	id := int(b>>3) % len(m.tracks)
	t := m.tracks[id]
	how := m.next()
	m.ticks[id] += media.FromDuration(time.Duration(how&15)*10*time.Millisecond, t.ClockRate)
	au := media.AccessUnit{Track: media.TrackID(id), DTS: m.ticks[id], PTS: m.ticks[id], Arrival: time.Now(), Key: !t.Codec.Video() || how&0x30 == 0}
	m.n++
	au.Data = picture(m.n, au.Key, 50)
	switch {
	case t.Codec.Video() && how&0xc0 == 0x40:
		au.PTS += int64(m.next()) * 100
	case how&0xc0 == 0x80:
		au.Damaged, au.Lost = true, int(m.next())
	case how == 0xc1:
		au.Data = []byte("garbage")
	case how == 0xc2:
		au.Missing = &media.Gap{Causes: media.Because(media.Overflow), From: time.Now().Add(-time.Duration(m.next()) * 100 * time.Millisecond)}
	case how == 0xc3:
		au.Config = [][]byte{small, large, padded, aac, []byte("?")}[m.next()%5]
	case how == 0xc4:
		m.skew += time.Duration(int8(m.next())) * 50 * time.Millisecond
	case how == 0xc5:
		au.Track = 99
	}
	au.Wall = m.begun.Add(media.ToDuration(au.PTS, t.ClockRate)).Add(m.skew).UTC()
	if err := m.s.Write(context.Background(), au); err != nil {
		m.Errorf("write: %v", err)
	}
}

func (m *storm) play() {
	m.run()
	for len(m.script) > 0 {
		switch b := m.next(); {
		case b < 200:
			m.unit(b)
		case b < 230:
			time.Sleep(time.Duration(b-199) * 10 * time.Millisecond)
		case b < 236:
			m.s.End(context.Background(), media.Gap{Causes: media.Because(media.Timeout)})
			time.Sleep(time.Duration(m.next()) * 20 * time.Millisecond)
			m.run()
		case b < 238:
			m.run()
		case b < 246:
			m.fs.Fail(m.fs.Ops()+1+int(m.next()%20), []error{syscall.EIO, syscall.ENOSPC}[b%2])
		case b < 248:
			time.Sleep(time.Duration(m.next()) * 100 * time.Millisecond)
		case b < 250:
			m.must(m.s.Close(context.Background()))
			m.s = m.sink("hall")
			m.run()
		}
	}
}

// Whatever comes in, what is on the disk holds together and nothing is there twice.
func FuzzAnyUnits(f *testing.F) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, seed))
		script := make([]byte, 600)
		for i := range script {
			script[i] = byte(rng.Uint32())
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 4000 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, "hall")
			g.create()
			m := &storm{rig: g, script: script, s: g.sink("hall")}
			m.play()
			g.close("stopped")
			seen := map[string]bool{}
			for _, s := range read(t, g.fs, g.dir, "hall") {
				for _, mark := range s.marks {
					if mark != "" && seen[mark] {
						t.Errorf("%s twice", mark)
					}
					seen[mark] = true
				}
			}
			for _, f := range verify(t, g.fs, g.dir).Findings {
				if f.Severity == archive.Broken && f.Kind != archive.Overlap {
					t.Errorf("%s: %s (%s)", f.Kind, f.Text, f.File)
				}
				if f.Kind == archive.UnexplainedGap {
					t.Errorf("%s: %s", f.Kind, fmt.Sprint(f.From, f.To, f.Text))
				}
			}
		})
	})
}
