//go:build cgo

#include "scale.h"

#include <libavutil/error.h>
#include <libavutil/opt.h>

// plain is a format without the mark that its range is full: swscale would convert it,
// and not to our colours.
static enum AVPixelFormat plain(enum AVPixelFormat f) {
	switch (f) {
	case AV_PIX_FMT_YUVJ420P: return AV_PIX_FMT_YUV420P;
	case AV_PIX_FMT_YUVJ422P: return AV_PIX_FMT_YUV422P;
	case AV_PIX_FMT_YUVJ444P: return AV_PIX_FMT_YUV444P;
	case AV_PIX_FMT_YUVJ440P: return AV_PIX_FMT_YUV440P;
	case AV_PIX_FMT_YUVJ411P: return AV_PIX_FMT_YUV411P;
	default: return f;
	}
}

struct SwsContext *rp_scaler(int from_width, int from_height, enum AVPixelFormat from,
                             int to_width, int to_height, int hd, int full) {
	from = plain(from);
	if (!sws_isSupportedInput(from))
		return NULL;
	struct SwsContext *c = sws_alloc_context();
	if (!c)
		return NULL;
	av_opt_set_int(c, "srcw", from_width, 0);
	av_opt_set_int(c, "srch", from_height, 0);
	av_opt_set_int(c, "src_format", from, 0);
	av_opt_set_int(c, "dstw", to_width, 0);
	av_opt_set_int(c, "dsth", to_height, 0);
	av_opt_set_int(c, "dst_format", AV_PIX_FMT_YUV420P, 0);
	av_opt_set_int(c, "sws_flags", SWS_BICUBIC, 0);
	const int *weights = sws_getCoefficients(hd ? SWS_CS_ITU709 : SWS_CS_ITU601);
	// The range of the source is its own even for gray, which is full by default: what
	// comes out is told apart by the caller.
	sws_setColorspaceDetails(c, weights, full, weights, full, 0, 1 << 16, 1 << 16);
	if (sws_init_context(c, NULL, NULL) < 0) {
		sws_freeContext(c);
		return NULL;
	}
	return c;
}

int rp_scale(struct SwsContext *c, uint8_t *const dst[4], const ptrdiff_t dst_stride[4],
             uint8_t *const src[4], const ptrdiff_t src_stride[4], int height) {
	const uint8_t *in[4] = {src[0], src[1], src[2], src[3]};
	int in_stride[4] = {src_stride[0], src_stride[1], src_stride[2], src_stride[3]};
	int out_stride[4] = {dst_stride[0], dst_stride[1], dst_stride[2], dst_stride[3]};
	int rows = sws_scale(c, in, in_stride, 0, height, dst, out_stride);
	return rows > 0 ? 0 : rows < 0 ? rows : AVERROR(EINVAL);
}
