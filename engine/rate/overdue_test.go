package rate

import (
	"strings"
	"testing"
	"time"
)

// A letter is a unit: K a key frame, p a picture that others refer to, b one that none does,
// s sound, x one that is on its way. Those before the bar are late; a dot is what goes.
func TestWhatIsOverdueGoesAtBordersThatCanBeDecoded(t *testing.T) {
	for _, c := range []struct {
		what, units, stays string
		broken             bool
	}{
		{"nothing is late", "|Kpbps", "Kpbps", false},
		{"disposable pictures and sound go by themselves", "bsb|pbp", "...pbp", false},
		{"to the key frame that is in time", "pbp|psKpp", "....sKpp", false},
		{"of several the first that is in time", "KpKp|KpKp", "....KpKp", false},
		{"else to the newest, and on from the next one", "pKpKpb|pbs", "...K....s", true},
		{"without one none is shown before the next", "pbpp|pp", "......", true},
		{"a key frame alone is shown, however late", "K|pp", "Kpp", false},
		{"what is on its way stays", "xp|pKp", "x..Kp", false},
		{"disposable ones do not take others with them", "bb|pKp", "..pKp", false},
	} {
		units, bar := strings.ReplaceAll(c.units, "|", ""), strings.Index(c.units, "|")
		now := time.Unix(1_800_000_000, 0)
		var list []Waiting
		for i, kind := range units {
			since := now.Add(time.Duration(i-bar)*time.Millisecond - time.Second)
			list = append(list, Waiting{Since: since, Key: kind == 'K' || kind == 's', Alone: kind == 'b', Sound: kind == 's', Fixed: kind == 'x'})
		}
		out, broken := Overdue(list, now.Add(-time.Second))
		got := []byte(units)
		for i, gone := range out {
			if gone {
				got[i] = '.'
			}
		}
		if string(got) != c.stays || broken != c.broken {
			t.Errorf("%s: of %s there is %s (broken: %t), want %s (%t)", c.what, c.units, got, broken, c.stays, c.broken)
		}
	}
}
