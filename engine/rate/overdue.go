package rate

import "time"

// Waiting is a unit in a queue of live media.
type Waiting struct {
	Since time.Time // when it was put in; does not fall
	Key   bool      // of pictures: decoding may begin here
	Alone bool      // of pictures: no other one refers to it
	Sound bool      // refers to nothing, and nothing to it
	Fixed bool      // stays: it is on its way already
}

// Overdue says which of the units, oldest first, are left out because of those that were put
// in before a time, so that what stays can be decoded. Sound and pictures that nothing
// refers to go by themselves; any other takes with it all up to the next key frame, the
// first that is in time or else the newest: what is shown is always the newest there is. With broken
// that key frame is still to come, and what comes before it is to be left out, too.
func Overdue(list []Waiting, before time.Time) (out []bool, broken bool) {
	out = make([]bool, len(list))
	key := -1 // to go on with
	for i, w := range list {
		if w.Key && !w.Sound && !w.Fixed {
			if key = i; !w.Since.Before(before) {
				break
			}
		}
	}
	skip := false // something before key is missed by what follows it
	for i, w := range list {
		late := w.Since.Before(before)
		switch {
		case w.Fixed:
		case w.Sound:
			out[i] = late
		case i < key:
			skip = skip || late && !w.Alone
			out[i] = late && w.Alone
		case i > key && late && !w.Alone:
			broken = true
			out[i] = true
		default:
			out[i] = broken || late && w.Alone && i != key
		}
	}
	for i := 0; skip && i < key; i++ {
		out[i] = out[i] || !list[i].Fixed && !list[i].Sound
	}
	return out, broken
}
