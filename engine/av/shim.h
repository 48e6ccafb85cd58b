// What go-astiav lacks or makes expensive: see doc.go. All functions return FFmpeg's
// error codes (negative) unless said otherwise, and none keeps a pointer into Go memory.
#ifndef RTSPREC_SHIM_H
#define RTSPREC_SHIM_H

#include <stdint.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/buffer.h>
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>

// rp_init makes FFmpeg quiet and bounds what it may allocate in one piece. Once is
// enough, more do no harm.
void rp_init(void);

// rp_pool makes a pool for frames; NULL when there cannot be such frames.
AVBufferPool *rp_pool(int width, int height, enum AVPixelFormat format);
// rp_pool_get makes frame, which is empty, one of the pool's size and format.
int rp_pool_get(AVBufferPool *pool, AVFrame *frame, int width, int height, enum AVPixelFormat format);


enum { RP_AGAIN = AVERROR(EAGAIN), RP_EOF = AVERROR_EOF };

// rp_picture_decoder sets what all our decoders of pictures need, before they are opened:
// numbers of units are carried to the pictures, cropping is exact, sizes are bounded.
void rp_picture_decoder(AVCodecContext *codec, int lowres);

// rp_expect_reorder says how many pictures must be held back at least.
void rp_expect_reorder(AVCodecContext *codec, int pictures);

// rp_skip_loop_filter turns the loop filter off or on, from the next picture on.
void rp_skip_loop_filter(AVCodecContext *codec, int skip);

// rp_send sends one unit: head and data, joined and padded, and a new configuration
// beside it where config_size > 0. The memory is copied once.
int rp_send(AVCodecContext *codec, AVPacket *packet, const uint8_t *data, int size, const uint8_t *head, int head_size,
	const uint8_t *config, int config_size, int64_t pts, int64_t number, int key);

// rp_number is the number of the unit that a frame, or a packet, was made of.
static inline int64_t rp_number(const AVFrame *f) { return (int64_t)(intptr_t)f->opaque; }
static inline int64_t rp_packet_number(const AVPacket *p) { return (int64_t)(intptr_t)p->opaque; }

// rp_corrupt says that the decoder had to make something up.
static inline int rp_corrupt(const AVFrame *f) {
	return f->decode_error_flags != 0 || (f->flags & AV_FRAME_FLAG_CORRUPT) != 0;
}

struct rp_encoding {
	int width, height;
	double fps;
	int64_t bitrate, max_bitrate, buffer; // bit/s and bits; 0: not set
	int gop, b_frames, threads;
	int quality; // on the scale of 2 to 31; 0: not set
	int full, bt709;
	int ticks; // of the time base, a second
};

// rp_picture_encoder sets an encoder's context before it is opened.
void rp_picture_encoder(AVCodecContext *codec, const struct rp_encoding *e);

// rp_bitrate changes the rate of an open encoder from the next picture on, where it can.
void rp_bitrate(AVCodecContext *codec, int64_t bitrate, int64_t max_bitrate, int64_t buffer);

// rp_view makes view, which is empty, another reference to frame's pixels, to be encoded
// at a time and under a number.
int rp_view(AVFrame *view, const AVFrame *frame, int64_t pts, int64_t number, int key);

// rp_sound_decoder sets a decoder of sound before it is opened. bits are those of a
// sample as coded; 0: the codec says it.
void rp_sound_decoder(AVCodecContext *codec, int rate, int channels, int bits);

// rp_resampler converts frames like in, or where that is NULL interleaved floats of
// in_rate and in_channels, to interleaved floats. NULL: it cannot.
SwrContext *rp_resampler(const AVFrame *in, int in_rate, int in_channels, int rate, int channels);
// rp_resample converts a frame (or floats, count of them a channel; or neither: what is
// left inside) into at most room samples a channel, and returns how many.
int rp_resample(SwrContext *resampler, const AVFrame *in, const float *floats, int count, float *out, int room);

struct rp_sound_encoding {
	int rate, channels, bits;
	int64_t bitrate;
	enum AVSampleFormat format;
};

// rp_sound_encoder sets an encoder of sound before it is opened.
void rp_sound_encoder(AVCodecContext *codec, const struct rp_sound_encoding *e);

// rp_sound_frame fills an empty frame, for an open encoder, with interleaved floats,
// count of them a channel.
int rp_sound_frame(AVFrame *frame, const AVCodecContext *codec, const float *samples, int count, int64_t pts);

// rp_open_file opens a media file by its path for reading, and looks at its start until
// its streams are known.
int rp_open_file(AVFormatContext **out, const char *path);
static inline AVStream *rp_stream(const AVFormatContext *f, int i) { return f->streams[i]; }
// rp_new_config is a configuration that came with a packet; NULL: none.
static inline const uint8_t *rp_new_config(const AVPacket *p, size_t *size) {
	return av_packet_get_side_data(p, AV_PKT_DATA_NEW_EXTRADATA, size);
}


#endif
