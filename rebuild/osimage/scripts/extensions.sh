#!/bin/bash
# extensions.sh DIRECTORY: adds the RPMs of rpms/ to a directory of RPMs in the image that is mounted on /run/old, and indexes it anew.
#
# It runs in the tools image. What goes to out/ is the new RPMs and the index of all; the old RPMs stay where they are.
set -euo pipefail
umask 022
directory=$1
here=/tmp/oc-rebuild
old=/run/old/$directory
out=$here/out/$directory
all=$here/all
epoch=1 # of files whose real time would make each build another image

say() { echo "oc rebuild: $*"; }

mkdir -p "$all" "$out"
if [ -d "$old" ]; then
	(cd "$old" && find . -name '*.rpm' \( -type f -o -type l \)) | while read -r rpm; do
		mkdir -p "$all/$(dirname "$rpm")"
		ln -s "$old/$rpm" "$all/$rpm"
	done
	[ ! -d "$old/repodata" ] || cp -R "$old/repodata" "$all/repodata"
else
	say "the image has no /$directory: it is made"
fi
for rpm in "$here"/rpms/*.rpm; do
	rm -f "$all/${rpm##*/}"
	cp "$rpm" "$out/"
	touch -d "@$epoch" "$out/${rpm##*/}"
	ln -s "$out/${rpm##*/}" "$all/"
done
# gzip: what a node reads the index with may be older than the tools.
createrepo_c --quiet --update --general-compress-type=gz --revision="$epoch" --set-timestamp-to-revision "$all"
cp -R "$all/repodata" "$out/repodata"
say "$(find "$all" -name '*.rpm' | wc -l) RPMs in /$directory, $(find "$out" -name '*.rpm' | wc -l) of them new"
