#ifndef RTSPREC_SCALE_H
#define RTSPREC_SCALE_H

#include <stddef.h>
#include <stdint.h>
#include <libavutil/pixfmt.h>
#include <libswscale/swscale.h>

// rp_scaler makes a context that scales into planar 4:2:0, bicubic. The ranges and weights
// of YUV stay as they are; RGB becomes BT.709 where hd is set, else BT.601. NULL when
// swscale cannot.
struct SwsContext *rp_scaler(int from_width, int from_height, enum AVPixelFormat from,
                             int to_width, int to_height, int hd, int full);

// rp_scale scales a whole picture of that height; FFmpeg's error codes.
int rp_scale(struct SwsContext *c, uint8_t *const dst[4], const ptrdiff_t dst_stride[4],
             uint8_t *const src[4], const ptrdiff_t src_stride[4], int height);

#endif
