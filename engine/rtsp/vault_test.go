package rtsp

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/testdata/clips"
)

// vault is a recording in memory: H.264 with B-frames, a key frame a second, and AAC.
type vault struct {
	from, to time.Time
	tracks   []media.Track
	units    []media.AccessUnit // in order of decoding

	mu   sync.Mutex
	open int
}

// newVault records length, of which a minute is missing after gapAt; 0: nothing is.
func newVault(t testing.TB, from time.Time, length, gapAt time.Duration) *vault {
	t.Helper()
	v := &vault{from: from, to: from.Add(length), tracks: []media.Track{
		{Codec: media.H264, ClockRate: 90000},
		{ID: 1, Codec: media.AAC, ClockRate: 48000, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}},
	}}
	for id, name := range []string{"h264b", "aac"} {
		v.load(t, media.TrackID(id), name, length, gapAt)
	}
	if gapAt > 0 {
		v.to = v.to.Add(time.Minute)
	}
	slices.SortStableFunc(v.units, func(a, b media.AccessUnit) int { return v.decoded(a).Compare(v.decoded(b)) })
	return v
}

func (v *vault) decoded(au media.AccessUnit) time.Time {
	return au.Wall.Add(-media.ToDuration(au.PTS-au.DTS, v.tracks[au.Track].ClockRate))
}

// load loops a clip.
func (v *vault) load(t testing.TB, id media.TrackID, name string, length, gapAt time.Duration) {
	index, _ := clips.Files.ReadFile(name + ".idx")
	data, _ := clips.Files.ReadFile(name + ".bin")
	track := &v.tracks[id]
	base, first, end := int64(0), true, int64(0)
	base0 := int64(0)
	for {
		rest := data
		num, den := int64(1), int64(track.ClockRate)
		for line := range strings.Lines(string(index)) {
			if tb, ok := strings.CutPrefix(line, "#tb 0: "); ok {
				a, b, _ := strings.Cut(strings.TrimSpace(tb), "/")
				num, _ = strconv.ParseInt(a, 10, 64)
				den, _ = strconv.ParseInt(b, 10, 64)
			}
			field := strings.Split(strings.TrimSpace(line), ", ")
			if strings.HasPrefix(line, "#") || len(field) < 6 {
				continue
			}
			var n [4]int64
			for i := range n {
				n[i], _ = strconv.ParseInt(strings.TrimSpace(field[i+1]), 10, 64)
			}
			ticks := func(x int64) int64 { return x * num * int64(track.ClockRate) / den }
			if first {
				base0, first = ticks(n[0]), false
			}
			au := media.AccessUnit{Track: id, DTS: base + ticks(n[0]) - base0, PTS: base + ticks(n[1]) - base0, Key: true, Data: bytes.Clone(rest[:n[3]])}
			rest = rest[n[3]:]
			end = max(end, au.DTS+ticks(max(n[2], 1)))
			v.add(au, length, gapAt)
		}
		if id == 0 {
			end = (end + 1800) / 3600 * 3600 // of the muxer's rounding
		}
		if base = end; media.ToDuration(base, track.ClockRate) > length {
			return
		}
	}
}

func (v *vault) add(au media.AccessUnit, length, gapAt time.Duration) {
	track := &v.tracks[au.Track]
	at := media.ToDuration(au.DTS, track.ClockRate)
	if at >= length {
		return
	}
	if au.Track == 0 {
		au.Data = toLengths(au.Data)
		au.Key = media.IsKey(media.H264, au.Data)
		if track.Config == nil {
			track.Config = media.ConfigOf(media.H264, au.Data, nil)
		}
	}
	shift := time.Duration(0)
	if gapAt > 0 && at >= gapAt {
		shift = time.Minute
		if len(v.units) > 0 && v.units[len(v.units)-1].Track == au.Track && v.decoded(v.units[len(v.units)-1]).Before(v.from.Add(gapAt)) {
			au.Missing = &media.Gap{From: v.from.Add(gapAt), To: v.from.Add(gapAt + shift)}
		}
	}
	au.Wall = v.from.Add(media.ToDuration(au.PTS, track.ClockRate) + shift)
	au.PTS += media.FromDuration(shift, track.ClockRate)
	au.DTS += media.FromDuration(shift, track.ClockRate)
	v.units = append(v.units, au)
}

// toLengths turns start codes into lengths.
func toLengths(b []byte) (unit []byte) {
	for _, nal := range bytes.Split(b, []byte{0, 0, 1}) {
		if nal = bytes.TrimRight(nal, "\x00"); len(nal) > 0 {
			unit = media.AppendNAL(unit, nal)
		}
	}
	return unit
}

// Describe implements Library.
func (v *vault) Describe(path string) (time.Time, time.Time, []media.Track, error) {
	if path != "cam" && path != "lesson/cam" {
		return time.Time{}, time.Time{}, nil, fault.New(fault.NotFound, "nothing is recorded as %s", path)
	}
	return v.from, v.to, slices.Clone(v.tracks), nil
}

// Play implements Library.
func (v *vault) Play(_ context.Context, _ string, from, to time.Time, keys, reverse bool) (media.Source, error) {
	return v.play(v.chosen(from, to, keys, reverse), keys), nil
}

// chosen are the units that a range plays.
func (v *vault) chosen(from, to time.Time, keys, reverse bool) []media.AccessUnit {
	var list []media.AccessUnit
	if reverse {
		for _, au := range v.units {
			if au.Track == 0 && au.Key && !au.Wall.After(from) && !au.Wall.Before(to) {
				list = append(list, au)
			}
		}
		slices.Reverse(list)
		for i := range list {
			list[i].Missing = nil
			if i > 0 && list[i-1].Wall.Sub(list[i].Wall) > 10*time.Second {
				list[i].Missing = &media.Gap{}
			}
		}
		return list
	}
	start := v.from
	for _, au := range v.units {
		if au.Track == 0 && au.Key && !au.Wall.After(from) {
			start = v.decoded(au)
		}
	}
	if i := slices.IndexFunc(v.units, func(au media.AccessUnit) bool { return au.Missing != nil }); i > 0 &&
		from.After(v.from.Add(v.units[i].Missing.From.Sub(v.from))) && from.Before(v.units[i].Missing.To) {
		start = v.units[i].Missing.To
	}
	for _, au := range v.units {
		at := v.decoded(au)
		if at.Before(start) || !to.IsZero() && !at.Before(to) || keys && (au.Track != 0 || !au.Key) {
			continue
		}
		list = append(list, au)
	}
	return list
}

func (v *vault) play(list []media.AccessUnit, keys bool) media.Source {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open++
	tracks := v.tracks
	if keys {
		tracks = tracks[:1]
	}
	return &spool{vault: v, list: list, run: media.Run{Tracks: tracks}}
}

// opened is how many sources are not closed.
func (v *vault) opened() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.open
}

// spool plays a list.
type spool struct {
	vault *vault
	list  []media.AccessUnit
	run   media.Run
	once  sync.Once
}

func (s *spool) Run() media.Run { return s.run }

func (s *spool) Next(ctx context.Context) (media.AccessUnit, error) {
	if len(s.list) == 0 {
		return media.AccessUnit{}, io.EOF
	}
	au := s.list[0]
	s.list = s.list[1:]
	return au, ctx.Err()
}

func (s *spool) Close() error {
	s.once.Do(func() {
		s.vault.mu.Lock()
		defer s.vault.mu.Unlock()
		s.vault.open--
	})
	return nil
}
