#!/bin/bash
# Gives the build its FFmpeg 7.1: the codecs of engine/av.
#
#	scripts/ffmpeg.sh COMMAND ...     runs the command with it: scripts/ffmpeg.sh go build ./...
#	eval "$(scripts/ffmpeg.sh)"       the same for this shell
#	CGO_ENABLED=0                     no codecs: the command is run as it is
#	RTSPREC_FFMPEG=own                does not look for an FFmpeg of the machine
#
# It also sets RTSPREC_CODECS to 1 or 0: whether what is built has to have codecs.
#
# An FFmpeg that pkg-config knows is used where its libavcodec is 61. Elsewhere a small
# static one is built (ffmpeg-build.sh), once for each configuration, compiler and set of
# libraries, and kept in ~/.cache/rtsprec; remove it there to have a newer one built. What
# is linked with it needs no library at run time but libc, libm, libva and libdrm.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { echo "ffmpeg: $*" >&2; }

# give VARIABLE=VALUE... -- [COMMAND...] ends this script: runs the command with the
# variables, or prints them for a shell.
give() {
	local variables=() variable
	while [ "$1" != -- ]; do
		variables+=("$1")
		shift
	done
	shift
	if [ $# -gt 0 ]; then
		exec env "${variables[@]}" "$@"
	fi
	for variable in "${variables[@]}"; do
		printf 'export %s=%q\n' "${variable%%=*}" "${variable#*=}"
	done
	exit 0
}

if [ "${CGO_ENABLED:-}" = 0 ]; then
	give CGO_ENABLED=0 RTSPREC_CODECS=0 -- "$@"
fi
if [ -z "${CGO_ENABLED:-}" ] && [ "$(go env GOOS GOARCH 2>/dev/null)" != "$(go env GOHOSTOS GOHOSTARCH 2>/dev/null)" ]; then
	say "for another kind of machine: without codecs"
	give CGO_ENABLED=0 RTSPREC_CODECS=0 -- "$@"
fi

# An FFmpeg of the machine, or what this script gave to the caller.
cache=${XDG_CACHE_HOME:-${HOME:?is not set}/.cache}/rtsprec
if [ "${RTSPREC_FFMPEG:-}" != own ] || [[ ${PKG_CONFIG:-} == "$cache"/* ]]; then
	tool=${PKG_CONFIG:-pkg-config}
	libraries=(libavdevice libavfilter libavformat libavutil libswresample libswscale) # go-astiav wants them all
	if command -v "$tool" >/dev/null && "$tool" --exists 'libavcodec >= 61' 'libavcodec < 62' "${libraries[@]}"; then
		if [ -z "${PKG_CONFIG:-}" ]; then
			say "using this machine's libavcodec $("$tool" --modversion libavcodec), by whose licence the result is bound"
		fi
		give CGO_ENABLED=1 RTSPREC_CODECS=1 -- "$@"
	fi
fi

if ! grep -qsE '^ID(_LIKE)?=.*debian' /etc/os-release || ! command -v apt-get >/dev/null; then
	say "codecs need FFmpeg 7.1, and pkg-config finds no libavcodec 61"
	echo "hint: install FFmpeg 7's development files (Fedora: ffmpeg-free-devel), or set PKG_CONFIG_PATH to where libavcodec.pc is," >&2
	echo "hint: or build all but the codecs: CGO_ENABLED=0 make build" >&2
	exit 1
fi
"$here/install-test-deps.sh" --codecs >&2

# The name of what is built holds all that it depends on but Debian's revision of FFmpeg.
key=$({
	cat "$here"/ffmpeg-build.sh "$here"/ffmpeg-*.patch
	${CC:-gcc} --version
	dpkg-query -W -f '${Package} ${Architecture} ${Version}\n' libx264-dev libx265-dev libopus-dev libnuma-dev libva-dev libdrm-dev
} | sha256sum | head -c 12)
made() { find "$cache" -maxdepth 1 -name "ffmpeg-*-$key" 2>/dev/null | sort -V | tail -n 1; }

mkdir -p "$cache"
prefix=$(made)
if [ -z "$prefix" ]; then
	exec 9>"$cache/lock"
	if ! flock -n 9; then
		say "waiting for another build of FFmpeg"
		flock 9
	fi
	prefix=$(made)
	if [ -z "$prefix" ] && ! "$here/ffmpeg-build.sh" "$cache" "$key" 9>&-; then
		echo "hint: to build all but the codecs: CGO_ENABLED=0 make build" >&2
		exit 1
	fi
	prefix=$(made)
	exec 9>&-
fi
give CGO_ENABLED=1 RTSPREC_CODECS=1 PKG_CONFIG="$prefix/bin/pkg-config" CGO_LDFLAGS="-O2 -g -static-libstdc++ -static-libgcc" -- "$@"
