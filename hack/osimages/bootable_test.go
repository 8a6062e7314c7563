package osimages

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// containerCommit stands for what rpm-ostree brings as `ostree container commit`, which distributions do not package:
// it refuses what a layer must not have, and leaves a mark that it ran.
const containerCommit = `#!/bin/sh
[ "$1" = commit ] || { echo "usage: ostree container commit"; exit 1; }
[ "$2" != --help ] || exit 0
[ ! -e /tmp/oc-rebuild ] || { echo "error: /tmp is not empty" >&2; exit 1; }
echo committed >/usr/lib/committed
`

// bootable makes an operating system image as stream-coreos is one: a system with ostree, in two layers.
func bootable(t *testing.T, programs ...string) v1.Image {
	t.Helper()
	base := system(t, append([]string{"sh", "cat", "cp", "rm", "tr", "ls"}, programs...)...)
	if len(programs) > 0 {
		for _, name := range []string{"usr/lib/rpm/macros", "usr/lib/rpm/rpmrc"} {
			base.file(name, 0o644, string(read(t, "/"+name)))
		}
		base.file("etc/rpm/macros", 0o644, "%_dbpath /usr/share/rpm\n").directory("usr/share/rpm")
	}
	ostree := rootfs{}.file("usr/bin/crio", 0o755, "old crio\n").file("usr/bin/ostree", 0o755,
		"#!/bin/sh\nshift\nexec /usr/libexec/ostree-container \"$@\"\n").
		file("usr/libexec/ostree-container", 0o755, containerCommit).link("usr/local",
		"../var/usrlocal").file("etc/crio/crio.conf",
		0o600, "[crio]\n")
	const version = "417.9.202410112133-0"
	return image(t, map[string]string{
		"ostree.bootable": "true", "containers.bootc": "1", "ostree.commit": strings.Repeat("ab", 32),
		"ostree.final-diffid": "sha256:" + strings.Repeat("cd", 32),
		"version":             version, "org.opencontainers.image.version": version, "io.openshift.metalayer": "true",
		"io.openshift.build.versions":              "machine-os=" + version,
		"io.openshift.build.version-display-names": "machine-os=CentOS Stream CoreOS",
	}, base, ostree)
}

func TestBootableImage(t *testing.T) {
	need(t, "rpm", "rpmbuild")
	old := bootable(t, "rpm")
	w := newWorld(t, map[string]v1.Image{"stream-coreos": old})
	overlay := write(t, map[string]string{"etc/crio/crio.conf.d/99-mine.conf": "mine\n", "bin/helper": "helper\n"})
	check(t, os.Chmod(filepath.Join(overlay, "etc"), 0o700)) // the mode of the overlay's directories means nothing
	crio := filepath.Join(write(t, map[string]string{"bin/crio": "new crio\n"}), "bin/crio")
	rpm := buildRPM(t, "hello", "1.0", map[string]string{"usr/bin/hello": "hello", "usr/lib/hello.conf": "x"})
	mounted := w.apart("me/release")
	w.registry.Reset()
	result := w.rebuild("stream-coreos", "--overlay", overlay, "--replace-file", "/usr/bin/crio="+crio, "--rpm", rpm)
	if got := w.uploads(); got != 4 { // a layer and a config each, for the image and the payload
		t.Errorf("%d blobs were uploaded, want 4: those of the base must be mounted", got)
	}
	made := w.component(result.Release.Image, "stream-coreos")
	checkBase(t, old, made)
	layers, err := old.Layers()
	check(t, err)
	for _, layer := range layers {
		digest, err := layer.Digest()
		check(t, err)
		if !slices.Contains(mounted(), digest.String()) {
			t.Errorf("layer %s of the base was not mounted", digest)
		}
	}
	got, before := labels(t, made), labels(t, old)
	for name, want := range before {
		switch name {
		case "version", "org.opencontainers.image.version":
			if !strings.HasPrefix(got[name], want+".modified-") || got[name] != got["version"] {
				t.Errorf("label %s is %q, want %q, marked", name, got[name], want)
			}
		case "io.openshift.build.versions":
			if got[name] != "machine-os="+got["version"] {
				t.Errorf("label %s is %q, want the version %q", name, got[name], got["version"])
			}
		default:
			if got[name] != want {
				t.Errorf("label %s is %q, want %q", name, got[name], want)
			}
		}
	}
	if len(got) != len(before) {
		t.Errorf("labels %v, want the names of %v", got, before)
	}
	root := extract(t, made)
	for name, want := range map[string]string{
		"usr/bin/crio": "new crio\n", "usr/bin/helper": "helper\n", "etc/crio/crio.conf.d/99-mine.conf": "mine\n",
		"etc/crio/crio.conf": "[crio]\n",
		"usr/bin/hello":      "hello\n", "usr/lib/committed": "committed\n",
	} {
		if data := string(read(t, filepath.Join(root, name))); data != want {
			t.Errorf("%s is %q, want %q", name, data, want)
		}
	}
	for name, want := range map[string]os.FileMode{"etc": 0o755, "usr/bin/crio": 0o755, "etc/crio/crio.conf": 0o600} {
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want mode %v", name, info.Mode(), err, want)
		}
	}
	if _, err := os.Lstat(filepath.Join(root, "tmp/oc-rebuild")); !os.IsNotExist(err) {
		t.Errorf("the build context stayed in the image: %v", err)
	}
	config, err := made.ConfigFile()
	check(t, err)
	for _, variable := range config.Config.Env {
		if strings.HasPrefix(variable, "SOURCE_") {
			t.Errorf("%s stayed in the environment of the operating system", variable)
		}
	}
	checkInfo(t, w, result.Release.Image, got["version"])
	packages := w.run("info", result.Release.Image, "--insecure", "--rpmdb")
	if packages.code != 0 || packages.stdout != "Package contents:\n  hello-1.0-1\n" {
		t.Errorf("info --rpmdb: exit code %d, %s%s", packages.code, packages.stderr, packages.stdout)
	}
}

// apart makes the registry keep the blobs of a repository apart from those of others, as real ones do: a blob is
// there once it was uploaded to the repository, or mounted from another one. It returns the digests of the blobs that
// were mounted.
func (w *world) apart(repository string) (mounted func() []string) {
	var mu sync.Mutex
	has := map[string]bool{}
	var list []string
	prefix := "/v2/" + repository + "/blobs/"
	w.registry.Fail(func(writer http.ResponseWriter, request *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		target, ok := strings.CutPrefix(request.URL.Path, prefix)
		query := request.URL.Query()
		switch {
		case ok && request.Method == http.MethodPut:
			has[query.Get("digest")] = true
		case ok && request.Method == http.MethodPost && query.Get("mount") != "" && query.Get("from") != "":
			has[query.Get("mount")] = true
			list = append(list, query.Get("mount"))
			writer.Header().Set("Location", prefix+query.Get("mount"))
			writer.Header().Set("Docker-Content-Digest", query.Get("mount"))
			writer.WriteHeader(http.StatusCreated)
			return true
		case ok && (request.Method == http.MethodHead || request.Method == http.MethodGet) && !has[target]:
			writer.WriteHeader(http.StatusNotFound)
			return true
		}
		return false
	})
	return func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(list) }
}

// checkBase checks that an image has the layers of another, and one more.
func checkBase(t *testing.T, base, made v1.Image) {
	t.Helper()
	old, err := base.Manifest()
	check(t, err)
	now, err := made.Manifest()
	check(t, err)
	if len(now.Layers) != len(old.Layers)+1 {
		t.Fatalf("%d layers on a base of %d, want one more", len(now.Layers), len(old.Layers))
	}
	for i, layer := range old.Layers {
		if now.Layers[i].Digest != layer.Digest {
			t.Errorf("layer %d is %s, want the base's %s", i, now.Layers[i].Digest, layer.Digest)
		}
	}
}
