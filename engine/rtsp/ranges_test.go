package rtsp

import (
	"errors"
	"net/url"
	"testing"
	"time"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestARangeIsReadAsItWasMeantAndWrittenAsItWasRead(t *testing.T) {
	for _, c := range []struct {
		in, out string
		want    timeRange
	}{
		{"clock=20261122T090000Z-", "", clockRange(at("2026-11-22T09:00:00Z"), time.Time{})},
		{"clock=20261122T090000.250Z-20261122T090100.123456789Z", "clock=20261122T090000.25Z-20261122T090100.123456789Z",
			clockRange(at("2026-11-22T09:00:00.25Z"), at("2026-11-22T09:01:00.123456789Z"))},
		{" Clock = 20261122t090000z - 20261122T090001Z ;time=20261122T000000Z", "clock=20261122T090000Z-20261122T090001Z",
			clockRange(at("2026-11-22T09:00:00Z"), at("2026-11-22T09:00:01Z"))},
		{"clock=-20261122T090000Z", "", clockRange(time.Time{}, at("2026-11-22T09:00:00Z"))},
		{"npt=0.000-", "npt=0-", nptRange(0, -1)},
		{"npt=12.5-20", "", nptRange(12500*time.Millisecond, 20*time.Second)},
		{"npt=01:02:03.5-", "npt=3723.5-", nptRange(time.Hour+2*time.Minute+3500*time.Millisecond, -1)},
		{"npt=now-", "", timeRange{unit: rangeNPT, From: bound{set: true, now: true}}},
		{"npt=-20", "", timeRange{unit: rangeNPT, To: bound{set: true, npt: 20 * time.Second}}},
		{"npt=.5-1.", "npt=0.5-1", nptRange(500*time.Millisecond, time.Second)},
		{"", "", timeRange{}},
	} {
		got, err := parseRange(c.in)
		if err != nil || got != c.want {
			t.Errorf("%q is %+v, %v; want %+v", c.in, got, err, c.want)
		}
		if c.out == "" {
			c.out = c.in
		}
		if got.String() != c.out {
			t.Errorf("%q is written as %q, want %q", c.in, got, c.out)
		}
	}
}

func TestARangeThatIsNoneGetsTheStatusThatSaysWhy(t *testing.T) {
	for in, code := range map[string]int{
		"smpte=10:07:00-10:07:33:05.01": 457, "smpte-30-drop=10:07:00-": 457, "frames=1-2": 457,
		"npt": 400, "npt=": 400, "npt=5": 400, "npt=a-b": 400, "npt=1e9-": 400, "npt=NaN-": 400, "npt=Inf-": 400, "npt=--1": 400,
		"npt=1:2-": 400, "npt=1:60:00-": 400, "npt=1:00:60-": 400, "npt=99999999999999999999-": 400, "npt=-": 400,
		"clock=-": 400, "clock=20261322T090000Z-": 400, "clock=20261122T090000-": 400, "clock=yesterday-": 400,
		"clock=20261122T090000,5-": 400, "npt=0x10-": 400, "npt=+1-": 400,
	} {
		_, err := parseRange(in)
		var bad *rangeError
		if !errors.As(err, &bad) || bad.code != code {
			t.Errorf("%q gives %v, want a %d", in, err, code)
		}
	}
}

func TestAnAddressNamesAMoment(t *testing.T) {
	nine, ten := at("2026-11-22T09:00:00Z"), at("2026-11-22T10:00:00.5Z")
	for _, c := range []struct {
		query string
		want  timeRange
		ok    bool
		code  int
	}{
		{query: ""},
		{query: "channel=1&subtype=0"},
		{query: "%zz"},
		{query: "start=2026-11-22T09:00:00Z", want: clockRange(nine, time.Time{}), ok: true},
		{query: "start=2026-11-22T10:00:00%2B01:00&end=2026-11-22T10:00:00.5Z", want: clockRange(nine, ten), ok: true},
		{query: "start=2026-11-22T10:00:00+01:00&x=y", want: clockRange(nine, time.Time{}), ok: true},
		{query: "start=1795338000&end=1795341600.5", want: clockRange(nine, ten), ok: true},
		{query: "end=1795341600.5", want: clockRange(time.Time{}, ten), ok: true},
		{query: "start=now", code: 400},
		{query: "start=NaN", code: 400},
		{query: "start=1e9", code: 400},
		{query: "start=1795338000&end=tomorrow", code: 400},
		{query: "start=%zz", code: 400},
		{query: "start=1795341600&end=1795338000", code: 457},
		{query: "start=1795338000&end=1795338000", code: 457},
	} {
		got, ok, err := queryRange(c.query)
		code := 0
		var bad *rangeError
		if errors.As(err, &bad) {
			code = bad.code
		}
		if got != c.want || ok != c.ok || code != c.code {
			t.Errorf("%q is %v %v %v, want %v %v %d", c.query, got, ok, err, c.want, c.ok, c.code)
		}
	}
}

// What is read, written and read again is the same; and what is refused says why.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"clock=20261122T090000.250Z-20261122T090100Z", "npt=now-", "npt=1:02:03.5-9", "npt=-20", "smpte=0-", "clock=-20261122T090000Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parseRange(s)
		if err != nil {
			var bad *rangeError
			if !errors.As(err, &bad) || bad.why == "" || bad.code != 400 && bad.code != 457 {
				t.Fatalf("%q gives %v", s, err)
			}
			return
		}
		again, err := parseRange(r.String())
		if err != nil || again != r {
			t.Fatalf("%q is %+v, and %q %+v, %v", s, r, r, again, err)
		}
		for _, b := range []bound{r.From, r.To} {
			if b.npt < 0 || r.unit == rangeClock && b.set && b.at.IsZero() && b.at.Location() != time.UTC {
				t.Fatalf("%q has the bound %+v", s, b)
			}
		}
	})
}

// A moment that an address names is the one that it was made of.
func FuzzQueryRange(f *testing.F) {
	f.Add("start=2026-11-22T09:00:00Z&end=1795341600.5")
	f.Add("start=5&end=4")
	f.Fuzz(func(t *testing.T, query string) {
		r, ok, err := queryRange(query)
		if err != nil || !ok {
			if !r.none() {
				t.Fatalf("%q is refused and gives %v", query, r)
			}
			return
		}
		if r.From.set && r.To.set && !r.From.at.Before(r.To.at) {
			t.Fatalf("%q is inverted: %v", query, r)
		}
		values := url.Values{}
		if r.From.set {
			values.Set("start", r.From.at.Format(time.RFC3339Nano))
		}
		if r.To.set {
			values.Set("end", r.To.at.Format(time.RFC3339Nano))
		}
		again, _, err := queryRange(values.Encode())
		if year := max(r.From.at.Year(), r.To.at.Year()); year <= 9999 && (err != nil || again != r) {
			t.Fatalf("%q is %v, and again %v, %v", query, r, again, err)
		}
	})
}
