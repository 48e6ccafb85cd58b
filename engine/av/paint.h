#ifndef RTSPREC_PAINT_H
#define RTSPREC_PAINT_H

#include <stddef.h>
#include <stdint.h>

// paint_fill blends one value into a rectangle of a plane; alpha is 0 to 255.
void paint_fill(uint8_t *dst, ptrdiff_t stride, int w, int h, uint8_t value, uint8_t alpha);

// paint_blend blends a plane into a rectangle of another, with an alpha for each sample.
void paint_blend(uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, const uint8_t *alpha, ptrdiff_t src_stride,
                 int w, int h);

// paint_split deals samples that stand in pairs into two planes of w by h.
void paint_split(uint8_t *a, uint8_t *b, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t src_stride, int w, int h);

// Colours of one kind of YUV out of those of another, in 1/16384:
// Y' = yy Y + yu (U-128) + yv (V-128) + y0, U' = 128 + uu (U-128) + uv (V-128), V' likewise.
struct paint_colours {
	int yy, yu, yv, y0, uu, uv, vu, vv;
};

// paint_convert changes the colours of a 4:2:0 picture of w by h (both even) in place.
void paint_convert(uint8_t *const planes[3], const ptrdiff_t strides[3], int w, int h, const struct paint_colours *c);

#endif
