#ifndef RTSPREC_REDUCE_H
#define RTSPREC_REDUCE_H

#include <stddef.h>
#include <stdint.h>

// The widest plane that is reduced, and the largest factor.
enum { reduce_max_width = 8192, reduce_max_factor = 4 };

// reduce_lines is how many lines of sums are kept: what the widest kernel needs, and a
// power of two.
enum { reduce_lines = 16 };

// reducing is a plane of 8-bit samples on its way: w/fx wide and h/fy high it is going to
// be, out of one of w by h, whose rows come one after the other. Both factors are 1 to 4,
// w and h are multiples of them.
struct reducing {
	uint8_t *dst;
	ptrdiff_t dst_stride;
	int w, h, fx, fy;
	int16_t *sums; // reduce_lines lines of w/fx; not used where both factors are 1
	int fed, made; // rows of the source so far, and of the destination
};

// reduce_rows takes the next rows of the source, and makes what can be made of them.
void reduce_rows(struct reducing *r, const uint8_t *src, ptrdiff_t src_stride, int rows);

// reduce_plane takes all rows at once.
void reduce_plane(uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t src_stride,
                  int w, int h, int fx, int fy);

#endif
