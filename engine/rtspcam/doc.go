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
// What cameras do wrong is asked for by name; see [Faults]. All of it follows from
// [Options.Seed]: the same seed loses the same packets.
package rtspcam
