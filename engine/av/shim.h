// What go-astiav lacks or makes expensive: see doc.go. All functions return FFmpeg's
// error codes (negative) unless said otherwise, and none keeps a pointer into Go memory.
#ifndef RTSPREC_SHIM_H
#define RTSPREC_SHIM_H

#include <stdint.h>
#include <libavcodec/avcodec.h>
#include <libavutil/buffer.h>
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

// rp_init makes FFmpeg quiet and bounds what it may allocate in one piece. Once is
// enough, more do no harm.
void rp_init(void);

// rp_pool makes a pool for frames; NULL when there cannot be such frames.
AVBufferPool *rp_pool(int width, int height, enum AVPixelFormat format);
// rp_pool_get makes frame, which is empty, one of the pool's size and format.
int rp_pool_get(AVBufferPool *pool, AVFrame *frame, int width, int height, enum AVPixelFormat format);

#endif
