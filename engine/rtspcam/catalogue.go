package rtspcam

// Faults lists everything a camera can be told to do wrong, for help texts too.
func Faults() []Fault {
	return []Fault{
		// the camera and its network
		{Name: "drop", Help: "gone: connections are cut with FIN, new ones refused, no UDP"},
		{Name: "blackhole", Help: "packets vanish in both directions; connections stay"},
		{Name: "halfopen", Instant: true, Help: "connections of this moment fall silent for ever, without FIN; new ones work"},
		{Name: "rst", Instant: true, Help: "all connections are reset"},
		{Name: "restart", Instant: true, Help: "reboot: connections cut; new SSRC, RTP time, sequence numbers; clip from its start"},
		{Name: "become", Value: "CODECS", parse: codecs, Instant: true, Help: "reboot as another camera: the path sends CODECS (h265+aac) from now on"},
		{Name: "stall", Help: "no media is sent (and no sequence number used); RTSP is answered"},
		{Name: "loss", Value: "PERCENT", parse: fraction, Help: "packets lost"},
		{Name: "duplicate", Value: "PERCENT", Default: "1%", parse: fraction, Help: "packets sent twice"},
		{Name: "reorder", Value: "N", Default: "1", parse: count, Help: "one packet in 20 comes N packets late"},
		{Name: "burst", Value: "TIME", Default: "5s", parse: positive, Help: "a reader gets the last TIME of media at once, then real time"},
		{Name: "udpblocked", Help: "SETUP of UDP is answered, nothing is ever sent over UDP"},
		{Name: "udpport", Help: "UDP comes from another port than SETUP said"},

		// RTP
		{Name: "ssrc", Instant: true, Help: "the SSRC changes, nothing else does"},
		{Name: "seqjump", Value: "N", Default: "1000", parse: count, Instant: true, Help: "sequence numbers jump ahead"},
		{Name: "jump", Value: "TIME", parse: span, Help: "RTP time is TIME off"},
		{Name: "tswrap", Value: "TIME", Default: "2s", parse: positive, Help: "RTP time begins TIME before 2^32"},
		{Name: "seqwrap", Value: "N", Default: "100", parse: count, Help: "sequence numbers begin N before 2^16"},
		{Name: "frozen", Help: "RTP time stands still"},
		{Name: "marker", Value: "never|always", parse: word("never", "always"), Help: "the marker bit of video"},
		{Name: "ppm", Value: "N", parse: number, Help: "the camera's clock runs N millionths fast, audio and video together; looked at when the camera (re)starts"},

		// sender reports
		{Name: "noreports", Help: "no sender reports"},
		{Name: "ntp", Value: "zero|1970|2036", parse: word("zero", "1970", "2036"), Help: "sender reports carry a nonsense NTP time"},
		{Name: "clock", Value: "DATE", parse: instant, Help: "the camera's clock said DATE when the fault began"},
		{Name: "clockstep", Value: "TIME", Default: "1h", parse: span, Help: "the camera's clock is TIME off"},

		// media
		{Name: "nokey", Help: "no key frames (of h264refresh: no IDR, recovery points stay)"},
		{Name: "parameters", Instant: true, Help: "video changes to its other resolution, at a key frame at once"},
		{Name: "flap", Help: "parameter sets differ in bytes from one key frame to the next and mean the same"},
		{Name: "noparams", Help: "no parameter sets in band"},
		{Name: "fps", Value: "RATE", parse: rate, Help: "the true frame rate, whatever the SDP says"},
		{Name: "bigunit", Value: "SIZE", Default: "2M", parse: size, Help: "key frames of H.264 and H.265 are padded to SIZE"},
		{Name: "novideo", Help: "video is dead"},
		{Name: "noaudio", Help: "audio is dead (use @ and : for early, late, dies)"},

		// packetisation of H.264 and H.265
		{Name: "zeronal", Help: "empty NAL units"},
		{Name: "zeros", Help: "zeros behind each NAL unit"},
		{Name: "startcodes", Help: "a whole picture with Annex B start codes inside one NAL unit"},
		{Name: "fuse", Help: "fragments with start and end bit both set"},
		{Name: "stap", Help: "parameter sets in one aggregation packet, with RTP padding"},

		// SDP
		{Name: "sdpparams", Value: "none|garbage", parse: word("none", "garbage"), Help: "decoder configuration in the SDP"},
		{Name: "control", Value: "absolute|absent|query|star", parse: word("absolute", "absent", "query", "star"), Help: "control URLs (default relative)"},
		{Name: "mode0", Help: "packetization-mode=0 is said and FU-A is sent"},
		{Name: "brokenorigin", Help: "the o= line of the SDP is broken"},

		// RTSP
		{Name: "keepalive", Value: "refused|ignored", parse: word("refused", "ignored"), Help: "OPTIONS, GET_PARAMETER and SET_PARAMETER in a session"},
		{Name: "timeout", Value: "TIME", parse: positive, Help: "sessions that are not kept alive end after TIME (default 60s)"},
		{Name: "busy", Value: "503|453", Default: "453", parse: word("503", "453"), Help: "no session is free: SETUP is answered so"},
		{Name: "only", Value: "tcp|udp|multicast", parse: word("tcp", "udp", "multicast"), Help: "any other transport is answered with 461"},
		{Name: "stale", Value: "TIME", Default: "3s", parse: positive, Help: "a digest nonce is good for TIME"},
		{Name: "lateauth", Help: "401 on SETUP only, DESCRIBE is free"},
		{Name: "redirect", Value: "PATH", parse: text, Help: "DESCRIBE is answered with a redirect to PATH (or a URL)"},
		{Name: "channels", Value: "N", Default: "10", parse: count, Help: "the camera chooses the interleaved channels itself, from N on"},
		{Name: "early", Help: "RTP before the reply to PLAY"},
		{Name: "rtpinfo", Value: "none|wrong", parse: word("none", "wrong"), Help: "the RTP-Info header"},
		{Name: "nobase", Help: "no Content-Base header"},
		{Name: "lowercase", Help: "header names in lower case"},
		{Name: "noteardown", Help: "TEARDOWN is not answered and ends nothing"},
		{Name: "nobye", Help: "no RTCP BYE at the end"},
		{Name: "http", Help: "the port answers as a web server"},
	}
}
