#!/bin/bash
# Proves that a binary with codecs needs no library but libc, libm, libva and libdrm, and,
# as root, that it starts where there is nothing else.
#
#	scripts/check-binary.sh bin/rtsprec
set -euo pipefail
binary=$1

libraries=$(ldd "$binary" | awk '$2 == "=>" { print $3 } /^\t\// { print $1 }') # with the loader
echo "$libraries"
for library in $libraries; do
	case ${library##*/} in
	libc.so.6 | libm.so.6 | libva.so.2 | libva-drm.so.2 | libdrm.so.2 | ld-linux*) ;;
	*)
		echo "check-binary: $binary must not need $library" >&2
		exit 1
		;;
	esac
done
if ldd "$binary" | grep 'not found'; then
	exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
	root=$(mktemp -d)
	trap 'rm -rf "$root"' EXIT
	install "$binary" "$root/rtsprec"
	for library in $libraries; do
		install -D "$library" "$root$library"
	done
	chroot "$root" /rtsprec version
fi
