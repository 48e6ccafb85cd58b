package record

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
	"rtsprec/engine/vfs/crashfs"
)

// A process that is killed loses the open fragment and one unit of each track, no more:
// a thousand times, at random moments of a recording with everything in it.
func TestAThousandKillsCostOneFragmentEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall", "yard")
		const kills, length = 1000, 30 * time.Second
		var disks []cut
		kill := func(what string) {
			g.mu.Lock()
			defer g.mu.Unlock()
			taken := map[string]int{}
			for name, marks := range g.taken {
				taken[name] = len(marks)
			}
			disks = append(disks, cut{g.fs.Clone(crashfs.Kept), what, taken})
		}
		g.create()
		var all sync.WaitGroup
		for i, name := range []string{"hall", "yard"} {
			f := newFeed(name, time.Now())
			f.later, f.late = time.Duration(i)*150*time.Millisecond, time.Duration(1-i)*150*time.Millisecond
			f.change = func(i int, au *media.AccessUnit) {
				if au.Track == 0 && i%300 == 150 {
					au.Config = [][]byte{large, small}[i/300%2]
				}
			}
			s := g.sink(name)
			all.Go(func() {
				for range 4 {
					f.newRun(time.Now())
					g.play(s, f, length/4-time.Second)
					g.end(s)
					time.Sleep(time.Second)
					f.count[0] += f.gop - f.count[0]%f.gop
				}
			})
		}
		var mu sync.Mutex
		g.fs.OnOp(func(op crashfs.Op) {
			mu.Lock()
			defer mu.Unlock()
			if rand.IntN(8) == 0 && len(disks) < kills {
				kill(fmt.Sprintf("operation %d (%s %s, done %v)", op.N, op.Kind, op.Name, op.Done))
			}
		})
		all.Go(func() {
			for began := time.Now(); time.Since(began) < length; {
				time.Sleep(time.Duration(rand.Int64N(int64(length / kills))))
				mu.Lock()
				if len(disks) < kills {
					kill(fmt.Sprintf("%v", time.Since(began)))
				}
				mu.Unlock()
			}
		})
		all.Wait()
		g.fs.OnOp(nil)
		g.close("stopped")
		var worst time.Duration
		for i, c := range disks {
			if !soak && (i%thin > 0 || testing.Short() && i%10 > 0) {
				continue
			}
			lost := g.opened(c, "hall", "yard")
			worst = max(worst, lost)
			if limit := 250*time.Millisecond + 80*time.Millisecond; lost > limit {
				t.Errorf("%v are lost, not %v at most", lost, limit)
			}
			if t.Failed() {
				t.Fatalf("killed at %s", c.what)
			}
		}
		t.Logf("%d kills, at most %v lost", len(disks), worst)
	})
}

// The environment of the process that is killed.
const helperEnv = "RTSPREC_TEST_RECORDER"

// TestRecorderToBeKilled is the process that TestRealKills kills: it records until then
// and says which units were taken.
func TestRecorderToBeKilled(t *testing.T) {
	dir, counter, found := strings.Cut(os.Getenv(helperEnv), "|")
	if !found {
		return // an ordinary test run
	}
	first, err := strconv.Atoi(counter)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: dir, FS: vfs.OS(), Clock: media.SystemClock{}, Version: "test"}
	o.Plan = journal.Plan{
		Format: 1, Segment: journal.Duration(time.Second), Commit: journal.Duration(200 * time.Millisecond), Fragment: journal.Duration(100 * time.Millisecond),
		Cameras: []journal.Camera{{Name: "hall", URL: "rtsp://h/"}, {Name: "yard", URL: "rtsp://y/"}},
	}
	rec, err := Create(o)
	if first > 0 {
		rec, _, err = Open(o)
	}
	if err != nil {
		t.Fatal(err)
	}
	go rec.Run(context.Background())
	for _, name := range []string{"hall", "yard"} {
		s, err := rec.Camera(name)
		if err != nil {
			t.Fatal(err)
		}
		f := newFeed(name, time.Now())
		f.gop, f.count = 10, [2]int{first, first}
		go func() {
			s.Begin(context.Background(), media.Run{Start: time.Now(), Tracks: f.tracks, Origin: "live"})
			for _, au := range f.units(time.Minute) {
				time.Sleep(time.Until(au.Arrival))
				if err := s.Write(context.Background(), au); err != nil {
					t.Error(err)
				}
				os.Stdout.WriteString(name + " " + markOf(au.Data) + "\n")
			}
		}()
	}
	select {} // until it is killed
}

func TestRealKills(t *testing.T) {
	dir := t.TempDir() + "/lesson"
	rounds := 25
	if soak {
		rounds = 1000
	}
	g := &rig{TB: t, dir: dir, taken: map[string][]string{}}
	// What was taken, by camera and round.
	taken := map[string][][]string{"hall": make([][]string, rounds), "yard": make([][]string, rounds)}
	for round := range rounds {
		helper := exec.Command(os.Args[0], "-test.run=^TestRecorderToBeKilled$", "-test.timeout=1m")
		helper.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%d", helperEnv, dir, round*100000))
		helper.Stderr = os.Stderr
		out, err := helper.StdoutPipe()
		g.must(err)
		g.must(helper.Start())
		lines := make(chan struct{})
		go func() {
			defer close(lines)
			read := bufio.NewScanner(out)
			for n := 0; read.Scan(); n++ {
				if name, m, ok := strings.Cut(read.Text(), " "); ok && taken[name] != nil {
					taken[name][round] = append(taken[name][round], m)
				} else {
					t.Log(read.Text())
				}
				if n == 3 {
					time.AfterFunc(time.Duration(rand.Int64N(int64(400*time.Millisecond))), func() { helper.Process.Kill() })
				}
			}
		}()
		<-lines
		helper.Wait()
	}
	rec, found, err := Open(Options{Dir: dir, FS: vfs.OS(), Clock: media.SystemClock{}, Version: "test"})
	g.must(err)
	t.Log(strings.Join(found.Repairs, "\n"))
	g.must(rec.Close(context.Background(), "stopped", time.Now()))
	report := verify(t, vfs.OS(), dir)
	for _, f := range report.Findings {
		if f.Severity == archive.Broken || f.Kind == archive.UnexplainedGap {
			t.Errorf("verify: %s: %s", f.Kind, f.Text)
		}
	}
	worst := 0
	for name := range taken {
		worst = max(worst, g.roundsKept(name, taken[name]))
	}
	t.Logf("%d kills, at most %d units of a track lost", rounds, worst)
}

// roundsKept fails unless what is kept of each round is its beginning, without a hole,
// and returns how many units are missing at most.
func (g *rig) roundsKept(camera string, rounds [][]string) int {
	g.Helper()
	list := read(g, vfs.OS(), g.dir, camera)
	g.ordered(camera, list)
	kept := map[string]int{} // by kind and round
	for _, kind := range []byte{'V', 'A'} {
		for _, m := range marksOf(list, kind) {
			n, _ := strconv.Atoi(m[1:])
			key := fmt.Sprintf("%c%d", kind, n/100000)
			if n%100000 != kept[key] {
				g.Errorf("%s: %s after %d units of its round", camera, m, kept[key])
			}
			kept[key]++
		}
	}
	worst := 0
	for round, marks := range rounds {
		for kind, limit := range map[byte]int{'V': 4, 'A': 7} { // 100 ms, one unit, and a moment
			missing := len(ofKind(marks, kind)) - kept[fmt.Sprintf("%c%d", kind, round)]
			worst = max(worst, missing)
			if missing > limit {
				g.Errorf("%s: %d units of %c are lost in round %d, not %d at most", camera, missing, kind, round, limit)
			}
		}
	}
	return worst
}
