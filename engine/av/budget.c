//go:build cgo

// A bound on the memory of one decoder's pictures. A stream of a few kilobytes can ask for
// sixteen pictures of 8192x8192, and a hostile one does.

#include "shim.h"

// budget counts the bytes that are out. The decoder and each of its pictures has a
// reference, because pictures outlive their decoder.
struct budget {
	int64_t used, most;
};

struct hold {
	AVBufferRef *memory, *budget;
	int64_t size;
};

static void let_go(void *opaque, uint8_t *data) {
	struct hold *h = opaque;
	(void)data;
	__atomic_sub_fetch(&((struct budget *)h->budget->data)->used, h->size, __ATOMIC_RELAXED);
	av_buffer_unref(&h->memory);
	av_buffer_unref(&h->budget);
	av_free(h);
}

static int get_buffer(AVCodecContext *codec, AVFrame *frame, int flags) {
	int ret = avcodec_default_get_buffer2(codec, frame, flags);
	AVBufferRef *budget = codec->opaque;
	if (ret < 0 || !budget || frame->hw_frames_ctx || !frame->buf[0])
		return ret;
	struct hold *h = av_mallocz(sizeof *h);
	struct budget *b = (struct budget *)budget->data;
	if (h)
		h->budget = av_buffer_ref(budget);
	if (!h || !h->budget) {
		av_free(h);
		av_frame_unref(frame);
		return AVERROR(ENOMEM);
	}
	for (int i = 0; i < AV_NUM_DATA_POINTERS && frame->buf[i]; i++)
		h->size += frame->buf[i]->size;
	int64_t used = __atomic_add_fetch(&b->used, h->size, __ATOMIC_RELAXED);
	h->memory = frame->buf[0];
	AVBufferRef *outer = av_buffer_create(h->memory->data, h->memory->size, let_go, h, 0);
	if (!outer) {
		frame->buf[0] = NULL;
		let_go(h, NULL);
		av_frame_unref(frame);
		return AVERROR(ENOMEM);
	}
	frame->buf[0] = outer;
	if (used > b->most) {
		av_frame_unref(frame);
		av_log(codec, AV_LOG_WARNING, "pictures of more than %lld MiB are waiting\n", (long long)b->most >> 20);
		return AVERROR(ENOMEM);
	}
	return 0;
}

int rp_budget(AVCodecContext *codec, int64_t most) {
	AVBufferRef *budget = av_buffer_allocz(sizeof(struct budget));
	if (!budget)
		return AVERROR(ENOMEM);
	((struct budget *)budget->data)->most = most;
	codec->opaque = budget;
	codec->get_buffer2 = get_buffer;
	return 0;
}

AVBufferRef *rp_budget_of(const AVCodecContext *codec) {
	return codec->get_buffer2 == get_buffer ? codec->opaque : NULL;
}
