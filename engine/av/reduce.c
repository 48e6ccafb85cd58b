//go:build cgo

// Reduction of a plane by 3/2, 2, 3 or 4, as loops that a compiler turns into vector code,
// and by hand where it does not see how.
//
// The kernels are the bicubic one that swscale takes by default (B 0, C 0.6), stretched by
// the factor, at the distances that an exact factor has, in 64ths. Those of whole factors
// are symmetric, so half of the multiplications are saved; by 3/2 there are two, one the
// mirror of the other. All sums fit into 16 bits: 8 or 16 samples a register. A plain average
// would be a little cheaper and blurs (40 dB against bicubic where this has 57).
//
// A row of the source becomes a line of sums at once, while it is in the cache, and lines
// become rows of the destination as soon as those that a row needs are there.

#include "reduce.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define VECTOR __attribute__((target_clones("avx2", "default")))
#define BY_HAND 1
#include <immintrin.h>
#else
#define VECTOR
#endif

static inline uint8_t clip(int v) {
	return v < 0 ? 0 : v > 255 ? 255 : v;
}

// kernels make out samples of in, by enum reduce_factor. The kernel of each of them begins so
// many samples before the first of in.
static const struct kernel {
	int in, out, taps;
	struct phase {
		int before;
		int8_t tap[14];
	} phase[2];
} kernels[] = {
	[reduce_by_1] = {1, 1, 1, {{0, {64}}}},
	[reduce_by_2] = {2, 1, 8, {{3, {-1, -3, 8, 28, 28, 8, -3, -1}}}},
	[reduce_by_3] = {3, 1, 11, {{4, {-1, -2, 0, 7, 17, 22, 17, 7, 0, -2, -1}}}},
	[reduce_by_4] = {4, 1, 14, {{5, {-1, -1, -1, 2, 6, 12, 15, 15, 12, 6, 2, -1, -1, -1}}}},
	[reduce_by_3_2] = {3, 2, 6, {{2, {-3, 6, 40, 25, -3, -1}}, {1, {-1, -3, 25, 40, 6, -3}}}},
};

enum reduce_factor reduce_factor(int from, int to) {
	for (int f = reduce_by_1; f <= reduce_by_3_2; f++)
		if (from % kernels[f].in == 0 && from / kernels[f].in * kernels[f].out == to)
			return f;
	return reduce_not;
}

// Across: a line of sums out of a row, for the destination's samples from one to another.
// Where kernels reach beyond the row it goes on as it ends: edge knows that, others do not.

static void edge(int16_t *t, const uint8_t *src, int w, const struct kernel *k, int from, int to) {
	for (int x = from; x < to; x++) {
		const struct phase *p = &k->phase[x % k->out];
		int s = 32;
		for (int i = 0; i < k->taps; i++) {
			int at = x / k->out * k->in - p->before + i;
			s += p->tap[i] * src[at < 0 ? 0 : at >= w ? w - 1 : at];
		}
		t[x] = s >> 6;
	}
}

VECTOR static void across1(int16_t *restrict t, const uint8_t *restrict src, int from, int to) {
	for (int x = from; x < to; x++)
		t[x] = src[x];
}

VECTOR static void across2(int16_t *restrict t, const uint8_t *restrict src, int from, int to) {
	for (int x = from; x < to; x++) {
		const uint8_t *s = src + 2 * x;
		t[x] = (int16_t)(32 + 28 * (s[0] + s[1]) + 8 * (s[-1] + s[2]) - 3 * (s[-2] + s[3]) - (s[-3] + s[4])) >> 6;
	}
}

// Samples are dealt into as many lines as the factor first, so that neighbours of the
// destination lie beside each other.
VECTOR static void across3(int16_t *restrict t, const uint8_t *restrict src, int from, int to) {
	enum { most = reduce_max_width / 3 + 4 };
	uint8_t lines[3][most];
	uint8_t *restrict a = lines[0] + 2, *restrict b = lines[1] + 2, *restrict c = lines[2] + 2;
	src += 3 * from;
	t += from;
	int n = to - from;
	for (int x = -2; x < n + 1; x++) {
		a[x] = src[3 * x];
		b[x] = src[3 * x + 1];
		c[x] = src[3 * x + 2];
	}
	a[n + 1] = src[3 * n + 3];
	for (int x = 0; x < n; x++) {
		int16_t s = 32 + 22 * b[x] + 17 * (a[x] + c[x]) + 7 * (c[x - 1] + a[x + 1]) - 2 * (a[x - 1] + c[x + 1]) - (c[x - 2] + a[x + 2]);
		t[x] = s >> 6;
	}
}

VECTOR static void across4(int16_t *restrict t, const uint8_t *restrict src, int from, int to) {
	for (int x = from; x < to; x++) {
		const uint8_t *s = src + 4 * x;
		t[x] = (int16_t)(32 + 15 * (s[1] + s[2]) + 12 * (s[0] + s[3]) + 6 * (s[-1] + s[4]) + 2 * (s[-2] + s[5]) -
		                 (s[-3] + s[-4] + s[-5] + s[6] + s[7] + s[8])) >> 6;
	}
}

VECTOR static void across3_2(int16_t *restrict t, const uint8_t *restrict src, int from, int to) {
	for (int x = from / 2; x < to / 2; x++) { // both are even
		const uint8_t *s = src + 3 * x;
		t[2 * x] = (int16_t)(32 + 40 * s[0] + 25 * s[1] + 6 * s[-1] - 3 * (s[-2] + s[2]) - s[3]) >> 6;
		t[2 * x + 1] = (int16_t)(32 + 40 * s[2] + 25 * s[1] + 6 * s[3] - 3 * (s[4] + s[0]) - s[-1]) >> 6;
	}
}

#ifdef BY_HAND

// Products of neighbours are summed by one instruction (pmaddubsw), which compilers do not
// find in a loop over every second sample. A step makes so many samples of the destination;
// the last one of a row stands where the row ends, and makes some a second time.

enum { step = 16 };

// pairs is the weights of two pairs of neighbours.
static inline int32_t pairs(int a, int b, int c, int d) {
	return (int32_t)((uint32_t)(uint8_t)a | (uint32_t)(uint8_t)b << 8 | (uint32_t)(uint8_t)c << 16 | (uint32_t)(uint8_t)d << 24);
}

__attribute__((target("avx2"))) static inline __m256i weighed(const uint8_t *s, __m256i weights) {
	return _mm256_maddubs_epi16(_mm256_loadu_si256((const void *)s), weights);
}

// step2 reads 38 samples from 3 in front of src on.
__attribute__((target("avx2"))) static inline void step2(int16_t *t, const uint8_t *src) {
	const __m256i a = _mm256_set1_epi32(pairs(-1, -3, -1, -3)), b = _mm256_set1_epi32(pairs(8, 28, 8, 28));
	const __m256i c = _mm256_set1_epi32(pairs(28, 8, 28, 8)), d = _mm256_set1_epi32(pairs(-3, -1, -3, -1));
	__m256i v = _mm256_add_epi16(weighed(src - 3, a), weighed(src - 1, b));
	__m256i w = _mm256_add_epi16(weighed(src + 1, c), weighed(src + 3, d));
	v = _mm256_add_epi16(_mm256_add_epi16(v, w), _mm256_set1_epi16(32));
	_mm256_storeu_si256((void *)t, _mm256_srai_epi16(v, 6));
}

// half4 makes 8 sums of 32 bits; it reads 44 samples from 5 in front of src on.
__attribute__((target("avx2"))) static inline __m256i half4(const uint8_t *src) {
	const __m256i a = _mm256_set1_epi32(pairs(-1, -1, -1, 2)), b = _mm256_set1_epi32(pairs(6, 12, 15, 15));
	const __m256i c = _mm256_set1_epi32(pairs(12, 6, 2, -1)), d = _mm256_set1_epi32(pairs(-1, -1, 0, 0));
	__m256i v = _mm256_add_epi16(weighed(src - 5, a), weighed(src - 1, b));
	__m256i w = _mm256_add_epi16(weighed(src + 3, c), weighed(src + 7, d));
	v = _mm256_madd_epi16(_mm256_add_epi16(v, w), _mm256_set1_epi16(1));
	return _mm256_srai_epi32(_mm256_add_epi32(v, _mm256_set1_epi32(32)), 6);
}

// step4 reads 76 samples from 5 in front of src on.
__attribute__((target("avx2"))) static inline void step4(int16_t *t, const uint8_t *src) {
	__m256i v = _mm256_packs_epi32(half4(src), half4(src + 32));
	_mm256_storeu_si256((void *)t, _mm256_permute4x64_epi64(v, 0xd8));
}

// step3_2 reads 28 samples from 2 in front of src on.
__attribute__((target("avx2"))) static inline void step3_2(int16_t *t, const uint8_t *src) {
	// Where the pairs of samples lie that each sum begins with, in each half of the register.
	const __m256i at = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 3, 4, 4, 5, 6, 7, 7, 8, 9, 10, 10, 11));
	const __m256i two = _mm256_set1_epi8(2), four = _mm256_set1_epi8(4);
	const __m256i a = _mm256_set1_epi32(pairs(-3, 6, -1, -3)), b = _mm256_set1_epi32(pairs(40, 25, 25, 40));
	const __m256i c = _mm256_set1_epi32(pairs(-3, -1, 6, -3));
	__m256i s = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)(src - 2))),
	                                    _mm_loadu_si128((const void *)(src + 10)), 1);
	__m256i v = _mm256_add_epi16(_mm256_maddubs_epi16(_mm256_shuffle_epi8(s, at), a),
	                             _mm256_maddubs_epi16(_mm256_shuffle_epi8(s, _mm256_add_epi8(at, two)), b));
	v = _mm256_add_epi16(v, _mm256_maddubs_epi16(_mm256_shuffle_epi8(s, _mm256_add_epi8(at, four)), c));
	v = _mm256_add_epi16(v, _mm256_set1_epi16(32));
	_mm256_storeu_si256((void *)t, _mm256_srai_epi16(v, 6));
}

// around is how much a step reads in front of its samples and behind them, at the most; ahead
// is how far in front of it the processor is told to fetch, some rows: a whole picture is more
// than its caches hold, and waiting for memory took half of the time.
enum { around = 8, ahead = 4096 };

// steps makes the line of n sums of a row, two steps at least. The first and the last step
// read a copy, in which the row goes on as it ends.
__attribute__((target("avx2"), always_inline)) static inline void steps(void (*one)(int16_t *, const uint8_t *),
                                                                        int16_t *t, const uint8_t *src, int n, int in, int out) {
	uint8_t copy[around + step * 4 + around];
	const int taken = step * in / out;
	const uint8_t *last = src + (n - step) * in / out;

	memset(copy, src[0], around);
	memcpy(copy + around, src, taken + around);
	one(t, copy + around);
	memcpy(copy, last - around, around + taken);
	memset(copy + around + taken, last[taken - 1], around);
	one(t + n - step, copy + around);
	int x = step;
	for (; x <= n - 2 * step; x += step) {
		__builtin_prefetch(src + x * in / out + ahead); // beyond the plane, too: no such fetch fails
		one(t + x, src + x * in / out);
	}
	if (x < n - step)
		one(t + n - 2 * step, src + (n - 2 * step) * in / out);
}

__attribute__((target("avx2"))) static void across2_avx2(int16_t *t, const uint8_t *src, int n) {
	steps(step2, t, src, n, 2, 1);
}

__attribute__((target("avx2"))) static void across4_avx2(int16_t *t, const uint8_t *src, int n) {
	steps(step4, t, src, n, 4, 1);
}

__attribute__((target("avx2"))) static void across3_2_avx2(int16_t *t, const uint8_t *src, int n) {
	steps(step3_2, t, src, n, 3, 2);
}

static void (*const by_hand[])(int16_t *, const uint8_t *, int) = {
	[reduce_by_2] = across2_avx2, [reduce_by_4] = across4_avx2, [reduce_by_3_2] = across3_2_avx2,
};

#endif

// Down: a row of the destination out of lines of sums.

VECTOR static void down1(uint8_t *restrict dst, const int16_t *const *r, int w) {
	const int16_t *restrict a = r[0];
	for (int x = 0; x < w; x++)
		dst[x] = clip(a[x]);
}

VECTOR static void down2(uint8_t *restrict dst, const int16_t *const *r, int w) {
	const int16_t *restrict a = r[0], *restrict b = r[1], *restrict c = r[2], *restrict d = r[3];
	const int16_t *restrict e = r[4], *restrict f = r[5], *restrict g = r[6], *restrict h = r[7];
	for (int x = 0; x < w; x++) {
		int16_t s = 32 + 28 * (d[x] + e[x]) + 8 * (c[x] + f[x]) - 3 * (b[x] + g[x]) - (a[x] + h[x]);
		dst[x] = clip(s >> 6);
	}
}

VECTOR static void down3(uint8_t *restrict dst, const int16_t *const *r, int w) {
	const int16_t *restrict a = r[0], *restrict b = r[1], *restrict d = r[3], *restrict e = r[4], *restrict f = r[5];
	const int16_t *restrict g = r[6], *restrict h = r[7], *restrict j = r[9], *restrict k = r[10];
	for (int x = 0; x < w; x++) {
		int16_t s = 32 + 22 * f[x] + 17 * (e[x] + g[x]) + 7 * (d[x] + h[x]) - 2 * (b[x] + j[x]) - (a[x] + k[x]);
		dst[x] = clip(s >> 6);
	}
}

VECTOR static void down4(uint8_t *restrict dst, const int16_t *const *r, int w) {
	const int16_t *restrict a = r[0], *restrict b = r[1], *restrict c = r[2], *restrict d = r[3];
	const int16_t *restrict e = r[4], *restrict f = r[5], *restrict g = r[6], *restrict h = r[7];
	const int16_t *restrict i = r[8], *restrict j = r[9], *restrict k = r[10], *restrict l = r[11];
	const int16_t *restrict m = r[12], *restrict n = r[13];
	for (int x = 0; x < w; x++) {
		int16_t s = 32 + 15 * (g[x] + h[x]) + 12 * (f[x] + i[x]) + 6 * (e[x] + j[x]) + 2 * (d[x] + k[x]) -
		            (a[x] + b[x] + c[x] + l[x] + m[x] + n[x]);
		dst[x] = clip(s >> 6);
	}
}

VECTOR static void down6(uint8_t *restrict dst, const int16_t *const *r, int w, const int8_t *tap) {
	const int16_t *restrict a = r[0], *restrict b = r[1], *restrict c = r[2], *restrict d = r[3];
	const int16_t *restrict e = r[4], *restrict f = r[5];
	const int16_t ta = tap[0], tb = tap[1], tc = tap[2], td = tap[3], te = tap[4], tf = tap[5];
	for (int x = 0; x < w; x++) {
		int16_t s = 32 + ta * a[x] + tb * b[x] + tc * c[x] + td * d[x] + te * e[x] + tf * f[x];
		dst[x] = clip(s >> 6);
	}
}

// sum makes the line of sums of a row.
static void sum(int16_t *t, const uint8_t *src, int w, enum reduce_factor f) {
	static void (*const across[])(int16_t *, const uint8_t *, int, int) = {
		[reduce_by_1] = across1, [reduce_by_2] = across2, [reduce_by_3] = across3, [reduce_by_4] = across4, [reduce_by_3_2] = across3_2,
	};
	const struct kernel *k = &kernels[f];
	const int n = w / k->in * k->out;
#ifdef BY_HAND
	if (by_hand[f] && n >= 2 * step && n % 2 == 0 && __builtin_cpu_supports("avx2")) {
		by_hand[f](t, src, n);
		return;
	}
#endif
	// The groups of samples from the first whose kernels lie in the row to the last one.
	int first = (k->phase[0].before + k->in - 1) / k->in * k->out;
	int end = n / k->out * k->out - (k->taps + k->in - 1) / k->in * k->out;
	if (end <= first)
		first = end = n;
	else
		across[f](t, src, first, end);
	edge(t, src, w, k, 0, first);
	edge(t, src, w, k, end, n);
}

void reduce_rows(struct reducing *r, const uint8_t *src, ptrdiff_t src_stride, int rows) {
	static void (*const down[])(uint8_t *, const int16_t *const *, int) = {
		[reduce_by_1] = down1, [reduce_by_2] = down2, [reduce_by_3] = down3, [reduce_by_4] = down4,
	};
	const struct kernel *k = &kernels[r->fy];
	const int w = r->w / kernels[r->fx].in * kernels[r->fx].out, h = r->h / k->in * k->out;

	if (rows > r->h - r->fed)
		rows = r->h - r->fed;
	if (r->fx == reduce_by_1 && r->fy == reduce_by_1) {
		for (int y = 0; y < rows; y++, r->fed++, r->made++)
			memcpy(r->dst + r->made * r->dst_stride, src + y * src_stride, w);
		return;
	}
	for (int y = 0; y < rows; y++) {
		sum(r->sums + (size_t)(r->fed % reduce_lines) * w, src + y * src_stride, r->w, r->fx);
		r->fed++;
		for (; r->made < h; r->made++) {
			const struct phase *p = &k->phase[r->made % k->out];
			int first = r->made / k->out * k->in - p->before;
			if (r->fed < r->h && first + k->taps > r->fed)
				break;
			const int16_t *lines[14];
			for (int i = 0; i < k->taps; i++) {
				int row = first + i < 0 ? 0 : first + i >= r->h ? r->h - 1 : first + i;
				lines[i] = r->sums + (size_t)(row % reduce_lines) * w;
			}
			uint8_t *to = r->dst + r->made * r->dst_stride;
			if (r->fy == reduce_by_3_2)
				down6(to, lines, w, p->tap);
			else
				down[r->fy](to, lines, w);
		}
	}
}

void reduce_plane(uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t src_stride,
                  int w, int h, enum reduce_factor fx, enum reduce_factor fy) {
	int16_t sums[reduce_lines * reduce_max_width]; // 256 KiB
	struct reducing r = {.dst = dst, .dst_stride = dst_stride, .w = w, .h = h, .fx = fx, .fy = fy, .sums = sums};
	reduce_rows(&r, src, src_stride, h);
}
