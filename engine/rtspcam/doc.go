// Package rtspcam is a scripted RTSP camera: the camera of every test, of the
// benchmarks and of the demonstration.
//
// It speaks RTSP, RTP and RTCP by itself and shares no code with the client that
// it tests, so that a misunderstanding cannot be on both sides. It is live: one path
// is one stream that runs from the start of the camera whether anybody looks or
// not, and all its readers see the same units, RTP times and sequence numbers.
//
// Every unit carries a [Mark], a 64-bit counter with the time of capture and a
// checksum, inside the elementary stream itself, so that a recording can be proven
// complete without decoding a picture, and a loop of the clip is never mistaken for
// what came before it. [Camera.Sent] says what really went out.
//
// What cameras do wrong is asked for by name; [Faults] lists it, and [Options.Misbehave],
// [Stream] and [Camera.Misbehave] take a list of them, separated by commas. Each is
//
//	name[@start][:duration][/period][=value]
//
// Start counts from the start of the camera, or from the call of Misbehave; without
// it the fault is there from the beginning. Without duration it stays for ever. With
// period it comes back, period after period. Times are Go durations. Faults that
// happen at an instant take no duration.
//
//	drop@5s:3s       at 5 s the camera is gone for 3 s
//	drop@5s:1s/10s   and again every 10 s, each time for a second
//	loss=1%          one packet in a hundred, from the start
//	jump@10s:5s=2h   RTP time is two hours ahead from 10 s to 15 s
//
// All that is random follows from [Options.Seed]: the same seed loses the same packets.
package rtspcam
