// Package testcard is the picture of test cameras: colour bars for people, and for machines
// the time at which it was drawn.
//
//	+----------------------------------------+
//	| name                      12:34:56.789 |  0.00
//	| ## ## ## ## ## ## ## ## ## ## ## ## ## |  0.14   colour bars; a ball hits their floor
//	| ##  o ## ## ## ## ## ## ## ## ## ## ## |         at each full second
//	|-------------------[]-------------------|  0.60   sweep: once across a second;
//	|        #_##_#__###_#__#                |  0.70   all white in the first tenth
//	| facts  _#__##_#_#__#_##                |
//	|        code, 16 x 4                    |  0.94
//	+----------------------------------------+
//
// The code is 48 bits of milliseconds since 1970 and 16 bits of a check, black and white,
// the highest bit first, row by row. Blocks are a 24th of the picture's width and a 16th of
// its height, so that encoding at low rates and scaling to a small cell leave them
// readable. Everything follows from the time that is drawn, so that cards drawn apart are
// in step.
package testcard
