#!/bin/sh
# Before the files go: the server ends in order, so that nothing is lost. Not at an
# upgrade, which restarts it ("upgrade" of dpkg, 1 of rpm). Recordings and configuration stay.
set -e
case $1 in
upgrade | 1) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	systemctl disable --now rtsprec.service rtsprec-resume.service || true
fi
