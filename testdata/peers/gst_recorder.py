#!/usr/bin/python3
"""An RTSP server that takes what is published on /live: H.264 and AAC, written as elementary
streams. It is GStreamer's, so how it speaks owes nothing to our understanding of the protocol.

  gst_recorder.py --port PORT --dir DIR

Prints "ready rtsp://127.0.0.1:PORT" once it answers; writes DIR/video.h264 and DIR/audio.aac.
Needs these Debian packages: python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good
gstreamer1.0-plugins-bad
"""
import argparse
import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--port", required=True)
parser.add_argument("--dir", required=True)
args = parser.parse_args()

Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(args.port)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
factory.set_latency(200)
factory.set_launch(
    "( rtph264depay name=depay0 ! h264parse ! video/x-h264,stream-format=byte-stream,alignment=au"
    f" ! filesink sync=false buffer-mode=unbuffered location={args.dir}/video.h264"
    " rtpmp4gdepay name=depay1 ! aacparse ! audio/mpeg,stream-format=adts"
    f" ! filesink sync=false buffer-mode=unbuffered location={args.dir}/audio.aac )"
)
server.get_mount_points().add_factory("/live", factory)
server.attach(None)
print(f"ready rtsp://127.0.0.1:{args.port}", flush=True)
GLib.MainLoop().run()
