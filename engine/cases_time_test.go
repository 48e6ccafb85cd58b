package engine_test

import (
	"testing"
	"time"
)

func TestCase11Wraps(t *testing.T) {
	t.Parallel()
	play(t, 5*time.Second, []scene{
		{name: "time", stream: "h264+aac,tswrap=2s"},
		{name: "time-bframes", stream: "h265b,tswrap=2s", transport: "udp"},
		{name: "sequence", stream: "h264+aac,seqwrap=60", transport: "tcp"},
		{name: "both-reordered", stream: "h264+pcma,tswrap=2s,seqwrap=60,reorder=3", transport: "udp", reorder: time.Second},
		{name: "lost-at-the-wrap", stream: "h264,tswrap=2s,seqwrap=60,loss@1900ms:200ms=60%", transport: "udp", damage: true, rough: true},
	})
}

func TestCase12DuplicatesAndReordering(t *testing.T) {
	t.Parallel()
	play(t, 4*time.Second, []scene{
		{name: "twice", stream: "h264+aac,duplicate=20%", transport: "udp"},
		{name: "late-1", stream: "h264+aac,reorder=1", transport: "udp", reorder: time.Second},
		{name: "late-10", stream: "h264,reorder=10", transport: "udp", reorder: time.Second},
		{name: "late-40", stream: "heavy,reorder=40", transport: "udp", reorder: time.Second},
		{name: "late-1-h265", stream: "h265b,reorder=1", transport: "udp", reorder: time.Second},
	})
}

func TestCase13IdentityAndNumbersJump(t *testing.T) {
	t.Parallel()
	play(t, 6*time.Second, []scene{
		{name: "ssrc", stream: "h264+aac,ssrc@2s"},
		{name: "ahead-and-back", stream: "h264+aac,jump@2s:2s=2h"},
		{name: "behind-and-back", stream: "h264+pcma,jump@2s:2s=-2h"},
		{name: "reordered", stream: "h264b,jump@2s:2s=2h", rough: true},
		{name: "sequence", stream: "h264+aac,seqjump@2s"},
	})
}

func TestCase13ConstantTimestamps(t *testing.T) {
	t.Parallel()
	play(t, 5*time.Second, []scene{
		{name: "frozen", stream: "h264,frozen"},
		{name: "a-while", stream: "h264+aac,frozen@1s:2s"},
	})
}

func TestCase14TrueFrameRates(t *testing.T) {
	t.Parallel()
	play(t, 5*time.Second, []scene{
		{name: "half", stream: "h264+aac,fps=12.5"},
		{name: "double", stream: "h265,fps=50", transport: "tcp"},
	})
}

func TestCase15ReportsThatLieOrNeverCome(t *testing.T) {
	t.Parallel()
	play(t, 7*time.Second, []scene{
		{name: "never", stream: "h264+aac,noreports"},
		{name: "late", stream: "h264+aac,noreports:3s", transport: "tcp"},
		{name: "zero", stream: "h264+aac,ntp=zero", transport: "udp"},
		{name: "1970", stream: "h264+aac,ntp=1970", transport: "tcp"},
		{name: "2036", stream: "h264+aac,ntp=2036", transport: "udp"},
		{name: "2000", stream: "h264+aac,clock=2000-01-01", transport: "tcp"},
		{name: "steps", stream: "h264+aac,clockstep@2s=1h", transport: "udp"},
	}, segments(2*time.Second))
}

func TestCase18FiveSecondsAtOnce(t *testing.T) {
	t.Parallel()
	play(t, 9*time.Second, []scene{{name: "burst", stream: "h264+aac,burst=5s"}}, segments(3*time.Second))
}
