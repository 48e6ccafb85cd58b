//go:build cgo

#include "shim.h"
#include "log.h"

#include <limits.h>
#include <string.h>

// The largest picture is 8192x8192; with 16 bits a sample and no subsampling that is
// under 512 MiB, and nothing else comes near.
#define MAX_PIECE (512u << 20)
#define ROW_ALIGN 64

void rp_init(void) {
	av_max_alloc(MAX_PIECE);
	rp_log_start();
}

AVBufferPool *rp_pool(int width, int height, enum AVPixelFormat format) {
	if (width < 1 || height < 1 || av_image_check_size2(width, height, 8192LL * 8192, format, 0, NULL) < 0)
		return NULL;
	int size = av_image_get_buffer_size(format, width, height, ROW_ALIGN);
	if (size < 0)
		return NULL;
	// Vector code may read and write a little behind the last row.
	// What others left in memory is nobody's business, hence the zeros.
	return av_buffer_pool_init((size_t)size + 4 * ROW_ALIGN, av_buffer_allocz);
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

void rp_picture_decoder(AVCodecContext *codec, int lowres) {
	codec->flags |= AV_CODEC_FLAG_COPY_OPAQUE | AV_CODEC_FLAG_UNALIGNED;
	codec->max_pixels = 8192LL * 8192;
	codec->pkt_timebase = (AVRational){1, 90000};
	codec->lowres = lowres;
}

void rp_expect_reorder(AVCodecContext *codec, int pictures) {
	if (codec->has_b_frames < pictures)
		codec->has_b_frames = pictures;
}

void rp_skip_loop_filter(AVCodecContext *codec, int skip) {
	codec->skip_loop_filter = skip == 2 ? AVDISCARD_ALL : skip == 1 ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
}

int rp_send(AVCodecContext *codec, AVPacket *packet, const uint8_t *data, int size, const uint8_t *head, int head_size,
	const uint8_t *config, int config_size, int64_t pts, int64_t number, int key) {
	if (size < 0 || head_size < 0 || size > INT_MAX / 4 || head_size > INT_MAX / 4)
		return AVERROR(EINVAL);
	int ret = av_new_packet(packet, size + head_size);
	if (ret < 0)
		return ret;
	if (head_size > 0)
		memcpy(packet->data, head, head_size);
	memcpy(packet->data + head_size, data, size);
	packet->pts = packet->dts = pts;
	packet->opaque = (void *)(intptr_t)number;
	if (key)
		packet->flags |= AV_PKT_FLAG_KEY;
	if (config_size > 0) {
		uint8_t *side = av_packet_new_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, config_size);
		if (side)
			memcpy(side, config, config_size);
	}
	ret = avcodec_send_packet(codec, packet);
	av_packet_unref(packet);
	return ret;
}

void rp_picture_encoder(AVCodecContext *codec, const struct rp_encoding *e) {
	codec->width = e->width;
	codec->height = e->height;
	codec->pix_fmt = e->full ? AV_PIX_FMT_YUVJ420P : AV_PIX_FMT_YUV420P;
	codec->color_range = e->full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
	codec->color_primaries = e->bt709 ? AVCOL_PRI_BT709 : AVCOL_PRI_SMPTE170M;
	codec->color_trc = e->bt709 ? AVCOL_TRC_BT709 : AVCOL_TRC_SMPTE170M;
	codec->colorspace = e->bt709 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
	codec->time_base = (AVRational){1, e->ticks};
	codec->framerate = av_d2q(e->fps, 100000);
	codec->bit_rate = e->bitrate;
	codec->rc_max_rate = e->max_bitrate;
	codec->rc_buffer_size = (int)FFMIN(e->buffer, INT_MAX);
	codec->gop_size = e->gop;
	codec->max_b_frames = e->b_frames;
	codec->thread_count = e->threads;
	// Bit exact: FFmpeg's own encoders then do not write their version into the stream.
	codec->flags |= AV_CODEC_FLAG_COPY_OPAQUE | AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_CLOSED_GOP | AV_CODEC_FLAG_BITEXACT;
	if (e->quality > 0) {
		codec->flags |= AV_CODEC_FLAG_QSCALE;
		codec->global_quality = e->quality * FF_QP2LAMBDA;
	}
}

void rp_bitrate(AVCodecContext *codec, int64_t bitrate, int64_t max_bitrate, int64_t buffer) {
	codec->bit_rate = bitrate;
	codec->rc_max_rate = max_bitrate;
	codec->rc_buffer_size = (int)FFMIN(buffer, INT_MAX);
}

int rp_view(AVFrame *view, const AVFrame *frame, int64_t pts, int64_t number, int key) {
	int ret = av_frame_ref(view, frame);
	if (ret < 0)
		return ret;
	av_frame_side_data_free(&view->side_data, &view->nb_side_data);
	view->pts = pts;
	view->duration = 0;
	view->opaque = (void *)(intptr_t)number;
	view->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
	view->flags &= ~(AV_FRAME_FLAG_INTERLACED | AV_FRAME_FLAG_TOP_FIELD_FIRST | AV_FRAME_FLAG_CORRUPT | AV_FRAME_FLAG_KEY);
	view->quality = 0;
	return 0;
}

int rp_open_file(AVFormatContext **out, const char *path) {
	AVFormatContext *f = avformat_alloc_context();
	AVDictionary *options = NULL;
	int ret = f ? 0 : AVERROR(ENOMEM);
	// A file may name others (playlists, references): nothing but this one is opened.
	if (ret >= 0)
		ret = av_dict_set(&options, "protocol_whitelist", "file", 0);
	if (ret >= 0)
		ret = av_dict_set(&options, "max_streams", "64", 0);
	if (ret >= 0)
		ret = avformat_open_input(&f, path, NULL, &options);
	av_dict_free(&options);
	if (ret >= 0)
		ret = avformat_find_stream_info(f, NULL);
	if (ret < 0)
		avformat_close_input(&f);
	*out = ret < 0 ? NULL : f;
	return ret;
}
