package rate

import "time"

// What an [Intake] judges by.
const (
	tooLate   = 800 * time.Millisecond  // behind the least delay: no jitter is that long for that long
	lateFor   = 1200 * time.Millisecond // above tooLate, and not catching up
	catchUp   = 0.1                     // seconds a second: what catches up faster was only held up
	skipSpan  = 4 * time.Second         // over which what the source left out is counted
	skipPart  = 0.2                     // of that, of the pictures
	skipLate  = 300 * time.Millisecond  // behind: a source that has no room leaves out, one that sees nothing move is not late
	lossSpan  = 5                       // seconds over which loss is judged
	lossPart  = 0.02                    // of the packets, in most of those seconds
	lossHeavy = 0.10                    // of the packets, for two seconds
	calmLate  = 300 * time.Millisecond  // behind: no more than jitter and a key frame
	calmFor   = 3 * time.Second
	calmLoss  = 0.01
	clockPace = 6e-4 // by which one clock runs away from another at most
	mostSteps = 2048 // pictures of skipSpan: no source has more
)

// Intake judges from what arrives of one live stream whether the way from its source takes
// it. Its own notion of delay is enough for that: how much later than the least delayed one
// a picture came, by the source's clock. A way that is too narrow shows as pictures that
// come ever later (TCP), as pictures that the source leaves out because nothing goes away,
// or as packets that are lost for seconds (UDP). What was only held up catches up and is
// no reason. The zero value is ready; it is not for several goroutines at once.
type Intake struct {
	origin time.Time     // of the first picture; zero: none yet
	least  time.Duration // least delay of late, from origin
	at     time.Time     // of the newest picture
	late   time.Duration // of the newest picture
	above  time.Time     // since when every one was later than tooLate; zero: the newest is not
	seen   []arrival     // of the last skipSpan, oldest first
	pace   time.Duration // usual distance of pictures
	counts []tally       // of packets, the last lossSpan+1
}

// arrival is that of a picture.
type arrival struct {
	at      time.Time
	stamp   time.Duration // by the source's clock
	late    time.Duration
	skipped time.Duration // what the source left out before it
}

// tally is how many packets have come and have not.
type tally struct {
	at             time.Time
	received, lost uint64
}

// Picture takes the arrival of a picture and its time by the source's clock, from any
// origin. Only one track of a stream is given.
func (i *Intake) Picture(at time.Time, stamp time.Duration) {
	first := i.origin.IsZero()
	if first {
		i.origin, i.at = at, at
	}
	delay := at.Sub(i.origin) - stamp
	rise := time.Duration(clockPace * float64(max(at.Sub(i.at), 0)))
	if first || delay < i.least+rise {
		i.least = delay
	} else {
		i.least += rise
	}
	late := delay - i.least
	s := arrival{at: at, stamp: stamp, late: late}
	if n := len(i.seen); n > 0 {
		s.skipped = i.skip(stamp - i.seen[n-1].stamp)
	}
	switch {
	case late <= tooLate:
		i.above = time.Time{}
	case i.above.IsZero():
		i.above = at
	}
	i.at, i.late = at, late
	i.seen = append(i.seen, s)
	for len(i.seen) > 1 && (at.Sub(i.seen[0].at) > skipSpan || len(i.seen) > mostSteps) {
		i.seen = i.seen[1:]
	}
}

// skip is how much was left out between two pictures that are so far apart.
func (i *Intake) skip(distance time.Duration) time.Duration {
	switch {
	case distance <= 0: // out of order
		return 0
	case i.pace == 0:
		i.pace = distance
		return 0
	case i.late < calmLate: // learnt only while nothing makes the source leave anything out
		i.pace += (distance - i.pace) / 16
	}
	if distance > i.pace*3/2 {
		return distance - i.pace
	}
	return 0
}

// Packets takes how many packets have come of the stream since its beginning and how many
// have not, about once a second.
func (i *Intake) Packets(at time.Time, received, lost uint64) {
	if n := len(i.counts); n > 0 && (received < i.counts[n-1].received || lost < i.counts[n-1].lost) {
		i.counts = nil // counted anew
	}
	i.counts = append(i.counts, tally{at, received, lost})
	if extra := len(i.counts) - lossSpan - 1; extra > 0 {
		i.counts = i.counts[extra:]
	}
}

// Late is how much later than the least delayed one the newest picture came.
func (i *Intake) Late() time.Duration { return i.late }

// Narrow says why the way does not take the stream; nothing: it does, as far as is known.
func (i *Intake) Narrow() (why []Reason) {
	if n := len(i.seen); n > 0 {
		if trend := i.trend(); !i.above.IsZero() && i.at.Sub(i.above) >= lateFor && trend > -catchUp {
			why = append(why, reason(Late, "pictures come %.1f s late, changing by %+.2f s a second", i.late.Seconds(), trend))
		}
		if skipped, span := i.skipped(); span >= skipSpan*3/4 && skipped > skipPart && i.latest(time.Second, skipLate) {
			why = append(why, reason(Skipped, "%.0f %% of the pictures are left out, and the others come %.1f s late", 100*skipped, i.late.Seconds()))
		}
	}
	if loss, heavy := i.loss(lossSpan), i.loss(2); loss > lossPart && i.losing() >= lossSpan-1 {
		why = append(why, reason(Loss, "%.1f %% of the packets are lost", 100*loss))
	} else if heavy > lossHeavy && len(i.counts) > 2 {
		why = append(why, reason(Loss, "%.1f %% of the packets are lost", 100*heavy))
	}
	return why
}

// Calm reports whether the way has taken the stream without trouble for some seconds.
func (i *Intake) Calm() bool {
	if len(i.seen) == 0 || i.at.Sub(i.origin) < calmFor {
		return false
	}
	skipped, _ := i.skipped()
	for _, s := range i.seen {
		if i.at.Sub(s.at) <= calmFor && s.late > calmLate {
			return false
		}
	}
	return i.trend() < calmLate.Seconds()/calmFor.Seconds()/2 && skipped < skipPart && i.loss(int(calmFor/time.Second)) < calmLoss
}

// trend is by how many seconds a second pictures have come later, over lateFor.
func (i *Intake) trend() float64 {
	last := i.seen[len(i.seen)-1]
	from := i.seen[0]
	for _, s := range i.seen {
		if last.at.Sub(s.at) < lateFor {
			break
		}
		from = s
	}
	d := last.at.Sub(from.at)
	if d < lateFor/3 {
		return 0
	}
	return (last.late - from.late).Seconds() / d.Seconds()
}

// latest reports whether every picture of the last while came later than that.
func (i *Intake) latest(while, late time.Duration) bool {
	for _, s := range i.seen {
		if i.at.Sub(s.at) <= while && s.late <= late {
			return false
		}
	}
	return true
}

// skipped is what part of the source's time was left out of late, and over how much time.
func (i *Intake) skipped() (part float64, span time.Duration) {
	first, last := i.seen[0], i.seen[len(i.seen)-1]
	span = last.stamp - first.stamp
	var out time.Duration
	for _, s := range i.seen[1:] {
		out += s.skipped
	}
	if span <= 0 {
		return 0, 0
	}
	return out.Seconds() / span.Seconds(), span
}

// loss is what part of the packets was lost in the last so many seconds.
func (i *Intake) loss(seconds int) float64 {
	n := len(i.counts)
	if n < 2 {
		return 0
	}
	from, to := i.counts[max(0, n-1-seconds)], i.counts[n-1]
	if lost, all := to.lost-from.lost, to.received-from.received+to.lost-from.lost; all > 0 {
		return float64(lost) / float64(all)
	}
	return 0
}

// losing is in how many of the last seconds packets were lost.
func (i *Intake) losing() (n int) {
	for k := 1; k < len(i.counts); k++ {
		if i.counts[k].lost > i.counts[k-1].lost {
			n++
		}
	}
	return n
}
