//go:build cgo

#include "device.h"

// only takes the one format that was asked for. Were another taken, FFmpeg would go on in
// software without a word.
static enum AVPixelFormat only(AVCodecContext *codec, const enum AVPixelFormat *formats) {
	enum AVPixelFormat want = (enum AVPixelFormat)(intptr_t)codec->opaque;
	for (; *formats != AV_PIX_FMT_NONE; formats++)
		if (*formats == want)
			return want;
	return AV_PIX_FMT_NONE;
}

int rp_device_decoder(AVCodecContext *codec, AVBufferRef *device, enum AVPixelFormat format, int more) {
	codec->hw_device_ctx = av_buffer_ref(device);
	if (!codec->hw_device_ctx)
		return AVERROR(ENOMEM);
	codec->opaque = (void *)(intptr_t)format;
	codec->get_format = only;
	codec->extra_hw_frames = more;
	// Cameras that say Baseline send what is Constrained Baseline, too.
	codec->hwaccel_flags |= AV_HWACCEL_FLAG_IGNORE_LEVEL | AV_HWACCEL_FLAG_ALLOW_PROFILE_MISMATCH;
	return 0;
}

int rp_device_frames(AVBufferRef **frames, AVBufferRef *device, enum AVPixelFormat format, int width, int height) {
	AVBufferRef *ref = av_hwframe_ctx_alloc(device);
	if (!ref)
		return AVERROR(ENOMEM);
	AVHWFramesContext *c = (AVHWFramesContext *)ref->data;
	c->format = format;
	c->sw_format = AV_PIX_FMT_NV12;
	c->width = width;
	c->height = height;
	c->initial_pool_size = 20;
	int ret = av_hwframe_ctx_init(ref);
	if (ret < 0) {
		av_buffer_unref(&ref);
		return ret;
	}
	*frames = ref;
	return 0;
}

int rp_device_encoder(AVCodecContext *codec, AVBufferRef *frames) {
	const AVHWFramesContext *c = (const AVHWFramesContext *)frames->data;
	codec->hw_frames_ctx = av_buffer_ref(frames);
	if (!codec->hw_frames_ctx)
		return AVERROR(ENOMEM);
	codec->pix_fmt = c->format;
	codec->sw_pix_fmt = c->sw_format;
	return 0;
}

int rp_upload(AVFrame *frame, AVBufferRef *frames, const AVFrame *src) {
	int ret = av_hwframe_get_buffer(frames, frame, 0);
	if (ret < 0)
		return ret;
	ret = av_hwframe_transfer_data(frame, src, 0);
	if (ret < 0)
		return ret;
	return av_frame_copy_props(frame, src);
}
