#ifndef RTSPREC_FRAMES_H
#define RTSPREC_FRAMES_H

#include <stddef.h>
#include <stdint.h>
#include <libavcodec/avcodec.h>

// frames_small is a picture made smaller by a whole number: planar 4:2:0 of 8 bits. It
// lives as long as the picture that it was made of.
struct frames_small {
	uint8_t *data[3];
	ptrdiff_t stride[3];
	int width, height;
};

// frames_keep bounds the bytes of a software decoder's pictures, before it is opened.
int frames_keep(AVCodecContext *codec, int64_t most);

// frames_of is what the decoder's pictures have in common, to be given up once the context
// is freed; NULL: nothing.
AVBufferRef *frames_of(const AVCodecContext *codec);

// frames_reduce has small copies made, from the next picture on, that are so many times
// smaller: 2 to 4, anything else: none. Not every decoder makes them, nor of every size.
void frames_reduce(AVCodecContext *codec, int factor);

// frames_small_of is the small copy of a picture that this decoder gave; NULL: there is none.
const struct frames_small *frames_small_of(const AVCodecContext *codec, const AVFrame *frame);

// frames_keep_small has such a picture be its small copy and nothing else; the memory of the
// whole goes back to the decoder. 0, or an AVERROR: nothing has changed.
int frames_keep_small(AVFrame *frame);

#endif
