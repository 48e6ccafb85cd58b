#ifndef RTSPREC_DEVICE_H
#define RTSPREC_DEVICE_H

#include <libavcodec/avcodec.h>
#include <libavutil/hwcontext.h>

// rp_device_decoder makes a decoder that is not open yet decode on a device: to frames of
// that format, or not at all. more is how many of them may be held beside those that the
// decoder needs itself.
int rp_device_decoder(AVCodecContext *codec, AVBufferRef *device, enum AVPixelFormat format, int more);

// rp_device_frames makes room on a device for pictures that are taken there.
int rp_device_frames(AVBufferRef **frames, AVBufferRef *device, enum AVPixelFormat format, int width, int height);

// rp_device_encoder makes an encoder that is not open yet take frames of a device.
int rp_device_encoder(AVCodecContext *codec, AVBufferRef *frames);

// rp_upload makes frame, which is empty, a copy of src in the memory of a device.
int rp_upload(AVFrame *frame, AVBufferRef *frames, const AVFrame *src);

#endif
