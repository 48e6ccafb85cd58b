#!/bin/bash
# Builds the small static FFmpeg that scripts/ffmpeg.sh gives.
#
#	scripts/ffmpeg-build.sh CACHE KEY     makes CACHE/ffmpeg-VERSION-KEY
#
# The source is Debian's, of the release that has FFmpeg 7.1, from the mirrors that this
# machine's apt knows, and checked by apt as any package is. x264 and x265 make the result
# GPL-2.0-or-later.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$1 key=$2
release=trixie

# What engine/av uses, and no more: each thing more is code to be built and to be kept safe.
configuration=(
	--disable-everything --disable-autodetect --disable-network --disable-doc --disable-programs --disable-debug
	--disable-postproc --enable-static --disable-shared --enable-pic --enable-pthreads --pkg-config-flags=--static
	--enable-gpl --enable-libx264 --enable-libx265 --enable-libopus
	--enable-vaapi --enable-libdrm --enable-v4l2-m2m --enable-ffnvcodec --enable-nvenc --enable-nvdec --enable-cuvid
	--enable-decoder=h264,hevc,mpeg4,mjpeg,png,mpeg2video,vp8,vp9
	--enable-decoder=aac,aac_latm,opus,libopus,mp3,mp3float,ac3,flac,vorbis
	--enable-decoder=pcm_alaw,pcm_mulaw,pcm_s16be,pcm_s16le,adpcm_g722,adpcm_g726,adpcm_g726le
	--enable-decoder=h264_cuvid,hevc_cuvid,mjpeg_cuvid,mpeg4_cuvid,h264_v4l2m2m,hevc_v4l2m2m,mpeg4_v4l2m2m
	--enable-encoder=libx264,libx265,mpeg4,mjpeg,png
	--enable-encoder=aac,libopus,pcm_alaw,pcm_mulaw,pcm_s16be,pcm_s16le,adpcm_g722,adpcm_g726,adpcm_g726le
	--enable-encoder=h264_nvenc,hevc_nvenc,h264_vaapi,hevc_vaapi,h264_v4l2m2m,hevc_v4l2m2m
	--enable-hwaccel=h264_nvdec,hevc_nvdec,mjpeg_nvdec,mpeg4_nvdec,h264_vaapi,hevc_vaapi,mjpeg_vaapi,mpeg4_vaapi
	--enable-parser=h264,hevc,mpeg4video,mjpeg,png,mpegvideo,vp8,vp9,aac,aac_latm,opus,mpegaudio,ac3,flac,vorbis
	--enable-demuxer=mov,matroska,mpegts,mpegps,avi,flv,wav,mp3,aac,ogg,flac,h264,hevc,m4v,mjpeg,image2
	--enable-muxer=mp4,mpegts,matroska,null
	--enable-bsf=h264_mp4toannexb,hevc_mp4toannexb,extract_extradata,dump_extra,mpeg4_unpack_bframes
	--enable-bsf=null,aac_adtstoasc,h264_metadata,hevc_metadata
	--enable-protocol=file,pipe
	--enable-filter=scale,format,null,anull,aresample,aformat,buffer,buffersink,abuffer,abuffersink
	--enable-filter=hwupload,hwdownload,hwmap,scale_vaapi,transpose
)

processors=$(nproc)
log=$cache/build.log
echo "ffmpeg: building FFmpeg 7.1 from Debian's source, once on this machine: about $((3 / processors + 1)) minutes on $processors processors (what it does: $log)" >&2
start=$SECONDS

exec 3>&2 >"$log" 2>&1 </dev/null
rm -rf "$cache"/build.*/ # of one that was killed
build=$(mktemp -d "$cache/build.XXXXXX")
ended() {
	local code=$?
	rm -rf "$build"
	if [ $code -ne 0 ]; then
		tail -n 20 "$log" >&3
		echo "ffmpeg: FFmpeg could not be built; $log has all of it" >&3
	fi
}
trap ended EXIT
trap 'exit 130' INT TERM HUP
set -x

# aside is apt-get with the sources of that release, in a folder of its own.
aside() { "$here/aside.sh" deb-src "$release" "$build" "$@"; }

mkdir "$build/source"
cd "$build/source"
aside update
aside source ffmpeg
aside source --tar-only nv-codec-headers # headers only, nothing that Debian would change
mkdir nvidia
tar -C nvidia --strip-components=1 -xf nv-codec-headers_*.orig.tar.*
make -C nvidia install PREFIX="$build/nvidia"
cd "$build"/source/ffmpeg-*/
# For speed alone: a later FFmpeg that it does not fit is built as it is.
if patch -p1 --dry-run <"$here/ffmpeg-hevc.patch"; then
	patch -p1 <"$here/ffmpeg-hevc.patch"
else
	echo "ffmpeg: scripts/ffmpeg-hevc.patch does not fit this FFmpeg and is left out" >&3
fi
prefix=$cache/ffmpeg-$(cat RELEASE)-$key
PKG_CONFIG_PATH=$build/nvidia/lib/pkgconfig ./configure --prefix="$prefix" --cc="${CC:-gcc}" "${configuration[@]}"
make -j"$processors"
make install DESTDIR="$build/made"
cp COPYING.GPLv2 "$build/made$prefix/share/"

# pkg-config that knows this FFmpeg and takes a static library where there is a shared one, too.
mkdir -p "$build/made$prefix/bin"
cat >"$build/made$prefix/bin/pkg-config" <<WRAPPER
#!/bin/sh
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig\${PKG_CONFIG_PATH:+:\$PKG_CONFIG_PATH}"
flags=\$(pkg-config --static "\$@") || exit
[ -z "\$flags" ] || printf '%s\n' "\$flags" | sed -E \\
    -e 's/-lgcc_s//g; s/-lgcc( |\$)/ /g' \\
    -e 's/-l:?(lib)?(x264|x265|opus|numa|stdc\+\+|atomic)(\.a)?( |\$)/-l:lib\2.a /g'
WRAPPER
chmod +x "$build/made$prefix/bin/pkg-config"
mv "$build/made$prefix" "$prefix" # whole, or not there
echo "ffmpeg: built in $((SECONDS - start)) s: $prefix" >&3
