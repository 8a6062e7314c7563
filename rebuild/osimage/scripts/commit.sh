#!/bin/bash
# commit.sh COMMIT VERSION: makes a new ostree commit, which is COMMIT with the files of tree/ put over it.
#
# It runs in the tools image. The old image is mounted on /run/old, read-only; its repository is the parent of a new one, so that what the
# new one holds in the end is just what is new. That goes to out/, to be copied onto the old image.
set -euo pipefail
umask 022
commit=$1 version=$2
here=/tmp/oc-rebuild
old=/run/old/srv/repo
new=$here/out/srv/repo
policy=$here/policy

say() { echo "oc rebuild: $*"; }
die() { say "$*" >&2; exit 1; }

[ -d "$old/objects" ] || die 'the image has no ostree repository in /srv/repo'
mode=$(ostree config --repo="$old" get core.mode)
case $mode in archive | archive-z2) ;; *) die "its ostree repository has the mode $mode, not archive" ;; esac

mkdir -p "$new"
ostree init --repo="$new" --mode=archive
ostree config --repo="$new" set core.parent "$old"
cp -R "$old/refs/." "$new/refs/"
ostree show --repo="$new" "$commit" >/dev/null || die "its ostree repository does not have the commit $commit, which the image's label names"

# Every path of the old tree as TYPE+MODE<tab>LABEL<tab>PATH. ostree prints: -00755 0 0 1234 { [(b'security.selinux', b'LABEL')] } /path
ostree ls --repo="$new" -R -X "$commit" | awk -v OFS='\t' '
	{
		at = index($0, " } /")
		if (!at) next
		path = substr($0, at + 3)
		if (substr($1, 1, 1) == "l") sub(/ -> .*/, "", path)
		label = ""
		if (match($0, /\(b.security\.selinux., b.[^\047"]*./)) {
			label = substr($0, RSTART + 24, RLENGTH - 25)
		}
		print $1, label, path
	}' >"$here/old.txt"
cd "$here/tree"
find . -mindepth 1 | sed 's/^\.//' >"$here/paths.txt"

# Files to be replaced must be there.
if [ -f "$here/replaced" ]; then
	awk -F '\t' 'NR == FNR { have[$3] = 1; next } !("/" $0 in have)' "$here/old.txt" "$here/replaced" >"$here/missing.txt"
	[ ! -s "$here/missing.txt" ] || die "not in the old tree: $(tr '\n' ' ' <"$here/missing.txt")(--overlay adds new files)"
fi

# Directories that the old tree has keep their mode; the one of the overlay means nothing.
awk -F '\t' 'NR == FNR { if ($1 ~ /^d/) mode[$3] = substr($1, 2); next } $0 in mode { print mode[$0] "\t." $0 }' \
	"$here/old.txt" "$here/paths.txt" | while IFS=$'\t' read -r mode path; do chmod "$mode" "$path"; done
chmod "$(awk -F '\t' '$3 == "/" { print substr($1, 2) }' "$here/old.txt")" .

# SELinux labels: what the old tree has keeps its own, what is new gets the one that the old tree's policy says.
mkdir -p "$policy/usr/etc"
ostree checkout --repo="$new" --user-mode --disable-cache --subpath=/usr/etc/selinux "$commit" "$policy/usr/etc/selinux" 2>/dev/null || true
config=$policy/usr/etc/selinux/config
type=
[ ! -f "$config" ] || type=$(sed -n 's/^SELINUXTYPE=[[:space:]]*//p' "$config" | tail -n 1)
awk -F '\t' '
	NR == FNR { label[$3] = $2; next }
	label[$0] != "" { path = $0; gsub(/[][\\.^$*+?(){}|]/, "\\\\&", path); print path "\t" label[$0] }' \
	"$here/old.txt" "$here/paths.txt" >"$here/pins.txt"
rootlabel=$(awk -F '\t' '$3 == "/" { print $2 }' "$here/old.txt")
[ -z "$rootlabel" ] || printf '/\t%s\n' "$rootlabel" >>"$here/pins.txt"
selinux=()
if [ -z "$type" ] && [ -s "$here/pins.txt" ]; then # labels, but no policy to give them to new files
	say 'the old tree has SELinux labels but no policy: new files get none'
	type=oc-rebuild
	mkdir -p "$policy/usr/etc/selinux/$type/policy" "$policy/usr/etc/selinux/$type/contexts/files"
	printf 'SELINUX=enforcing\nSELINUXTYPE=%s\n' "$type" >"$config"
	: >"$policy/usr/etc/selinux/$type/policy/policy.33"
	: >"$policy/usr/etc/selinux/$type/contexts/files/file_contexts"
fi
if [ -n "$type" ]; then
	contexts=$policy/usr/etc/selinux/$type/contexts/files
	cat "$here/pins.txt" >>"$contexts/file_contexts.local"
	rm -f "$contexts/file_contexts.local.bin"
	selinux=(--selinux-policy="$policy")
fi

# The metadata of the old commit, but for what this one has of its own.
keep=()
while read -r key; do
	case $key in version | ostree.ref-binding) continue ;; esac
	! ostree show --repo="$new" --print-metadata-key="$key" "$commit" >/dev/null 2>&1 || keep+=(--keep-metadata="$key")
done < <(ostree show --repo="$new" --raw "$commit" | grep -o "'[A-Za-z0-9._-]*': <" | tr -d "': <" | sort -u)

# The refs that name the old commit move; a second later, so that no one takes the new commit for an older one.
refs=()
while read -r ref; do
	[ "$(ostree rev-parse --repo="$old" "$ref")" != "$commit" ] || refs+=("$ref")
done < <(ostree refs --repo="$old" | grep -v ':' | sort)
date=$(ostree show --repo="$new" "$commit" | sed -n 's/^Date:  *//p')
options=(--timestamp="@$(($(date -u -d "$date" +%s) + 1))" --parent="$commit" "${keep[@]}")
if [ ${#refs[@]} -eq 0 ]; then
	options+=(--orphan)
else
	options+=(--branch="${refs[0]}")
	for ref in "${refs[@]:1}"; do options+=(--bind-ref="$ref"); done
fi

overlay=$(ostree commit --repo="$new" --orphan --owner-uid=0 --owner-gid=0 --timestamp=@0 "${selinux[@]}" --tree=dir="$here/tree")
result=$(ostree commit --repo="$new" "${options[@]}" --add-metadata-string=version="$version" \
	--subject="$version, made by oc rebuild" --tree=ref="$commit" --tree=ref="$overlay")
for ref in "${refs[@]:1}"; do ostree refs --repo="$new" --force --create="$ref" "$result"; done
[ ! -f "$old/summary" ] || ostree summary --repo="$new" --update

# Only what is new is put on the old image.
cd "$new"
rm -rf config state tmp extensions .lock "objects/${overlay:0:2}/${overlay:2}.commit"
find objects -type f | while read -r object; do
	[ ! -e "$old/$object" ] || rm -f "$object"
done
find objects -mindepth 1 -type d -empty -delete
say "commit $result, version $version, takes the place of $commit${refs[*]:+ in ${refs[*]}}"
