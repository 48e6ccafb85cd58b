# Plays an RTSP address with GStreamer, seeks, and prints how many pictures were decoded
# behind the seek: gst_seek.py URL RATE START STOP [skip|onvif]
import sys
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst, GLib

Gst.init(None)
url, rate, start, stop = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
skip = len(sys.argv) > 5 and sys.argv[5] == "skip"
onvif = len(sys.argv) > 5 and sys.argv[5] == "onvif"
pipe = Gst.parse_launch(
    'rtspsrc name=src protocols=tcp latency=100 ! rtph264depay ! h264parse ! avdec_h264 ! fakesink name=sink sync=false signal-handoffs=true')
src, sink = pipe.get_by_name("src"), pipe.get_by_name("sink")
src.set_property("location", url)
if onvif:
    src.set_property("onvif-mode", True)
state = {"seeked": False, "count": 0, "first": 0}
loop = GLib.MainLoop()


def handoff(_sink, buf, _pad):
    state["first"] += 1
    if state["seeked"]:
        state["count"] += 1
        print("picture", buf.pts / 1e9 if buf.pts != Gst.CLOCK_TIME_NONE else None, flush=True)
    elif state["first"] == 5:
        GLib.idle_add(seek)


def seek():
    flags = Gst.SeekFlags.FLUSH
    if skip:
        flags |= Gst.SeekFlags.TRICKMODE
    state["seeked"] = True
    if not pipe.seek(rate, Gst.Format.TIME, flags, Gst.SeekType.SET, int(start * Gst.SECOND), Gst.SeekType.SET, int(stop * Gst.SECOND)):
        print("the seek is refused")
        loop.quit()
    return False


def message(_bus, m):
    if m.type in (Gst.MessageType.EOS, Gst.MessageType.ERROR):
        if m.type == Gst.MessageType.ERROR:
            print(m.parse_error())
        loop.quit()


bus = pipe.get_bus()
bus.add_signal_watch()
bus.connect("message", message)
sink.connect("handoff", handoff)
pipe.set_state(Gst.State.PLAYING)
GLib.timeout_add_seconds(40, loop.quit)
loop.run()
pipe.set_state(Gst.State.NULL)
print(state["count"])
