#!/bin/sh
# After unpacking: the user, and systemd's view of the units. Nothing is started.
set -e
if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers rtsprec.conf
elif ! getent passwd rtsprec >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/rtsprec --no-create-home --shell /usr/sbin/nologin rtsprec
fi
chown root:rtsprec /etc/rtsprec /etc/rtsprec/serve.yaml
chmod 0750 /etc/rtsprec
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart rtsprec.service
fi
