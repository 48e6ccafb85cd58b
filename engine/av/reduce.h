#ifndef RTSPREC_REDUCE_H
#define RTSPREC_REDUCE_H

#include <stddef.h>
#include <stdint.h>

// The widest plane that is reduced, and the largest factor.
enum { reduce_max_width = 8192, reduce_max_factor = 4 };

// reduce_plane makes a plane of 8-bit samples w/fx wide and h/fy high out of one of w by h.
// Both factors are 1 to 4, w and h are multiples of them.
void reduce_plane(uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t src_stride,
                  int w, int h, int fx, int fy);

#endif
