package commands

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// bytesText is a size in decimal units, as disks are sold: "12.3 MB".
func bytesText(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), ""
	for _, unit = range []string{"kB", "MB", "GB", "TB"} {
		if v /= 1000; v < 999.5 {
			break
		}
	}
	if v < 9.95 {
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.0f %s", v, unit)
}

// rateText is a bitrate: "4.1 Mbit/s".
func rateText(bits float64) string {
	switch {
	case bits <= 0:
		return "-"
	case bits < 1e6:
		return fmt.Sprintf("%.0f kbit/s", bits/1e3)
	}
	return fmt.Sprintf("%.1f Mbit/s", bits/1e6)
}

// percentText rounds towards the middle: 100 % and 0 % mean exactly that.
func percentText(share float64) string {
	percent := share * 100
	switch {
	case percent >= 100:
		return "100 %"
	case percent <= 0:
		return "0 %"
	case percent > 99.99:
		return "99.99 %"
	case percent > 99:
		return fmt.Sprintf("%.2f %%", min(percent, 99.99))
	case percent < 0.01:
		return "0.01 %"
	case percent < 1:
		return fmt.Sprintf("%.2f %%", percent)
	}
	return fmt.Sprintf("%.1f %%", percent)
}

// spanText is a length of time as a person reads it: "5 ms", "0.25 s", "12.3 s",
// "45:00", "1:02:03".
func spanText(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + spanText(-d)
	case d > 0 && d < 100*time.Millisecond:
		return fmt.Sprintf("%.0f ms", max(float64(d)/float64(time.Millisecond), 1))
	case d < 10*time.Second:
		return short(d.Seconds(), 2) + " s"
	case d < time.Minute:
		return short(d.Truncate(100*time.Millisecond).Seconds(), 1) + " s"
	}
	return clockSpan(d)
}

// short is a number with at most so many decimals.
func short(v float64, decimals int) string {
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// clockSpan is a length of time as a counter: "0:09", "45:00", "1:02:03".
func clockSpan(d time.Duration) string {
	s := int64(d / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// dayTime is a moment in local time, with the date.
func (p *process) dayTime(t time.Time) string {
	return t.In(p.Zone).Format("2006-01-02 15:04:05")
}

// clock is a moment's local time of day.
func (p *process) clock(t time.Time) string { return t.In(p.Zone).Format("15:04:05") }

// fromTo is a span in local time; the second date is left out when it is the first.
func (p *process) fromTo(from, to time.Time) string {
	if p.dayTime(from)[:10] == p.dayTime(to)[:10] {
		return p.dayTime(from) + " to " + p.clock(to)
	}
	return p.dayTime(from) + " to " + p.dayTime(to)
}

// count is a number with its noun: "1 gap", "2 gaps".
func count[N int | int64 | uint64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
