//go:build cgo

// Sound: what decoders and encoders of sound need of FFmpeg in C.

#include "shim.h"

#include <math.h>
#include <string.h>

void rp_sound_decoder(AVCodecContext *codec, int rate, int channels, int bits) {
	codec->flags |= AV_CODEC_FLAG_COPY_OPAQUE;
	codec->max_samples = 1 << 20;
	codec->bits_per_coded_sample = bits;
	codec->sample_rate = rate;
	codec->pkt_timebase = (AVRational){1, 90000};
	if (channels > 0)
		av_channel_layout_default(&codec->ch_layout, channels);
}

SwrContext *rp_resampler(const AVFrame *in, int in_rate, int in_channels, int rate, int channels) {
	AVChannelLayout from = {0}, to = {0};
	enum AVSampleFormat format = AV_SAMPLE_FMT_FLT;
	if (in) {
		format = in->format;
		in_rate = in->sample_rate;
		in_channels = in->ch_layout.nb_channels;
	}
	if (in && in->ch_layout.order == AV_CHANNEL_ORDER_NATIVE)
		av_channel_layout_copy(&from, &in->ch_layout);
	else
		av_channel_layout_default(&from, in_channels);
	av_channel_layout_default(&to, channels);
	SwrContext *s = NULL;
	int ret = swr_alloc_set_opts2(&s, &to, AV_SAMPLE_FMT_FLT, rate, &from, format, in_rate, 0, NULL);
	if (ret >= 0) {
		// One channel becomes two of the same loudness, and two become their mean; of more
		// channels none may be louder than full scale.
		av_opt_set_double(s, "rematrix_maxval", 1, 0);
		static const double copy[2] = {1, 1}, mean[2] = {.5, .5};
		if (in_channels == 1 && channels == 2)
			ret = swr_set_matrix(s, copy, 1);
		else if (in_channels == 2 && channels == 1)
			ret = swr_set_matrix(s, mean, 2);
	}
	if (ret >= 0)
		ret = swr_init(s);
	if (ret < 0)
		swr_free(&s);
	av_channel_layout_uninit(&from);
	av_channel_layout_uninit(&to);
	return s;
}

int rp_resample(SwrContext *resampler, const AVFrame *in, const float *floats, int count, float *out, int room) {
	uint8_t *to[1] = {(uint8_t *)out};
	const uint8_t *from[1] = {(const uint8_t *)floats};
	if (in)
		return swr_convert(resampler, to, room, (const uint8_t **)in->extended_data, in->nb_samples);
	return swr_convert(resampler, to, room, floats ? from : NULL, floats ? count : 0);
}

void rp_sound_encoder(AVCodecContext *codec, const struct rp_sound_encoding *e) {
	codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
	codec->sample_rate = e->rate;
	codec->time_base = (AVRational){1, e->rate};
	codec->bit_rate = e->bitrate;
	codec->bits_per_coded_sample = e->bits;
	codec->sample_fmt = e->format;
	codec->thread_count = 1;
	av_channel_layout_default(&codec->ch_layout, e->channels);
}

static int16_t to_s16(float f) {
	long v = lrintf(f * 32768);
	return v > 32767 ? 32767 : v < -32768 ? -32768 : v;
}

int rp_sound_frame(AVFrame *frame, const AVCodecContext *codec, const float *samples, int count, int64_t pts) {
	int channels = codec->ch_layout.nb_channels;
	frame->nb_samples = count;
	frame->format = codec->sample_fmt;
	frame->sample_rate = codec->sample_rate;
	frame->pts = pts;
	int ret = av_channel_layout_copy(&frame->ch_layout, &codec->ch_layout);
	if (ret < 0 || (ret = av_frame_get_buffer(frame, 0)) < 0)
		return ret;
	switch (codec->sample_fmt) {
	case AV_SAMPLE_FMT_FLT:
		memcpy(frame->data[0], samples, (size_t)count * channels * sizeof *samples);
		return 0;
	case AV_SAMPLE_FMT_FLTP:
		for (int c = 0; c < channels; c++)
			for (int i = 0; i < count; i++)
				((float *)frame->extended_data[c])[i] = samples[i * channels + c];
		return 0;
	case AV_SAMPLE_FMT_S16:
		for (int i = 0; i < count * channels; i++)
			((int16_t *)frame->data[0])[i] = to_s16(samples[i]);
		return 0;
	case AV_SAMPLE_FMT_S16P: // of one channel, by the encoders that are here
		for (int c = 0; c < channels; c++)
			for (int i = 0; i < count; i++)
				((int16_t *)frame->extended_data[c])[i] = to_s16(samples[i * channels + c]);
		return 0;
	default:
		return AVERROR(EINVAL);
	}
}
