//go:build cgo

#include "shim.h"

// The largest picture is 8192x8192; with 16 bits a sample and no subsampling that is
// under 512 MiB, and nothing else comes near.
#define MAX_PIECE (512u << 20)
#define ROW_ALIGN 64

void rp_init(void) {
	av_max_alloc(MAX_PIECE);
	av_log_set_level(AV_LOG_QUIET);
}

AVBufferPool *rp_pool(int width, int height, enum AVPixelFormat format) {
	if (width < 1 || height < 1 || av_image_check_size2(width, height, 8192LL * 8192, format, 0, NULL) < 0)
		return NULL;
	int size = av_image_get_buffer_size(format, width, height, ROW_ALIGN);
	if (size < 0)
		return NULL;
	// Vector code may read and write a little behind the last row.
	return av_buffer_pool_init((size_t)size + 4 * ROW_ALIGN, NULL);
}

int rp_pool_get(AVBufferPool *pool, AVFrame *frame, int width, int height, enum AVPixelFormat format) {
	frame->buf[0] = av_buffer_pool_get(pool);
	if (!frame->buf[0])
		return AVERROR(ENOMEM);
	frame->format = format;
	frame->width = width;
	frame->height = height;
	frame->extended_data = frame->data;
	return av_image_fill_arrays(frame->data, frame->linesize, frame->buf[0]->data, format, width, height, ROW_ALIGN);
}
