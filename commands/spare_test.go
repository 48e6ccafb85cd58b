package commands

import (
	"context"
	"runtime"
	"testing"
	"time"

	"rtsprec/engine"
)

func TestResumedRecordingsShareAsFewProcessorsAsTheyNeed(t *testing.T) {
	was := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(was)
	mkRecordings := func(f *fake, check func(recording int)) {
		f.Engine.ResumeAll = func(_ context.Context, d engine.Deps, _ string, _ engine.ResumeOptions) ([]*engine.Summary, error) {
			for i := range 4 {
				d.Observe(engine.Started{Cameras: make([]string, 20)})
				check(i)
			}
			return nil, nil
		}
	}
	f := newFake(t, "resume", "--all", "root")
	mkdir(t, "root")
	mkRecordings(f, func(recording int) {
		if got, want := runtime.GOMAXPROCS(0), []int{1, 2, 2, 3}[recording]; got != want {
			t.Errorf("%d processors for %d cameras, want %d", got, 20*(recording+1), want)
		}
	})
	f.run(t, 0)

	runtime.GOMAXPROCS(4)
	f = newFake(t, "resume", "--all", "root")
	f.env["GOMAXPROCS"] = "4"
	mkdir(t, "root")
	mkRecordings(f, func(int) {
		if got := runtime.GOMAXPROCS(0); got != 4 {
			t.Errorf("%d processors although the environment says 4", got)
		}
	})
	f.run(t, 0)
}

func TestAWaitForTheFirstKeyFrameIsSaid(t *testing.T) {
	f := newFake(t)
	text := f.process().summaryText(&engine.Summary{
		Dir: "out", From: noon, To: noon.Add(6 * time.Second),
		Cameras: []engine.CameraSummary{
			{Name: "teacher", Coverage: 1, Lead: 0.9, Answered: true}, {Name: "student", Coverage: 1, Lead: 0.01, Answered: true},
		},
	})
	contains(t, text, "  teacher  began    5.1 s of pictures of 6 s: waited 0.9 s for the first key frame\n")
	if text != "" && len(leadText("student", 10*time.Millisecond, 1, 6*time.Second)) > 0 {
		t.Error("a wait that nobody sees is told")
	}
}
