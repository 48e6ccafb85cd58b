#!/bin/bash
# Installs what the tests judge by: players, probes and an RTSP server that are not ours.
# Calls apt-get only when something is missing. With --ci also what .ci/run needs beyond
# that: make, and a C compiler for `go test -race`. With --build only what Go itself needs
# to fetch modules.
set -euo pipefail

if [ "${1:-}" = --build ] && { [ -n "${SSL_CERT_FILE:-}" ] || ls /etc/ssl/certs/* /etc/pki/tls/certs/* >/dev/null 2>&1; }; then
	exit 0
fi

packages=(
	ca-certificates # else Go cannot fetch modules
	python3-gi gir1.2-gst-rtsp-server-1.0
	gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
	gstreamer1.0-libav gstreamer1.0-rtsp gstreamer1.0-tools
	ffmpeg mediainfo vlc-bin vlc-plugin-base chromium
	systemd # systemd-analyze reads our units
)
case ${1:-} in
--ci) packages+=(make gcc libc6-dev) ;;
--build) packages=(ca-certificates) ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "install-test-deps: this is not Debian: install these by hand (names as in Debian 12):" >&2
	printf '  %s\n' "${packages[@]}" >&2
	echo "the tests fail without them; \`go test ./...\` skips what it cannot judge" >&2
	exit 0
fi

missing=()
for package in "${packages[@]}"; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	if [ "$state" != installed ]; then
		missing+=("$package")
	fi
done
if [ ${#missing[@]} -eq 0 ]; then
	exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "install-test-deps: missing: ${missing[*]}" >&2
		echo "hint: run this as root, or install sudo" >&2
		exit 1
	fi
	as_root=(sudo)
fi

echo "install-test-deps: installing ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
	apt-get install -y -q --no-install-recommends "${missing[@]}"
