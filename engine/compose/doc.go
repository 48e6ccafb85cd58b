// Package compose decides what a composed picture shows: where each input goes, which
// of its pictures is due, when the output's pictures are due, what a label says, and how
// sound is mixed. It knows no pixels of pictures and no codec, starts nothing and owns no
// clock: time is an argument.
//
// The parts, in the order in which a composer meets them:
//
//   - [Pacer]: the instants of the output's pictures, and which are left out when late
//   - [Picker]: one input's pictures in a bounded queue, and the one that is due
//   - [Scene] and [Plan]: a layout in pixels, and which input is in which cell
//   - [Placed.Place]: which part of a picture goes where in its cell
//   - [Labels] and [Slate]: text as images
//   - [Mixer]: sound of many inputs into one
//
// All are for one goroutine at a time, except Picker and Mixer, whose inputs may put from
// goroutines of their own.
package compose
