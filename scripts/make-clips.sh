#!/bin/sh
# Makes testdata/clips: what the scripted camera (engine/rtspcam) sends. Run once by
# hand, with ffmpeg 5.1 or later (libx264, libx265, libopus); the results are committed.
#
# A clip is two files: NAME.bin, the units one behind the other (Annex B for H.264 and
# H.265, raw frames without ADTS for AAC), and NAME.idx, ffmpeg's framecrc listing of
# the same packets, whose dts, pts, duration and size cut the first file into units.
# A burned-in number counts the pictures of the clip.
set -eu
cd "$(dirname "$0")/../testdata/clips"
run() { ffmpeg -hide_banner -loglevel error -y "$@"; }

# clip NAME [OPTION]: index and bytes of the one stream of NAME.nut.
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
clip() {
	run -i "$tmp/$1.nut" -map 0 -c copy $2 -f framecrc - | grep -v '^#software' | sed 's/  */ /g' >"$1.idx"
	run -i "$tmp/$1.nut" -map 0 -c copy $2 -f data "$1.bin"
}

# video NAME SIZE RATE SECONDS CODEC...: a test picture, its number on it.
video() {
	name=$1 size=$2 rate=$3 seconds=$4
	shift 4
	run -f lavfi -i "testsrc2=size=$size:rate=$rate,drawtext=text='$name %{frame_num}':x=10:y=h-th-10:fontsize=h/6:fontcolor=white:box=1:boxcolor=black" \
		-t "$seconds" -pix_fmt "${pix:-yuv420p}" "$@" -f nut "$tmp/$name.nut"
	clip "$name" "-bsf:v dump_extra=freq=keyframe" # parameter sets at every key frame
}

# audio NAME RATE CHANNELS FRAMES CODEC...: a tone that swings, FRAMES packets of it.
audio() {
	name=$1 rate=$2 channels=$3 frames=$4
	shift 4
	run -f lavfi -i "aevalsrc=0.2*sin(2*PI*440*t)*(0.6+0.4*sin(2*PI*t)):sample_rate=$rate" -ac "$channels" \
		-frames:a "$frames" "$@" -f nut "$tmp/$name.nut"
	clip "$name" ""
}

x264() { # x264 NAME SIZE RATE SECONDS KBIT GOP PARAMS
	video "$1" "$2" "$3" "$4" -c:v libx264 -preset medium -b:v "$5k" -maxrate "$5k" -bufsize "$5k" \
		-g "$6" -x264-params "keyint=$6:min-keyint=$6:scenecut=0:open-gop=0:$7" -bsf:v filter_units=remove_types=6
}
x265() { # as x264
	video "$1" "$2" "$3" "$4" -c:v libx265 -preset medium -b:v "$5k" -maxrate "$5k" -bufsize "$5k" \
		-x265-params "log-level=none:keyint=$6:min-keyint=$6:scenecut=0:repeat-headers=1:$7" -bsf:v filter_units=remove_types=39
}

x264 h264 320x180 25 4 250 25 bframes=0
x264 h264-other 640x360 25 2 350 25 bframes=0
x264 h264b 320x180 25 4 250 25 bframes=2:b-adapt=0
x264 h264b-other 640x360 25 2 350 25 bframes=2:b-adapt=0
x264 h264long 320x180 25 20 40 500 bframes=0
video h264refresh 320x180 25 10 -c:v libx264 -preset medium -b:v 80k -x264-params \
	"keyint=50:intra-refresh=1:bframes=0:scenecut=0" # keeps its recovery point SEI
x265 h265 320x180 25 4 250 25 bframes=0:open-gop=0
x265 h265-other 640x360 25 2 350 25 bframes=0:open-gop=0
x265 h265b 320x180 25 4 250 25 bframes=3:b-adapt=0:open-gop=1
video mpeg4 320x180 25 4 -c:v mpeg4 -b:v 300k -g 25 -bf 0 -sc_threshold 1000000000
video mpeg4-other 640x360 25 2 -c:v mpeg4 -b:v 400k -g 25 -bf 0 -sc_threshold 1000000000
video mpeg4b 320x180 25 2 -c:v mpeg4 -b:v 300k -g 25 -bf 2 -sc_threshold 1000000000
pix=yuvj420p
video mjpeg 320x240 10 2 -c:v mjpeg -huffman default -q:v 12
video mjpeg-other 480x320 10 1 -c:v mjpeg -huffman default -q:v 20
pix=yuv420p
x264 heavy 1920x1080 30 2 4000 30 bframes=0:filler=0

audio aac 48000 2 96 -c:a aac -b:a 48k
audio aac16 16000 1 64 -c:a aac -b:a 24k
audio opus 48000 2 100 -c:a libopus -b:a 32k -frame_duration 20
# Sound without frames: bytes alone.
for form in g722:g722:16000 g726:g726le:8000 g726aal2:g726:8000; do
	name=${form%%:*} rate=${form##*:} codec=${form#*:}
	run -f lavfi -i "aevalsrc=0.2*sin(2*PI*440*t)*(0.6+0.4*sin(2*PI*t)):sample_rate=$rate" \
		-map 0 -ac 1 -t 2 -c:a "${codec%:*}" $([ "$rate" = 8000 ] && echo -b:a 32k) -f data "$name.bin"
done
