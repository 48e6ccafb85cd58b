#!/bin/sh
# Before the files go: the server ends in order, so that nothing is lost. Not at an upgrade,
# nor where the other flavour takes its place, which restart it ("upgrade" and "remove
# in-favour" of dpkg, 1 of rpm). Recordings and configuration stay.
set -e
case "$1 $2" in
"upgrade "* | "remove in-favour" | "1 ") exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	systemctl disable --now rtsprec.service rtsprec-resume.service || true
fi
