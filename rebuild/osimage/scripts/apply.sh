#!/bin/sh
# Runs inside a bootable operating system image, as the one step that changes it: packages, then files, then what the image itself wants done
# at the end of a layer. The build context lies in /tmp/oc-rebuild and is removed here, so that the layer does not have it.
set -eu
umask 022
here=/tmp/oc-rebuild
cd "$here"

say() { echo "oc rebuild: $*"; }

# install FILE... NAME...: with what the image has. rpm-ostree must be told apart what is new and what takes the place of another version.
install_packages() {
	if command -v rpm-ostree >/dev/null; then
		replaced='' added=$names
		for file in $files; do
			if rpm -q "$(rpm -qp --nosignature --queryformat '%{NAME}' "$file")" >/dev/null 2>&1; then
				replaced="$replaced $file"
			else
				added="$added $file"
			fi
		done
		[ -z "$replaced" ] || { say "rpm-ostree override replace$replaced"; rpm-ostree override replace $replaced; }
		[ -z "$added" ] || { say "rpm-ostree install $added"; rpm-ostree install $added; }
	elif command -v dnf >/dev/null; then
		say "dnf install $names$files"
		dnf install -y $names $files
		dnf clean all
		rm -rf /var/cache/dnf /var/lib/dnf /var/log/dnf* /var/log/hawkey.log
	else
		say "rpm --upgrade$files"
		rpm --upgrade --oldpackage --replacepkgs --nosignature $files
	fi
}

files='' names=''
for file in rpms/*.rpm; do
	[ ! -f "$file" ] || files="$files $here/$file" # names of files and packages were checked: no spaces, no globs
done
[ ! -s packages ] || names=$(tr '\n' ' ' <packages)
if [ -n "$files$names" ]; then
	for repo in repos/*.repo; do
		[ ! -f "$repo" ] || cp "$repo" "/etc/yum.repos.d/oc-rebuild-${repo#repos/}"
	done
	install_packages
	rm -f /etc/yum.repos.d/oc-rebuild-*.repo
fi

# Not COPY: that would give directories which the image has the owner and mode of the overlay's. A file is put in the place of the old one,
# not written into it: in such images it is the same inode as an object of the ostree repository.
[ ! -d tree ] || cp -R -P --remove-destination tree/. /

cd /
rm -rf "$here"
if ostree container commit --help >/dev/null 2>&1; then
	say 'ostree container commit'
	ostree container commit
elif bootc container lint --help >/dev/null 2>&1; then
	say 'bootc container lint'
	bootc container lint
fi
