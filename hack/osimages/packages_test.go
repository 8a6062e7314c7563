package osimages

import (
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// installer stands for a program that installs packages: it notes how it was called, and which repositories it would
// see.
const installer = `#!/bin/sh
name=${0##*/}
echo "$name $*" >>/usr/lib/calls
for repo in /etc/yum.repos.d/*; do echo "$name sees $(cat "$repo")" >>/usr/lib/calls; done
`

// rpmQuery stands for rpm in an image that has kernel: it answers the two questions that tell a new package from
// another version of one.
const rpmQuery = `#!/bin/sh
[ "$1" != -q ] || { [ "$2" = kernel ]; exit; }
file=${5##*/}
echo "${file%%-[0-9]*}"
`

// Packages are installed with what the image has; repositories are there for the installation alone.
func TestPackagesAreInstalledWithWhatTheImageHas(t *testing.T) {
	need(t, "rpmbuild")
	kernel, hello := buildRPM(t, "kernel", "5.14", nil), buildRPM(t, "hello", "1.0", nil)
	repo := filepath.Join(write(t, map[string]string{"mine.repo": "[mine]"}), "mine.repo")
	const rpms = "/tmp/oc-rebuild/rpms/"
	tests := []struct {
		description string
		programs    map[string]string
		want        string
	}{
		{"rpm-ostree", map[string]string{"rpm-ostree": installer, "dnf": installer, "rpm": rpmQuery},
			"rpm-ostree override replace " + rpms + "kernel-5.14-1.noarch.rpm\nrpm-ostree sees [mine]\n" +
				"rpm-ostree install crun " + rpms + "hello-1.0-1.noarch.rpm\nrpm-ostree sees [mine]\n"},
		{"dnf", map[string]string{"dnf": installer, "rpm": rpmQuery},
			"dnf install -y crun " + rpms + "hello-1.0-1.noarch.rpm " + rpms +
				"kernel-5.14-1.noarch.rpm\ndnf sees [mine]\ndnf clean all\ndnf sees [mine]\n"},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			base := system(t, "sh", "cat", "cp", "rm", "tr").directory("etc/yum.repos.d")
			for name, text := range test.programs {
				base.file("usr/bin/"+name, 0o755, text)
			}
			w := newWorld(t, map[string]v1.Image{"rhel-coreos": image(t,
				map[string]string{"ostree.bootable": "true", "version": "9.6.20250523-0"}, base)})
			result := w.rebuild("rhel-coreos", "--rpm", hello, "--rpm", kernel, "--rpm", "crun", "--repo-file", repo)
			root := extract(t, w.component(result.Release.Image, "rhel-coreos"))
			if got := string(read(t, filepath.Join(root, "usr/lib/calls"))); got != test.want {
				t.Errorf("calls:\n%s\nwant:\n%s", got, test.want)
			}
			if left, err := os.ReadDir(filepath.Join(root, "etc/yum.repos.d")); err != nil || len(left) != 0 {
				t.Errorf("repositories %v stayed in the image: %v", left, err)
			}
		})
	}
}
