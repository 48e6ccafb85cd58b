package timeline

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rtsprec/engine/media"
	"rtsprec/testdata/peers"
)

// encoded is a stream as an encoder made it: what ffprobe says of each unit, in
// decoding order, and the unit itself.
type encoded struct {
	config []byte
	pts    []media.Ticks // in 1/90000 s
	dts    []media.Ticks
	units  [][]byte
}

// encode makes a stream of 90 pictures and lets ffprobe take it apart.
func encode(t *testing.T, codec media.Codec, args string) encoded {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.mp4")
	tool(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=192x128:r=25:d=3.6", "-pix_fmt", "yuv420p",
		args, "-threads", "1", "-video_track_timescale", "90000", "-y", file)
	raw := map[media.Codec]string{media.H264: "h264", media.H265: "hevc", media.MPEG4: "m4v"}[codec]
	bsf := ""
	if codec == media.MPEG4 {
		bsf = "-bsf:v dump_extra"
	}
	head := tool(t, "ffmpeg", "-v", "error", "-i", file, "-c copy -frames:v 1", bsf, "-f", raw, "-")
	var e encoded
	if codec == media.MPEG4 {
		e.config = media.ConfigOf(codec, head, nil)
	} else {
		var unit []byte
		for _, nal := range bytes.Split(head, []byte{0, 0, 1}) {
			unit = media.AppendNAL(unit, bytes.TrimRight(nal, "\x00"))
		}
		e.config = media.ConfigOf(codec, unit, nil)
	}
	if err := media.ValidConfig(codec, e.config); err != nil {
		t.Fatalf("config %x: %v", e.config, err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	list := tool(t, "ffprobe", "-v error -select_streams v -show_entries packet=pts,dts,size,pos -of default=nw=1:nk=0", file)
	var pos, size int
	for _, line := range strings.Fields(string(list)) {
		key, value, _ := strings.Cut(line, "=")
		n, _ := strconv.Atoi(value)
		switch key {
		case "pts":
			e.pts = append(e.pts, media.Ticks(n))
		case "dts":
			e.dts = append(e.dts, media.Ticks(n))
		case "size":
			size = n
		case "pos":
			pos = n
			e.units = append(e.units, data[pos:pos+size])
		}
	}
	if len(e.pts) < 80 || len(e.pts) != len(e.units) || len(e.pts) != len(e.dts) {
		t.Fatalf("%d pts, %d dts, %d units", len(e.pts), len(e.dts), len(e.units))
	}
	return e
}

// tool runs a command; its arguments are split at spaces.
func tool(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	peers.Need(t, name)
	cmd := exec.Command(name, strings.Fields(strings.Join(args, " "))...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, problems.Bytes())
	}
	return out
}

// check runs units through o and asserts what must always hold. It returns how many
// presentation times were raised and by how much decoding runs ahead at most.
func check(t *testing.T, o *Order, pts []media.Ticks, units [][]byte) (raised int, ahead media.Ticks, dts []media.Ticks) {
	t.Helper()
	last := media.Ticks(-1 << 60)
	for i, p := range pts {
		q, d := o.Next(p, units[i])
		if d > q || d <= last || q < p || q > max(p, d) {
			t.Fatalf("unit %d: pts %d became %d, dts %d after %d", i, p, q, d, last)
		}
		if q != p {
			raised++
		}
		last, ahead = d, max(ahead, q-d)
		dts = append(dts, d)
	}
	return raised, ahead, dts
}

// Case 3: what encoders with B pictures make keeps its presentation times.
func TestOrderKeepsPresentationTimesOfEncoders(t *testing.T) {
	for _, c := range []struct {
		name  string
		codec media.Codec
		args  string
		depth media.Ticks // pictures of reordering that the stream really has
	}{
		{"h264 without B", media.H264, "-c:v libx264 -preset veryfast -bf 0", 0},
		{"h264 baseline", media.H264, "-c:v libx264 -preset veryfast -profile:v baseline", 0},
		{"h264 two B", media.H264, "-c:v libx264 -preset medium -x264-params bframes=2:b-pyramid=none:b-adapt=0:keyint=25", 1},
		{"h264 pyramid", media.H264, "-c:v libx264 -preset medium -x264-params bframes=4:b-pyramid=normal:b-adapt=0:keyint=25", 2},
		{"h264 open GOP", media.H264, "-c:v libx264 -preset medium -x264-params bframes=3:open-gop=1:keyint=20:b-adapt=0", 2},
		{"h264 interlaced", media.H264, "-c:v libx264 -preset medium -flags +ildct+ilme -x264-params bframes=3:tff=1:b-adapt=0:keyint=25", 2},
		{"h264 intra refresh", media.H264, "-c:v libx264 -preset medium -x264-params intra-refresh=1:bframes=0:keyint=20", 0},
		{"h265 default", media.H265, "-c:v libx265 -preset medium -x265-params bframes=4:b-adapt=0:keyint=25:log-level=none", 2},
		{"h265 open GOP", media.H265, "-c:v libx265 -preset medium -x265-params bframes=4:open-gop=1:b-adapt=0:keyint=20:log-level=none", 2},
		{"h265 no B", media.H265, "-c:v libx265 -preset ultrafast -x265-params bframes=0:log-level=none", 0},
		{"mpeg4 B", media.MPEG4, "-c:v mpeg4 -bf 2 -g 25", 1},
		{"mpeg4 no B", media.MPEG4, "-c:v mpeg4 -g 25", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := encode(t, c.codec, c.args)
			raised, ahead, dts := check(t, NewOrder(c.codec, 90000, e.config), e.pts, e.units)
			if raised > 0 {
				t.Errorf("%d presentation times were changed", raised)
			}
			// The encoder's own dts differ by a constant; ours may start lower.
			off := e.dts[60] - dts[60]
			for i := 40; i < len(dts); i++ {
				if e.dts[i]-dts[i] != off {
					t.Errorf("unit %d: dts %d, the encoder says %d less %d", i, dts[i], e.dts[i], off)
					break
				}
			}
			var deepest media.Ticks
			for i, p := range e.pts {
				depth := media.Ticks(0)
				for _, q := range e.pts[:i] {
					if q > p {
						depth++
					}
				}
				deepest = max(deepest, depth)
			}
			if deepest != c.depth {
				t.Errorf("the stream reorders by %d, expected %d: the test tests something else", deepest, c.depth)
			}
			if c.depth == 0 && ahead != 0 {
				t.Errorf("without reordering dts differs from pts by %d", ahead)
			}

			// From every key picture on, as after a reconnect.
			for i, unit := range e.units {
				if media.IsKey(c.codec, unit) {
					raised, _, _ := check(t, NewOrder(c.codec, 90000, e.config), e.pts[i:], e.units[i:])
					if raised > 0 {
						t.Errorf("from unit %d on, %d presentation times were changed", i, raised)
					}
				}
			}

			// A loss disturbs nothing that comes later.
			rng := rand.New(rand.NewPCG(1, 2))
			for range 20 {
				var pts []media.Ticks
				var units [][]byte
				for i := range e.pts {
					if i == 0 || i > 60 || rng.IntN(5) > 0 {
						pts, units = append(pts, e.pts[i]), append(units, e.units[i])
					}
				}
				raised, _, lossy := check(t, NewOrder(c.codec, 90000, e.config), pts, units)
				if raised > 0 {
					t.Errorf("with losses, %d presentation times were changed", raised)
				}
				if n := len(dts) - 10; !slices.Equal(lossy[len(lossy)-10:], dts[n:]) {
					t.Errorf("after losses dts end %v, without %v", lossy[len(lossy)-10:], dts[n:])
				}
			}

			// What the configuration does not say is learnt.
			raised, _, blind := check(t, NewOrder(c.codec, 90000, nil), e.pts, e.units)
			if limit := 2 * int(c.depth) * 2; raised > limit {
				t.Errorf("without a configuration %d presentation times were changed, at most %d expected", raised, limit)
			}
			if n := len(dts) - 10; !slices.Equal(blind[n:], dts[n:]) {
				t.Errorf("without a configuration dts end %v, with it %v", blind[n:], dts[n:])
			}
		})
	}
}

// Case 3: max_num_reorder_frames is 0 and yet pictures are reordered; later they are not.
func TestOrderLearnsAndForgets(t *testing.T) {
	o := NewOrder(media.MJPEG, 90000, nil)
	unit := []byte{1}
	var pts []media.Ticks
	for g := range media.Ticks(20) {
		for _, n := range []media.Ticks{3, 1, 2} {
			pts = append(pts, (3*g+n)*3600)
		}
	}
	units := make([][]byte, 2000)
	for i := range units {
		units[i] = unit
	}
	if raised, _, _ := check(t, o, pts, units); raised > 2 {
		t.Errorf("%d presentation times were raised, 2 are in the first group", raised)
	}
	var plain []media.Ticks
	for i := range media.Ticks(600) {
		plain = append(plain, (100+i)*3600)
	}
	_, _, dts := check(t, o, plain, units)
	for i := 2 * stretch; i < len(plain); i++ {
		if dts[i] != plain[i] {
			t.Fatalf("unit %d: dts %d is still behind pts %d", i, dts[i], plain[i])
		}
	}
}

func TestOrderWithoutReorderingIsIdentity(t *testing.T) {
	o := NewOrder(media.H264, 90000, nil)
	rng := rand.New(rand.NewPCG(3, 4))
	pts := media.Ticks(0)
	for i := range 10000 {
		pts += 1 + rng.Int64N(9000)
		if rng.IntN(500) == 0 {
			pts += 90000 * rng.Int64N(100)
		}
		if q, d := o.Next(pts, nil); q != pts || d != pts {
			t.Fatalf("unit %d at %d: pts %d, dts %d", i, pts, q, d)
		}
	}
}

func TestOrderTakesAHoleInStride(t *testing.T) {
	e := encode(t, media.H264, "-c:v libx264 -preset medium -x264-params bframes=2:b-pyramid=none:b-adapt=0:keyint=25")
	const hole = 90000 * 3600
	pts := slices.Clone(e.pts)
	for i := 50; i < len(pts); i++ {
		pts[i] += hole
	}
	raised, ahead, dts := check(t, NewOrder(media.H264, 90000, e.config), pts[:], e.units)
	if raised > 0 || ahead > 90000 {
		t.Errorf("raised %d, dts up to %d before pts", raised, ahead)
	}
	if dts[50]-dts[49] < hole/2 {
		t.Errorf("the hole is not where it was: dts %v", dts[47:54])
	}
}

func FuzzOrderIsMonotonic(f *testing.F) {
	f.Add([]byte{1, 3, 2, 2, 200, 4}, uint8(2))
	f.Add(bytes.Repeat([]byte{0}, 64), uint8(0))
	f.Fuzz(func(t *testing.T, steps []byte, configAt uint8) {
		o := NewOrder(media.H264, 90000, nil)
		var pts, last media.Ticks
		last = -1 << 62
		for i, s := range steps {
			pts += media.Ticks(int8(s)) * media.Ticks(1+int(s)%7*900)
			if s == 99 {
				pts += 1 << 33
			}
			if i == int(configAt) {
				o.claim = int(s) % (maxDepth + 1)
			}
			q, d := o.Next(pts, steps[i:])
			if d > q || d <= last || q < pts || q > max(pts, d) {
				t.Fatalf("unit %d: pts %d became %d, dts %d after %d", i, pts, q, d, last)
			}
			last = d
		}
	})
}
