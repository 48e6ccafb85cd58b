package engine_test

import (
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
)

func TestCase01NewParametersBeginASegment(t *testing.T) {
	t.Parallel()
	p := play(t, 4*time.Second, []scene{
		{name: "plain", stream: "h264", transport: "tcp"},
		{name: "h264", stream: "h264+aac,parameters@2s"},
		{name: "h265", stream: "h265,parameters@2s"},
		{name: "h264-flap", stream: "h264,flap"},
		{name: "h265-flap", stream: "h265,flap"},
	})
	usual := p.segments(t, "plain")
	for name, want := range map[string]int{
		"h264-udp": usual + 1, "h264-tcp": usual + 1, "h265-udp": usual + 1, "h265-tcp": usual + 1,
		"h264-flap-udp": usual, "h264-flap-tcp": usual, "h265-flap-udp": usual, "h265-flap-tcp": usual,
	} {
		if got := p.segments(t, name); got != want {
			t.Errorf("%s: %d segments, want %d", name, got, want)
		}
	}
}

func TestCase02ParametersInBandOrInTheSDPAlone(t *testing.T) {
	t.Parallel()
	play(t, 3*time.Second, []scene{
		{name: "h264-band", stream: "h264,sdpparams=none"},
		{name: "h265-band", stream: "h265,sdpparams=none", transport: "tcp"},
		{name: "h264-sdp", stream: "h264,noparams", transport: "tcp"},
		{name: "h265-sdp", stream: "h265,noparams", transport: "udp"},
		{name: "h264-garbage", stream: "h264,sdpparams=garbage", transport: "udp"},
		{name: "h265-garbage", stream: "h265,sdpparams=garbage", transport: "tcp"},
		{name: "mpeg4-garbage", stream: "mpeg4,sdpparams=garbage", transport: "tcp"},
	})
}

func TestCase03ReorderedPicturesAndOpenGOPs(t *testing.T) {
	t.Parallel()
	play(t, 5*time.Second, []scene{
		{name: "h264b", stream: "h264b+aac"},
		{name: "h265b", stream: "h265b+aac"},
		{name: "mpeg4b", stream: "mpeg4b"},
	}, segments(time.Second))
}

func TestCase04LongWaitsForAKeyFrame(t *testing.T) {
	t.Parallel()
	wait := []media.Cause{media.NoKeyframe}
	play(t, 26*time.Second, []scene{
		{name: "plain", stream: "h264", transport: "tcp"},
		{name: "at-the-start", stream: "h264,nokey:20s", transport: "udp", costs: wait},
		{name: "in-the-middle", stream: "h264+aac,nokey@2s:20s", transport: "tcp"},
		{name: "long-gop", stream: "h264long", transport: "tcp", costs: wait},
		{name: "refresh", stream: "h264refresh", transport: "udp"},
		{name: "no-idr", stream: "h264refresh,nokey", transport: "tcp"},
	}, segments(5*time.Second))
}

func TestCase05OddPackets(t *testing.T) {
	t.Parallel()
	play(t, 3*time.Second, []scene{
		{name: "zero-h264", stream: "h264,zeronal"},
		{name: "zero-h265", stream: "h265,zeronal", transport: "tcp"},
		{name: "trailing-h264", stream: "h264,zeros"},
		{name: "trailing-h265", stream: "h265,zeros", transport: "tcp"},
		{name: "annexb-h264", stream: "h264,startcodes"},
		{name: "annexb-h265", stream: "h265,startcodes", transport: "udp"},
		{name: "fuse-h264", stream: "h264,fuse"},
		{name: "fuse-h265", stream: "h265,fuse", transport: "tcp"},
		{name: "stap-h264", stream: "h264,stap"},
		{name: "stap-h265", stream: "h265,stap", transport: "udp"},
		{name: "mode0", stream: "h264,mode0"},
	})
}

func TestCase06HugeUnitsAndMarkersThatLie(t *testing.T) {
	t.Parallel()
	play(t, 4*time.Second, []scene{
		{name: "big-h264", stream: "h264,bigunit=2M", transport: "tcp"},
		{name: "big-h265", stream: "h265,bigunit=2M", transport: "tcp"},
		{name: "never-h264", stream: "h264,marker=never"},
		{name: "always-h264", stream: "h264,marker=always"},
		{name: "never-h265", stream: "h265,marker=never", transport: "udp"},
		{name: "always-h265", stream: "h265,marker=always", transport: "tcp"},
		{name: "never-mpeg4", stream: "mpeg4,marker=never", transport: "tcp"},
	})
}

func TestCase07MPEG4WithoutConfiguration(t *testing.T) {
	t.Parallel()
	play(t, 3*time.Second, []scene{
		{name: "mpeg4", stream: "mpeg4+pcma,sdpparams=none"},
		{name: "mjpeg", stream: "mjpeg"},
	})
}

func TestCase08EverySound(t *testing.T) {
	t.Parallel()
	var scenes []scene
	for i, codec := range []string{
		"aac", "aac16", "aac3", "aaclatm", "opus", "pcma", "pcmu", "pcma16", "pcmu16", "l16", "g722", "g726", "g726aal2",
	} {
		transport := []string{"udp", "tcp"}[i%2]
		scenes = append(scenes, scene{name: codec, stream: rtspcam.Stream("h264+" + codec), transport: transport})
	}
	p := play(t, 4*time.Second, scenes)
	for _, s := range scenes {
		tracks := p.camera(t, s.name).Tracks
		if len(tracks) != 2 {
			t.Errorf("%s: tracks %+v", s.name, tracks)
		} else if c := tracks[1].Coverage; c.Share() < 0.9 {
			t.Errorf("%s: the sound covers only %.2f", s.name, c.Share())
		}
	}
}

func TestCase09SoundAloneAndEarly(t *testing.T) {
	t.Parallel()
	play(t, 6*time.Second, []scene{
		{name: "plain", stream: "h264+aac", transport: "tcp"},
		{name: "alone", stream: "aac"},
		{name: "alone-pcma", stream: "pcma", transport: "tcp"},
		{name: "early", stream: "h264+aac,novideo:3s", costs: []media.Cause{media.NotStarted, media.NoKeyframe, media.Timeout}},
	}, segments(2*time.Second))
}

func TestCase09SoundOrPictureDies(t *testing.T) {
	t.Parallel()
	p := play(t, 18*time.Second, []scene{
		{name: "sound-dies", stream: "h264+aac,noaudio@2s", silent: true},
		{name: "picture-dies", stream: "h264+aac,novideo@2s", costs: []media.Cause{media.Timeout}},
	}, segments(2*time.Second))
	for name, least := range map[string]int{ // a picture may be back for ten seconds, then sound cuts
		"sound-dies-udp": 9, "sound-dies-tcp": 9, "picture-dies-udp": 4, "picture-dies-tcp": 4,
	} {
		if got := p.segments(t, name); got < least {
			t.Errorf("%s: %d segments, want %d or more", name, got, least)
		}
	}
}

func TestCase10TracksNobodyKnows(t *testing.T) {
	t.Parallel()
	play(t, 3*time.Second, []scene{
		{name: "metadata", stream: "h264+aac+metadata"},
		{name: "unknown", stream: "h264+unknown"},
	})
}

// segments sets how long files become.
func segments(d time.Duration) func(*rtspcam.Options, *engine.RecordOptions) {
	return func(_ *rtspcam.Options, o *engine.RecordOptions) { o.Segment = d }
}
