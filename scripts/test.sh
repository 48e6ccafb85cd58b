#!/bin/bash
# Runs tests: builds them all first, on all processors, then runs two packages at a time.
# A test that fails is run once more, alone; what passes only then is listed as "again",
# because somebody has to look into it, and what fails then, too, fails the whole.
#
#	scripts/test.sh [-race] [-short] [-skip=PATTERN] [PACKAGE...]
set -euo pipefail
cd "$(dirname "$0")/.."

# Cameras and players keep real time in these and leave the processors idle: they go
# first, the longest at the front, and apart from those that calculate.
real=(engine engine/rtsp engine/web commands engine/rtspcam engine/record)

building=() running=(-test.paniconexit0 -test.timeout=20m) packages=()
for word; do
	case $word in
	-race) building+=("$word") ;;
	-*) running+=("-test.${word#-}") ;;
	*) packages+=("$word") ;;
	esac
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mapfile -t tested < <(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' "${packages[@]:-./...}" | sed '/^$/d')
module=$(go list -m)
tested=("${tested[@]#"$module"/}") # folders, from here on

start=$SECONDS
go test -c "${building[@]}" -o "$work/built/" "${tested[@]/#/./}" # a binary is named as the last word of its package
printf 'built in %d s\n' $((SECONDS - start))

# said is where the words of a package's tests are.
said() { echo "$work/${1//\//-}.said"; }

# run PACKAGE [FLAG...] runs the tests of a package and tells how it went.
run() {
	local package=$1 start=$SECONDS word=ok
	shift
	(cd "$package" && "$work/built/${package##*/}.test" "${running[@]}" "$@") >"$(said "$package")" 2>&1 </dev/null || word=FAIL
	if [ $word = FAIL ]; then
		cat "$(said "$package")"
		echo "$package" >>"$work/failed"
	fi
	printf '%-4s %s %d s\n' $word "$package" $((SECONDS - start))
}

# side runs packages side by side: two, as each keeps one processor busy at the most.
side() {
	local package
	for package; do
		while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n || true; done
		run "$package" &
	done
	wait
}
: >"$work/failed"
timed=() others=()
for folder in "${real[@]}"; do
	if [[ " ${tested[*]} " == *" $folder "* ]]; then
		timed+=("$folder")
	fi
done
for package in "${tested[@]}"; do
	[[ " ${timed[*]} " == *" $package "* ]] || others+=("$package")
done
side "${timed[@]}"
side "${others[@]}"

# Once more.
mapfile -t failed <"$work/failed"
: >"$work/failed"
for package in "${failed[@]}"; do
	tests=$(sed -nE 's/^--- FAIL: ([A-Za-z0-9_]+) .*/\1/p' "$(said "$package")" | sort -u | paste -sd '|')
	printf '\n== again, alone: %s %s\n' "$package" "${tests//|/ }"
	before=$(wc -l <"$work/failed")
	run "$package" ${tests:+"-test.run=^($tests)\$"}
	if [ "$(wc -l <"$work/failed")" -eq "$before" ]; then
		printf 'again: %s %s passed only the second time\n' "$package" "${tests//|/ }"
	fi
done
[ ! -s "$work/failed" ]
