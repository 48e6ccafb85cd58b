package engine

import (
	"fmt"
	"math"
	"slices"
	"time"

	"rtsprec/engine/rate"
	"rtsprec/engine/rtsp"
	"rtsprec/presets"
)

// adaptLoop is what is decided about one way: how many bits it takes, and on which step of
// the ladder pictures travel. Step 0 is the source itself.
type adaptLoop struct {
	pub     *rtsp.Publisher // the session that is followed; nil: none
	control *rate.Controller
	steps   *rate.Steps
	rungs   []presets.Rung // of the steps behind 0
	source  float64        // bit/s, for which they were made
	made    time.Time      // and when
	bitrate int            // of the last decision
	steered bool           // the source's rate follows the way while it is on step 0
	left    []presets.Rung // that the encoder cannot make
	touched bool           // something else than the source has been sent
}

// fresh begins with another source.
func (l *adaptLoop) fresh() { *l = adaptLoop{touched: l.touched, bitrate: l.bitrate, left: l.left} }

// leave leaves a step out from now on, and begins on the source.
func (l *adaptLoop) leave(step int) {
	if step > 0 {
		l.left = append(l.left, l.rungs[step-1])
	}
	l.steps = nil
}

// update decides. Nothing is decided before the source's rate, bit/s, is known.
func (l *adaptLoop) update(now time.Time, f rate.Feedback, pub *rtsp.Publisher, ladder presets.Ladder, width, height int, source float64) (d rate.Decision, step int, why []rate.Reason) {
	if l.pub != pub {
		l.pub, l.control = pub, rate.New(rate.Options{Start: l.bitrate})
	}
	if l.steps != nil {
		f.Next = l.steps.Next()
	}
	d = l.control.Update(now, f)
	l.bitrate = d.Bitrate
	if source == 0 {
		return d, 0, nil
	}
	was := ""
	if l.steps == nil || outgrown(l.steps.At() > 0, l.source, source, now.Sub(l.made)) {
		if l.steps != nil && l.steps.At() > 0 {
			was = l.name(l.steps.At())
		}
		l.source, l.made = source, now
		ladder.Rungs = slices.DeleteFunc(slices.Clone(ladder.Rungs), l.cannot)
		l.rungs = rungsFor(ladder, width, height, source)
		l.steps, _ = rate.NewSteps(l.bounds(width, height, source))
		if l.steps == nil { // a ladder that has no step below this source
			l.rungs = nil
			l.steps, _ = rate.NewSteps([]rate.Step{{Name: "source", Max: math.MaxInt32}})
		}
	}
	if was != "" { // the source is still too much
		l.steps.Settle(d)
		if step = l.steps.At(); l.name(step) != was {
			why = append(why, grown(source))
		}
		return d, step, why
	}
	if !l.steered {
		l.steps.Best(int(source))
	}
	step, why = l.steps.Choose(now, d)
	return d, step, why
}

// outgrown reports whether steps that were made for a source of so many bit/s are to be made
// anew for what it has now: at once as long as nobody is on one, else where it has become
// more, and not each time that something moves in its picture. One that has become less
// returns by itself.
func outgrown(inUse bool, made, source float64, ago time.Duration) bool {
	if !inUse {
		return math.Abs(source-made) > made/5
	}
	return source > made*5/4 && ago >= remade
}

// remade is how long steps stay that are in use.
const remade = 10 * time.Second

func grown(source float64) rate.Reason {
	return rate.Reason{Cause: rate.Grown, Text: fmt.Sprintf("the source has %.1f Mbit/s now", source/1e6)}
}

// cannot reports whether a rung of the ladder was left out.
func (l *adaptLoop) cannot(r presets.Rung) bool {
	return slices.ContainsFunc(l.left, func(o presets.Rung) bool {
		return r.KeyFramesOnly && o.KeyFramesOnly || r.Width == o.Width && r.Height == o.Height && r.FPS == o.FPS
	})
}

// rungsFor are the rungs of a ladder that are less than a source. The best of them may
// take nearly what the source does: from there it is seen whether the source fits again.
func rungsFor(ladder presets.Ladder, width, height int, source float64) (rungs []presets.Rung) {
	for _, r := range ladder.Rungs {
		if r.KeyFramesOnly {
			if last := len(rungs) - 1; last >= 0 {
				r.Width, r.Height = rungs[last].Width, rungs[last].Height
			}
		} else if width > 0 && height > 0 && r.Width*r.Height > width*height*5/4 {
			continue
		}
		if float64(r.Bitrate) < 0.9*source || len(rungs) == 0 {
			r.Bitrate = min(r.Bitrate, int(0.95*source))
			if last := len(rungs) - 1; last < 0 || r.Bitrate < rungs[last].Bitrate*9/10 {
				rungs = append(rungs, r)
			}
		}
	}
	if len(rungs) > 0 {
		rungs[0].Bitrate = int(0.95 * source)
	}
	return rungs
}

// bounds are those of the steps. A source that is steered takes the place of a rung of its
// own size: it is good as far down as that.
func (l *adaptLoop) bounds(width, height int, source float64) []rate.Step {
	steps := stepsFor(l.rungs, source)
	if !l.steered || len(l.rungs) == 0 {
		return steps
	}
	if top := l.rungs[0]; top.KeyFramesOnly || top.Width*top.Height*5/4 < width*height {
		steps[0].Min = max(int(source)*55/100, steps[1].Min+1)
		return steps
	}
	l.rungs, steps = l.rungs[1:], steps[1:]
	steps[0].Name, steps[0].Max = "source", int(source)
	return steps
}

// stepsFor are the bounds of the rungs: each is good down to a little more than half of
// its rate, where a smaller picture looks better.
func stepsFor(rungs []presets.Rung, source float64) []rate.Step {
	steps := []rate.Step{{Name: "source", Min: int(source), Max: math.MaxInt32}}
	for i, r := range rungs {
		least := r.Bitrate * 55 / 100
		if i == 0 && i+1 < len(rungs) { // its rate was raised to the source's
			least = min(least, rungs[1].Bitrate*11/10)
		}
		if i == len(rungs)-1 {
			least = 0
		}
		steps = append(steps, rate.Step{Name: rungName(r), Min: least, Max: r.Bitrate, Last: r.KeyFramesOnly})
	}
	return steps
}

func rungName(r presets.Rung) string {
	if r.KeyFramesOnly {
		return "key frames"
	}
	return fmt.Sprintf("%dp%g", r.Height, r.FPS)
}

// name is what people call a step.
func (l *adaptLoop) name(step int) string {
	if step == 0 {
		return "source"
	}
	return rungName(l.rungs[step-1])
}

// rung is a step's rung; step is not 0.
func (l *adaptLoop) rung(step int) presets.Rung {
	if step == 0 {
		return l.rungs[0] // the source returns with its next key frame: until then the best
	}
	return l.rungs[step-1]
}

// pace is how fast large units go out over UDP, bit/s; 0: as they come.
func (l *adaptLoop) pace(d rate.Decision) int {
	if !l.touched {
		return 0
	}
	return d.Steady * 5 / 2
}

// wanted is the bit rate of the pictures on a step.
func (l *adaptLoop) wanted(d rate.Decision, sound float64) int {
	return max(int(float64(l.steps.Bitrate(d))*0.97-sound), 30_000) // headers of RTP take the rest
}
