#!/bin/bash
# The main job on three embedded cameras: probe them, record them together while one
# drops out and another restarts with other parameters, prove what is there, show it.
# Needs bin/rtsprec and bin/rtspcam. Keeps the recording; its place is said at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:-$(mktemp -d "${TMPDIR:-/tmp}/rtsprec-demo.XXXXXX")/lecture}
log=$(mktemp)
bin/rtspcam --listen 127.0.0.1:0 \
	--path teacher=h264+aac,drop@13s:3s \
	--path student=mpeg4+pcma \
	--path board=h265,restart@19s,parameters@19s >"$log" &
camera=$!
trap 'kill $camera 2>/dev/null; wait $camera 2>/dev/null; rm -f "$log"' EXIT
for _ in $(seq 100); do # ready within moments; ten seconds on a machine that is very busy
	grep -q '^ready ' "$log" && break
	kill -0 $camera
	read -rt 0.1 <> <(:) || true
done
url=$(sed -n 's|^ready \(rtsp://[^/]*/\).*|\1|p' "$log")

step() {
	printf '\n$ rtsprec %s\n' "$*"
	local rc=0
	bin/rtsprec "$@" || rc=$?
	# 3 says: sound, but with gaps. The demo has made one on purpose.
	if [ $rc -ne 0 ] && [ $rc -ne 3 ]; then
		echo "demo: rtsprec ended with $rc" >&2
		exit 1
	fi
}

echo "Three cameras are on at $url: teacher (H.264 and AAC), student (MPEG-4 and G.711), board (H.265)."
step probe "teacher=${url}teacher" "student=${url}student" "board=${url}board"
echo
echo "Now all three for 20 s. The teacher's camera will be gone for 3 s, and the board's will restart with another resolution."
step record -i "teacher=${url}teacher" -i "student=${url}student" -i "board=${url}board" -t 20 -o "$out"
step verify "$out"
step ls "$out"
printf '\nThe recording:\n'
find "$out" -type f -printf '%9s  %P\n' | sort -k2
printf '\nIt is in %s, plain MP4 for any player.\n' "$out"
