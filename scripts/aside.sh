#!/bin/bash
# apt-get with the packages of another release of Debian, in a folder of its own: nothing
# of the machine's apt is changed. They come from the mirrors that the machine's apt knows,
# and apt checks them as it checks any.
#
#	scripts/aside.sh deb|deb-src RELEASE FOLDER WORDS...     apt-get WORDS
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kind=$1 release=$2 folder=$3
shift 3

sources() {
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg signed=
	[ ! -e $keyring ] || signed="[signed-by=$keyring] "
	apt-get indextargets --format '$(ORIGIN)|$(COMPONENT)|$(LABEL)|$(REPO_URI)' |
		sed -n "s#^Debian|main|Debian|\(.*\)#$kind $signed\1 $release main#p
			s#^Debian|main|Debian-Security|\(.*\)#$kind $signed\1 $release-security main#p" | LC_ALL=C sort -u
}

if [ ! -e "$folder/sources.list" ]; then
	mkdir -p "$folder/lists/partial" "$folder/apt/archives/partial"
	found=$(sources)
	if ! grep -q " $release main" <<<"$found"; then
		"$here/install-test-deps.sh" --update # the names of what it serves come with its lists
		found=$(sources)
	fi
	if ! grep " $release main" <<<"$found"; then
		echo "apt knows no mirror of Debian (apt-get indextargets)" >&2
		exit 1
	fi
	echo "$found" >"$folder/sources.list"
fi
apt-get -q -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::Lists="$folder/lists" \
	-o Dir::Cache="$folder/apt" -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none "$@"
