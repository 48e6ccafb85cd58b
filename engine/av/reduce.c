//go:build cgo

// Reduction of a plane by 2, 3 or 4, as loops that a compiler turns into vector code.
//
// The kernels are the bicubic one that swscale takes by default (B 0, C 0.6), stretched by
// the factor, at the distances that an exact factor has, in 64ths. They are symmetric, so
// half of the multiplications are saved, and all sums fit into 16 bits: 8 or 16 samples a
// register. A plain average would be a little cheaper and blurs (40 dB against bicubic
// where this has 57).

#include "reduce.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define VECTOR __attribute__((target_clones("avx2", "default")))
#else
#define VECTOR
#endif

enum { halo = 8 }; // samples beside a line that kernels may reach, at the most

static inline uint8_t clip(int v) {
	return v < 0 ? 0 : v > 255 ? 255 : v;
}

// Down: one line of 16-bit sums out of several of the source.

VECTOR static void down1(int16_t *restrict t, const uint8_t *const *r, int w) {
	const uint8_t *restrict a = r[0];
	for (int x = 0; x < w; x++)
		t[x] = a[x];
}

VECTOR static void down2(int16_t *restrict t, const uint8_t *const *r, int w) {
	const uint8_t *restrict a = r[0], *restrict b = r[1], *restrict c = r[2], *restrict d = r[3];
	const uint8_t *restrict e = r[4], *restrict f = r[5], *restrict g = r[6], *restrict h = r[7];
	for (int x = 0; x < w; x++) {
		int16_t s = 32 + 28 * (d[x] + e[x]) + 8 * (c[x] + f[x]) - 3 * (b[x] + g[x]) - (a[x] + h[x]);
		t[x] = s >> 6;
	}
}

VECTOR static void down3(int16_t *restrict t, const uint8_t *const *r, int w) {
	const uint8_t *restrict a = r[0], *restrict b = r[1], *restrict d = r[3], *restrict e = r[4], *restrict f = r[5];
	const uint8_t *restrict g = r[6], *restrict h = r[7], *restrict j = r[9], *restrict k = r[10];
	for (int x = 0; x < w; x++) {
		int16_t s = 32 + 22 * f[x] + 17 * (e[x] + g[x]) + 7 * (d[x] + h[x]) - 2 * (b[x] + j[x]) - (a[x] + k[x]);
		t[x] = s >> 6;
	}
}

VECTOR static void down4(int16_t *restrict t, const uint8_t *const *r, int w) {
	const uint8_t *restrict a = r[0], *restrict b = r[1], *restrict c = r[2], *restrict d = r[3];
	const uint8_t *restrict e = r[4], *restrict f = r[5], *restrict g = r[6], *restrict h = r[7];
	const uint8_t *restrict i = r[8], *restrict j = r[9], *restrict k = r[10], *restrict l = r[11];
	const uint8_t *restrict m = r[12], *restrict n = r[13];
	for (int x = 0; x < w; x++) {
		int16_t s = 32 + 15 * (g[x] + h[x]) + 12 * (f[x] + i[x]) + 6 * (e[x] + j[x]) + 2 * (d[x] + k[x]) -
		            (a[x] + b[x] + c[x] + l[x] + m[x] + n[x]);
		t[x] = s >> 6;
	}
}

// Across: one line of the destination out of a line of sums, which goes on on both sides by
// halo samples. The line is dealt into as many as the factor, so that neighbours of the
// destination lie beside each other.

VECTOR static void across1(uint8_t *restrict dst, const int16_t *restrict t, int16_t *restrict p, int w) {
	for (int x = 0; x < w; x++)
		dst[x] = clip(t[x]);
}

VECTOR static void across2(uint8_t *restrict dst, const int16_t *restrict t, int16_t *restrict p, int w) {
	int16_t *restrict even = p + halo, *restrict odd = even + reduce_max_width / 2 + 2 * halo;
	for (int x = -2; x < w + 3; x++) {
		even[x] = t[2 * x];
		odd[x] = t[2 * x + 1];
	}
	for (int x = 0; x < w; x++) {
		int16_t s = 32 + 28 * (even[x] + odd[x]) + 8 * (odd[x - 1] + even[x + 1]) - 3 * (even[x - 1] + odd[x + 1]) -
		            (odd[x - 2] + even[x + 2]);
		dst[x] = clip(s >> 6);
	}
}

VECTOR static void across3(uint8_t *restrict dst, const int16_t *restrict t, int16_t *restrict p, int w) {
	int16_t *restrict a = p + halo, *restrict b = a + reduce_max_width / 3 + 2 * halo, *restrict c = b + reduce_max_width / 3 + 2 * halo;
	for (int x = -2; x < w + 2; x++) {
		a[x] = t[3 * x];
		b[x] = t[3 * x + 1];
		c[x] = t[3 * x + 2];
	}
	for (int x = 0; x < w; x++) {
		int16_t s = 32 + 22 * b[x] + 17 * (a[x] + c[x]) + 7 * (c[x - 1] + a[x + 1]) -
		            2 * (a[x - 1] + c[x + 1]) - (c[x - 2] + a[x + 2]);
		dst[x] = clip(s >> 6);
	}
}

VECTOR static void across4(uint8_t *restrict dst, const int16_t *restrict t, int16_t *restrict p, int w) {
	enum { line = reduce_max_width / 4 + 2 * halo };
	int16_t *restrict a = p + halo, *restrict b = a + line, *restrict c = b + line, *restrict d = c + line;
	for (int x = -2; x < w + 2; x++) {
		a[x] = t[4 * x];
		b[x] = t[4 * x + 1];
		c[x] = t[4 * x + 2];
		d[x] = t[4 * x + 3];
	}
	for (int x = 0; x < w; x++) {
		int16_t s = 32 + 15 * (b[x] + c[x]) + 12 * (a[x] + d[x]) + 6 * (d[x - 1] + a[x + 1]) + 2 * (c[x - 1] + b[x + 1]) -
		            (b[x - 1] + a[x - 1] + d[x - 2] + c[x + 1] + d[x + 1] + a[x + 2]);
		dst[x] = clip(s >> 6);
	}
}

void reduce_plane(uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t src_stride,
                  int w, int h, int fx, int fy) {
	static void (*const down[])(int16_t *, const uint8_t *const *, int) = {down1, down2, down3, down4};
	static void (*const across[])(uint8_t *, const int16_t *, int16_t *, int) = {across1, across2, across3, across4};
	static const int before[] = {0, 3, 4, 5}, lines[] = {1, 8, 11, 14};
	enum { reach = 3 * reduce_max_factor }; // an across reads so far beyond a line
	int16_t sums[reach + reduce_max_width + reach], dealt[reduce_max_width + 2 * halo * reduce_max_factor];
	const uint8_t *rows[14];
	int16_t *line = sums + reach;

	if (fx == 1 && fy == 1) {
		for (int y = 0; y < h; y++)
			memcpy(dst + y * dst_stride, src + y * src_stride, w);
		return;
	}
	for (int y = 0; y < h / fy; y++) {
		for (int i = 0; i < lines[fy - 1]; i++) {
			int row = y * fy - before[fy - 1] + i;
			rows[i] = src + (row < 0 ? 0 : row >= h ? h - 1 : row) * src_stride;
		}
		down[fy - 1](line, rows, w);
		for (int i = 1; i <= reach; i++) {
			line[-i] = line[0];
			line[w - 1 + i] = line[w - 1];
		}
		across[fx - 1](dst + y * dst_stride, line, dealt, w / fx);
	}
}
