#!/bin/bash
# Installs what is needed beyond Go, on Debian; calls apt-get only when something is missing.
#
#	(nothing)   what the tests judge by: players, probes and servers that are not ours
#	--build     what Go itself needs to fetch modules
#	--codecs    what a build with codecs needs: a compiler, and static libraries (ffmpeg.sh)
#	--ci        all of it, and make
#	--update    fetches apt's lists anew
set -euo pipefail

base=(ca-certificates) # else Go cannot fetch modules
judges=(
	python3-gi gir1.2-gst-rtsp-server-1.0
	gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
	gstreamer1.0-libav gstreamer1.0-rtsp gstreamer1.0-tools
	iproute2 nftables # network namespaces and weak links
	ffmpeg mediainfo vlc-bin vlc-plugin-base chromium
	systemd # systemd-analyze reads our units
)
codecs=(
	gcc g++ libc6-dev make pkg-config nasm dpkg-dev xz-utils patch
	libx264-dev libx265-dev libnuma-dev libopus-dev libva-dev libdrm-dev
)

case ${1:-} in
--build)
	if [ -n "${SSL_CERT_FILE:-}" ] || ls /etc/ssl/certs/* /etc/pki/tls/certs/* >/dev/null 2>&1; then
		exit 0
	fi
	packages=("${base[@]}")
	;;
--codecs) packages=("${base[@]}" "${codecs[@]}") ;;
--ci) packages=("${base[@]}" "${judges[@]}" "${codecs[@]}") ;;
--update) packages=() ;;
*) packages=("${base[@]}" "${judges[@]}") ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "install-test-deps: this is not Debian: install these by hand (names as in Debian 12):" >&2
	printf '  %s\n' "${packages[@]}" >&2
	echo "tests that are to judge by them fail; \`go test ./...\` skips what it cannot judge" >&2
	exit 0
fi

missing=()
for package in "${packages[@]}"; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	if [ "$state" != installed ]; then
		missing+=("$package")
	fi
done
if [ "${1:-}" != --update ] && [ ${#missing[@]} -eq 0 ]; then
	exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "install-test-deps: this needs root and there is no sudo; as root:" >&2
		echo "hint: apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
		exit 1
	fi
	as_root=(sudo)
fi

"${as_root[@]}" apt-get update -q
if [ ${#missing[@]} -gt 0 ]; then
	echo "install-test-deps: installing ${missing[*]}"
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -q --no-install-recommends "${missing[@]}"
fi
