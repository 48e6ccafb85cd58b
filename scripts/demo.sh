#!/bin/bash
# The main job on three scripted cameras: probe them, record them together while one
# drops out and another restarts with another picture, prove what is there, show it;
# then kill a recorder and go on; serve all of it; at last compose one picture of the
# three. Needs bin/rtsprec and bin/rtspcam, takes about 80 s.
#
#	scripts/demo.sh [DIR]
#
# The recordings stay, in DIR or a new folder, whose name is said at the end. With
# DEMO_KEEP=1 the server stays, too, until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/bin:$PATH
hash rtsprec rtspcam # or says: make build

dir=${1:-$(mktemp -d "${TMPDIR:-/tmp}/rtsprec-demo.XXXXXX")}
mkdir -p "$dir"
cd "$dir"

ready=$(mktemp)
rtspcam --listen 127.0.0.1:0 \
	--path teacher=h264+aac,drop@13s:3s \
	--path student=mpeg4+pcma \
	--path board=h265,restart@19s,parameters@19s >"$ready" &
camera=$!
recorder=
server=
trap 'kill $camera $recorder $server 2>/dev/null; wait; rm -f "$ready"' EXIT

# await COMMAND...: waits, for at most 20 s, until the command succeeds.
await() {
	for _ in $(seq 200); do
		if "$@" >/dev/null 2>&1; then return; fi
		sleep 0.1
	done
	echo "demo: waited in vain for: $*" >&2
	exit 1
}
await grep '^ready ' "$ready"
url=$(sed -n 's|^ready \(rtsp://[^/]*/\).*|\1|p' "$ready")

say() { printf '\n# %s\n' "$*"; }

# typed shows a command as a technician would type it.
typed() { printf '$ %s\n' "$*" | sed -E 's/ ((-i )?[a-z]+=rtsp)/ \\\n    \1/g'; }

# run shows a command and runs it.
run() {
	typed "$@"
	local code=0
	"$@" || code=$?
	case $code in
	0) ;;
	3) echo "(exit code 3: done, but something is missing)" ;;
	*)
		echo "demo: $1 $2 ended with $code" >&2
		exit 1
		;;
	esac
}

say "Three cameras are on: teacher (H.264, AAC), student (MPEG-4, G.711), board (H.265)."
run rtsprec probe "teacher=${url}teacher" "student=${url}student" "board=${url}board"

say "All three for 20 s. The teacher's camera will be gone for 3 s, and the board's will"
echo "# restart with another resolution."
run rtsprec record -i "teacher=${url}teacher" -i "student=${url}student" -i "board=${url}board" \
	-t 20 -o lecture

say "Is everything there, to the last byte? All but what the cameras did not send:"
run rtsprec verify lecture

say "Now the recorder itself is killed with -9, five seconds into ten."
typed rtsprec record -q -i "student=${url}student" -t 10 -o killed '&'
rtsprec record -q -i "student=${url}student" -t 10 -o killed &
recorder=$!
await compgen -G 'killed/student/*/*.part'
sleep 5
kill -9 $recorder
echo "\$ kill -9 \$!"
wait $recorder 2>/dev/null || true
recorder=

say "What it had written is kept, and the rest of its time is recorded."
run rtsprec resume killed

say "All that was recorded:"
run rtsprec ls .
find . -type f -name '*.mp4*' -printf '%9s  %P\n' | sort -k2

say "And all of it can be watched: over RTSP, by the clock, and in a browser."
typed rtsprec serve --archive . --rtsp 127.0.0.1:0 --http 127.0.0.1:0 '&'
rtsprec serve --archive . --rtsp 127.0.0.1:0 --http 127.0.0.1:0 --udp 0 --json >"$ready" &
server=$!
await grep '"type":"serving"' "$ready"
rtsp=$(grep -o 'rtsp://[^"]*' "$ready" | head -n 1)
http=$(grep -o 'http://[^"]*' "$ready" | head -n 1)
run rtsprec probe --transport tcp "lecture=${rtsp}lecture/teacher"

# fetch PATH: what the server answers to a browser.
fetch() {
	local host=${http#http://}
	host=${host%/}
	exec 3<>"/dev/tcp/${host%:*}/${host#*:}"
	printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$1" "$host" >&3
	cat <&3
	exec 3>&-
}
fetch / | grep -qi '<html' || {
	echo "demo: no page at $http" >&2
	exit 1
}
typed curl "${http}healthz"
fetch /healthz | tail -n 1

say "At last, one picture of all three, aligned by when it was captured."
if rtsprec probe --quick testsrc://64x64 >/dev/null 2>&1; then
	run rtsprec compose --from lecture --layout speaker-strip --label on --size 1280x720 -o composed
	run rtsprec verify composed
	run rtsprec export composed -ss 10 -o composed.png
	run rtsprec export lecture --sheet 5 -o lecture.jpg
	echo "Look at them: $PWD/composed.png and $PWD/lecture.jpg"
else
	echo "# Left out: this build has no codecs (make with a C compiler makes one that has)."
fi

printf '\nIt is in %s: plain MP4, for any player.\n' "$PWD"
printf 'While it was served: %slecture/teacher, and in a browser %s\n' "$rtsp" "$http"
if [ -n "${DEMO_KEEP:-}" ]; then
	echo "It is still served; Ctrl-C ends that."
	wait $server
else
	echo "DEMO_KEEP=1 make demo goes on serving it."
fi
