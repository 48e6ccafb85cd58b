#!/bin/bash
# Fetches programs that play with the RTSP library of live555, which Debian 12 has not:
# openRTSP, and a VLC with that library, as vlc-live555. They and all that they need are
# taken from Debian testing, by the mirror that apt uses, into a folder of their own:
# nothing is installed. Once on a machine, in a minute; remove the folder to have newer ones.
# Root keeps it where VLC finds it as nobody: VLC refuses to be root.
#
#	scripts/live555.sh               fetches them and prints the folder of the programs
#	scripts/live555.sh COMMAND ...   runs the command with that folder in PATH
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

programs=(livemedia-utils vlc-bin vlc-plugin-base vlc-plugin-access-extra)
release=testing

say() { echo "live555: $*" >&2; }

cache=/var/cache/rtsprec
[ "$(id -u)" -eq 0 ] || cache=${XDG_CACHE_HOME:-$HOME/.cache}/rtsprec
tree=$cache/live555

give() {
	if [ $# -eq 0 ]; then
		echo "$tree/bin"
		exit 0
	fi
	PATH=$tree/bin:$PATH exec "$@"
}

fetch() {
	build=$(mktemp -d "$cache/live555.XXXXXX")
	trap 'rm -rf "$build"' EXIT
	chmod 755 "$build"
	"$here/aside.sh" deb "$release" "$build" update
	: >"$build/status" # as if nothing were installed: what they need has to be from there, too
	"$here/aside.sh" deb "$release" "$build" -o Dir::State::status="$build/status" -o APT::Install-Recommends=false \
		install -y --download-only "${programs[@]}"
	local package program
	for package in "$build"/apt/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$package" | tar -x -C "$build" --wildcards --exclude '*/share/*' './usr/*' 2>/dev/null || true
	done
	mkdir "$build/bin"
	for program in openRTSP:openRTSP vlc:vlc-live555; do
		cat >"$build/bin/${program#*:}" <<-WRAPPER
			#!/bin/sh
			lib=$tree/usr/lib/$multiarch
			export VLC_PLUGIN_PATH=\$lib/vlc/plugins
			exec $tree$loader --library-path "\$lib:\$lib/vlc:\$lib/pulseaudio" $tree/usr/bin/${program%:*} "\$@"
		WRAPPER
		chmod 755 "$build/bin/${program#*:}"
	done
	rm -rf "$build"/{apt,lists,status,sources.list,lock,lock-frontend}
	rm -rf "$tree"
	mv "$build" "$tree" # whole, or not there
	trap - EXIT
}

case $(dpkg --print-architecture) in
amd64) multiarch=x86_64-linux-gnu loader=/usr/lib64/ld-linux-x86-64.so.2 ;;
arm64) multiarch=aarch64-linux-gnu loader=/usr/lib/ld-linux-aarch64.so.1 ;;
*)
	say "not known how to start programs of another Debian on $(dpkg --print-architecture)"
	exit 1
	;;
esac
mkdir -p "$cache"
exec 9>"$cache/live555.lock"
flock 9
if [ ! -d "$tree" ]; then
	say "fetching openRTSP and VLC from Debian $release, once on this machine: about a minute"
	if ! said=$(fetch 2>&1 </dev/null); then
		tail -n 20 <<<"$said" >&2
		say "they could not be fetched"
		exit 1
	fi
fi
exec 9>&-
give "$@"
