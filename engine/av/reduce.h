#ifndef RTSPREC_REDUCE_H
#define RTSPREC_REDUCE_H

#include <stddef.h>
#include <stdint.h>

// The widest plane that is reduced.
enum { reduce_max_width = 8192 };

// reduce_factor is how many times smaller a side of a plane becomes. Those of whole numbers
// are these numbers.
enum reduce_factor { reduce_not, reduce_by_1, reduce_by_2, reduce_by_3, reduce_by_4, reduce_by_3_2 };

// reduce_factor is that from one length to another; reduce_not: there is none.
enum reduce_factor reduce_factor(int from, int to);

// reduce_lines is how many lines of sums are kept: what the widest kernel needs, and a
// power of two.
enum { reduce_lines = 16 };

// reducing is a plane of 8-bit samples on its way: one of w by h, whose rows come one after
// the other, is going to be smaller by fx and fy, without a remainder.
struct reducing {
	uint8_t *dst;
	ptrdiff_t dst_stride;
	int w, h;
	enum reduce_factor fx, fy;
	int16_t *sums; // reduce_lines lines of the new width; not used where both factors are 1
	int fed, made; // rows of the source so far, and of the destination
};

// reduce_rows takes the next rows of the source, and makes what can be made of them.
void reduce_rows(struct reducing *r, const uint8_t *src, ptrdiff_t src_stride, int rows);

// reduce_plane takes all rows at once.
void reduce_plane(uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t src_stride,
                  int w, int h, enum reduce_factor fx, enum reduce_factor fy);

#endif
