//go:build cgo

// The memory of one software decoder's pictures: how much there may be, and, of pictures
// that are shown smaller, the small copy that is made while they are decoded.
//
// A stream of a few kilobytes can ask for sixteen pictures of 8192x8192, and a hostile one
// does.
//
// A picture of 1080p is larger than a cache. Whoever makes it smaller after it has been
// decoded waits for memory most of the time; H.264's decoder tells when rows are finished,
// and then they are still at hand.

#include "frames.h"
#include "reduce.h"
#include "shim.h"

// decoding is what a decoder's pictures have in common. The decoder and each picture has a
// reference, because pictures outlive their decoder.
struct decoding {
	int64_t used, most;  // bytes that are out
	int factor;          // small copies are so many times smaller; 0: none are made
	AVBufferPool *pool;  // of small copies
	int width, height;   // of what they are made of
	int made_for;        // factor of the pool
	const struct hold *current;     // the picture whose rows come
	struct reducing planes[3];      // its planes
	int16_t *sums;
};

struct hold {
	AVBufferRef *memory, *decoding;
	int64_t size;
	AVBufferRef *small; // NULL: there is no small copy
	struct frames_small view;
	const uint8_t *origin; // where the picture began
	int whole; // the small copy is complete
};

static struct decoding *shared(const struct hold *h) {
	return (struct decoding *)h->decoding->data;
}

static void drop(void *opaque, uint8_t *data) {
	struct decoding *d = (struct decoding *)data;
	(void)opaque;
	av_buffer_pool_uninit(&d->pool);
	av_free(d->sums);
	av_free(d);
}

static void let_go(void *opaque, uint8_t *data) {
	struct hold *h = opaque;
	(void)data;
	__atomic_sub_fetch(&shared(h)->used, h->size, __ATOMIC_RELAXED);
	av_buffer_unref(&h->small);
	av_buffer_unref(&h->memory);
	av_buffer_unref(&h->decoding);
	av_free(h);
}

// planes is the size of a plane of planar 4:2:0.
static void planes(int width, int height, int plane, int *w, int *h) {
	*w = plane ? (width + 1) / 2 : width;
	*h = plane ? (height + 1) / 2 : height;
}

// make_room makes the pool of small copies for pictures of this size. 0: they cannot be
// had in the size that is wanted.
static int make_room(struct decoding *d, int width, int height) {
	if (d->pool && d->width == width && d->height == height && d->made_for == d->factor)
		return 1;
	d->current = NULL;
	av_buffer_pool_uninit(&d->pool);
	av_freep(&d->sums);
	d->width = width, d->height = height, d->made_for = d->factor;
	for (int i = 0, w, h; i < 3; i++) {
		planes(width, height, i, &w, &h);
		if (w > reduce_max_width || w % d->factor || h % d->factor)
			return 0;
	}
	size_t size = (size_t)FFALIGN(width / d->factor, 64) * (height / d->factor) * 2;
	d->sums = av_malloc_array(2 * (width / d->factor) + 4, reduce_lines * sizeof *d->sums);
	if (d->sums)
		d->pool = av_buffer_pool_init(size, NULL);
	return d->pool != NULL;
}

// lay_out gives a picture its small copy, where there is to be one.
static void lay_out(AVCodecContext *codec, const AVFrame *frame, struct hold *h) {
	struct decoding *d = shared(h);
	if (!d->factor || !codec->draw_horiz_band || codec->width < 1 || codec->height < 1 ||
	    frame->format != AV_PIX_FMT_YUV420P && frame->format != AV_PIX_FMT_YUVJ420P || !make_room(d, codec->width, codec->height))
		return;
	h->small = av_buffer_pool_get(d->pool);
	if (!h->small)
		return;
	uint8_t *at = h->small->data;
	h->origin = frame->data[0];
	for (int i = 0, w, rows; i < 3; i++) {
		planes(d->width, d->height, i, &w, &rows);
		w /= d->factor, rows /= d->factor;
		h->view.data[i] = at;
		h->view.stride[i] = FFALIGN(w, 32);
		at += h->view.stride[i] * rows;
	}
	h->view.width = d->width / d->factor;
	h->view.height = d->height / d->factor;
}

// begin starts the small copy of a picture.
static void begin(struct decoding *d, const struct hold *h) {
	int16_t *sums = d->sums;
	for (int i = 0, w, rows; i < 3; i++) {
		planes(d->width, d->height, i, &w, &rows);
		d->planes[i] = (struct reducing){
			.dst = h->view.data[i], .dst_stride = h->view.stride[i], .w = w, .h = rows, .fx = d->factor, .fy = d->factor, .sums = sums,
		};
		sums += (size_t)reduce_lines * (w / d->factor);
	}
	d->current = h;
}

// rows_came is draw_horiz_band: rows of a picture are finished. Each picture's come from
// the top to the bottom; where they do not, something is broken, and it gets no copy.
static void rows_came(AVCodecContext *codec, const AVFrame *frame, int offset[AV_NUM_DATA_POINTERS], int y, int type, int height) {
	if (!frame->buf[0] || height < 1)
		return;
	struct hold *h = av_buffer_get_opaque(frame->buf[0]);
	struct decoding *d = shared(h);
	if (!h->small || d->width != codec->width || d->height != codec->height || h->view.width * d->factor != d->width)
		return;
	if (y == 0 && type == 3) {
		h->whole = 0;
		begin(d, h);
	}
	if (d->current != h)
		return;
	if (type != 3 || d->planes[0].fed != y || y % 2) {
		d->current = NULL;
		h->whole = 0;
		return;
	}
	for (int i = 0; i < 3; i++) {
		int from = i ? y / 2 : y, to = i ? (y + height + 1) / 2 : y + height;
		reduce_rows(&d->planes[i], frame->data[i] + from * (ptrdiff_t)frame->linesize[i], frame->linesize[i], to - from);
	}
	h->whole = d->planes[0].fed == d->height;
	if (h->whole)
		d->current = NULL;
}

static int get_buffer(AVCodecContext *codec, AVFrame *frame, int flags) {
	int ret = avcodec_default_get_buffer2(codec, frame, flags);
	AVBufferRef *decoding = codec->opaque;
	if (ret < 0 || !decoding || frame->hw_frames_ctx || !frame->buf[0])
		return ret;
	struct hold *h = av_mallocz(sizeof *h);
	struct decoding *d = (struct decoding *)decoding->data;
	if (h)
		h->decoding = av_buffer_ref(decoding);
	if (!h || !h->decoding) {
		av_free(h);
		av_frame_unref(frame);
		return AVERROR(ENOMEM);
	}
	for (int i = 0; i < AV_NUM_DATA_POINTERS && frame->buf[i]; i++)
		h->size += frame->buf[i]->size;
	int64_t used = __atomic_add_fetch(&d->used, h->size, __ATOMIC_RELAXED);
	h->memory = frame->buf[0];
	AVBufferRef *outer = av_buffer_create(h->memory->data, h->memory->size, let_go, h, 0);
	if (!outer) {
		frame->buf[0] = NULL;
		let_go(h, NULL);
		av_frame_unref(frame);
		return AVERROR(ENOMEM);
	}
	frame->buf[0] = outer;
	if (d->current == h)
		d->current = NULL; // one that was given up, and had the same address
	if (used > d->most) {
		av_frame_unref(frame);
		av_log(codec, AV_LOG_WARNING, "pictures of more than %lld MiB are waiting\n", (long long)d->most >> 20);
		return AVERROR(ENOMEM);
	}
	lay_out(codec, frame, h);
	return 0;
}

int frames_keep(AVCodecContext *codec, int64_t most) {
	struct decoding *d = av_mallocz(sizeof *d);
	AVBufferRef *decoding = d ? av_buffer_create((uint8_t *)d, sizeof *d, drop, NULL, 0) : NULL;
	if (!decoding) {
		av_free(d);
		return AVERROR(ENOMEM);
	}
	d->most = most;
	codec->opaque = decoding;
	codec->get_buffer2 = get_buffer;
	if (codec->codec_id == AV_CODEC_ID_H264 && codec->thread_count == 1)
		codec->draw_horiz_band = rows_came;
	return 0;
}

static int kept(const AVCodecContext *codec) {
	return codec->get_buffer2 == get_buffer;
}

AVBufferRef *frames_of(const AVCodecContext *codec) {
	return kept(codec) ? codec->opaque : NULL;
}

void frames_reduce(AVCodecContext *codec, int factor) {
	if (kept(codec))
		((struct decoding *)((AVBufferRef *)codec->opaque)->data)->factor = factor >= reduce_by_2 && factor <= reduce_by_4 ? factor : 0;
}

const struct frames_small *frames_small_of(const AVCodecContext *codec, const AVFrame *frame) {
	if (!kept(codec) || !frame->buf[0])
		return NULL;
	const struct hold *h = av_buffer_get_opaque(frame->buf[0]);
	// Cropping on the left or at the top moves the origin, and what was reduced then is not what is shown.
	if (!h->whole || frame->data[0] != h->origin || frame->decode_error_flags || frame->flags & AV_FRAME_FLAG_CORRUPT)
		return NULL;
	return &h->view;
}

int frames_keep_small(AVFrame *frame) {
	const struct hold *h = av_buffer_get_opaque(frame->buf[0]);
	struct frames_small view = h->view;
	AVBufferRef *small = av_buffer_ref(h->small);
	if (!small)
		return AVERROR(ENOMEM);
	for (int i = 0; i < AV_NUM_DATA_POINTERS; i++) {
		av_buffer_unref(&frame->buf[i]);
		frame->data[i] = NULL;
		frame->linesize[i] = 0;
	}
	frame->buf[0] = small;
	for (int i = 0; i < 3; i++) {
		frame->data[i] = view.data[i];
		frame->linesize[i] = view.stride[i];
	}
	frame->extended_data = frame->data;
	frame->width = view.width;
	frame->height = view.height;
	return 0;
}
