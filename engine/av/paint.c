//go:build cgo

// What is painted on a canvas, as loops that a compiler turns into vector code.

#include "paint.h"

#include <string.h>

// blend is exact at both ends: alpha 0 keeps a, 255 gives b.
static inline uint8_t blend(unsigned a, unsigned b, unsigned alpha) {
	unsigned s = a * (255 - alpha) + b * alpha + 128;
	return (s + (s >> 8)) >> 8;
}

void paint_fill(uint8_t *dst, ptrdiff_t stride, int w, int h, uint8_t value, uint8_t alpha) {
	for (int y = 0; y < h; y++, dst += stride) {
		if (alpha == 255) {
			memset(dst, value, w);
			continue;
		}
		for (int x = 0; x < w; x++)
			dst[x] = blend(dst[x], value, alpha);
	}
}

void paint_blend(uint8_t *restrict dst, ptrdiff_t dst_stride, const uint8_t *restrict src, const uint8_t *restrict alpha,
                 ptrdiff_t src_stride, int w, int h) {
	for (int y = 0; y < h; y++, dst += dst_stride, src += src_stride, alpha += src_stride)
		for (int x = 0; x < w; x++)
			dst[x] = blend(dst[x], src[x], alpha[x]);
}

void paint_split(uint8_t *restrict a, uint8_t *restrict b, ptrdiff_t dst_stride, const uint8_t *restrict src,
                 ptrdiff_t src_stride, int w, int h) {
	for (int y = 0; y < h; y++, a += dst_stride, b += dst_stride, src += src_stride)
		for (int x = 0; x < w; x++) {
			a[x] = src[2 * x];
			b[x] = src[2 * x + 1];
		}
}

static inline uint8_t clip(int v) {
	return v < 0 ? 0 : v > 255 ? 255 : v;
}

void paint_convert(uint8_t *const planes[3], const ptrdiff_t strides[3], int w, int h, const struct paint_colours *c) {
	const struct paint_colours k = *c; // so that no store can change it
	const int half = 1 << 13;
	for (int y = 0; y < h; y += 2) {
		uint8_t *restrict a = planes[0] + y * strides[0], *restrict b = a + strides[0];
		uint8_t *restrict u = planes[1] + y / 2 * strides[1], *restrict v = planes[2] + y / 2 * strides[2];
		for (int x = 0; x < w / 2; x++) {
			int cu = u[x] - 128, cv = v[x] - 128;
			int add = k.yu * cu + k.yv * cv + k.y0 + half;
			a[2 * x] = clip((k.yy * a[2 * x] + add) >> 14);
			a[2 * x + 1] = clip((k.yy * a[2 * x + 1] + add) >> 14);
			b[2 * x] = clip((k.yy * b[2 * x] + add) >> 14);
			b[2 * x + 1] = clip((k.yy * b[2 * x + 1] + add) >> 14);
			u[x] = clip(128 + ((k.uu * cu + k.uv * cv + half) >> 14));
			v[x] = clip(128 + ((k.vu * cu + k.vv * cv + half) >> 14));
		}
	}
}
