package osimages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// Two components, one built on what the other becomes, in one payload.
func TestContainerfileWithOperatorOfTheSameRun(t *testing.T) {
	w := newWorld(t, map[string]v1.Image{"stream-coreos": bootable(t)})
	operator := operatorSource(t, w, "stream-coreos")
	own := write(t, map[string]string{"Containerfile": "FROM payload:stream-coreos\n" +
		"COPY --from=payload:machine-config-operator /usr/bin/machine-config-daemon /usr/libexec/\nCOPY motd /etc/motd\nRUN ostree container commit\n", "motd": "mine\n"})
	result := w.rebuild("machine-config-operator="+operator, "stream-coreos", "--release-repo",
		t.TempDir(), "--dockerfile",
		"machine-config-operator=Dockerfile",
		"--containerfile", filepath.Join(own, "Containerfile"))
	made := w.component(result.Release.Image, "stream-coreos")
	root := extract(t, made)
	for name, want := range map[string]string{"usr/libexec/machine-config-daemon": "daemon of this run\n",
		"etc/motd":          "mine\n",
		"usr/lib/committed": "committed\n"} {
		if data := string(read(t, filepath.Join(root, name))); data != want {
			t.Errorf("%s is %q, want %q", name, data, want)
		}
	}
	version := labels(t, made)["version"]
	if !strings.Contains(version, ".modified-") {
		t.Errorf("version %q is not marked", version)
	}
	checkInfo(t, w, result.Release.Image, version)
	if rebuilt := labels(t, w.component(result.Release.Image,
		"machine-config-operator")); rebuilt["io.openshift.release.operator"] != "true" {
		t.Errorf("labels of the operator in the new payload: %v", rebuilt)
	}
}

// operatorSource makes a repository that builds a machine-config-operator whose manifests name a component.
func operatorSource(t *testing.T, w *world, names string) string {
	t.Helper()
	base := w.registry.Push(t, "test/base", "latest",
		image(t, nil, rootfs{}.file("etc/os-release", 0o644, "ID=base\n")))
	return repository(t, map[string]string{
		"Dockerfile": "FROM " + base +
			"\nCOPY bin/machine-config-daemon /usr/bin/\nCOPY manifests /manifests\nLABEL io.openshift.release.operator=true\n",
		"bin/machine-config-daemon": "daemon of this run\n",
		"manifests/mco.yaml": "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: " +
			payloadtest.Placeholder(names) + "\n",
		"manifests/image-references": `{"kind":"ImageStream","apiVersion":"image.openshift.io/v1","spec":{"tags":[{"name":"` + names + `",` +
			`"from":{"kind":"DockerImage","name":"` + payloadtest.Placeholder(names) + `"}}]}}`,
	})
}

// repository makes a git repository with one commit.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	directory := write(t, files)
	git := func(args ...string) {
		command(t, "git", append([]string{"-C", directory, "-c", "user.name=test", "-c",
			"user.email=test@example.org"}, args...)...)
	}
	git("init", "--quiet", "--initial-branch=master")
	git("remote", "add", "origin", "https://github.com/example/source")
	git("add", "--all")
	git("commit", "--quiet", "--message=first")
	return directory
}

// A builder repository makes the image, and takes a component that is rebuilt in the same run.
func TestBuilderRepository(t *testing.T) {
	old, _ := machineOSContent(t)
	w := newWorld(t, map[string]v1.Image{"machine-os-content": old})
	base := w.registry.Push(t, "test/base", "latest",
		image(t, nil, rootfs{}.file("etc/os-release", 0o644, "ID=base\n")))
	builder := repository(t, map[string]string{
		"Dockerfile": "FROM quay.io/openshift/origin-machine-config-operator:4.6 as mcd\nFROM " + base + "\n" +
			"COPY --from=mcd /usr/bin/machine-config-daemon /srv/addons/\nLABEL com.coreos.ostree-commit=abc version=1.2.3 io.openshift.build.versions=machine-os=1.2.3\n",
	})
	result := w.rebuild("machine-config-operator="+operatorSource(t, w, "machine-os-content"),
		"machine-os-content="+builder,
		"--release-repo", t.TempDir(), "--dockerfile", "machine-config-operator=Dockerfile", "--dockerfile",
		"machine-os-content=Dockerfile",
		"--base-image", "quay.io/openshift/origin-machine-config-operator:4.6=payload:machine-config-operator")
	root := extract(t, w.component(result.Release.Image, "machine-os-content"))
	if data := string(read(t, filepath.Join(root,
		"srv/addons/machine-config-daemon"))); data != "daemon of this run\n" {
		t.Errorf("machine-config-daemon is %q, want the one of this run", data)
	}
	checkInfo(t, w, result.Release.Image, "1.2.3")
}

func TestExtensions(t *testing.T) {
	need(t, "createrepo_c", "rpmbuild")
	extensions := t.TempDir()
	check(t, os.Rename(buildRPM(t, "usbguard", "1.0", nil), filepath.Join(extensions, "usbguard-1.0-1.noarch.rpm")))
	command(t, "createrepo_c", "--quiet", extensions)
	const directory = "usr/share/rpm-ostree/extensions"
	old := image(t, nil, rootfs{}.tree(t, directory, extensions))
	w := newWorld(t, map[string]v1.Image{"stream-coreos": bootable(t), "stream-coreos-extensions": old})
	result := w.rebuild("stream-coreos", "--extensions-rpm", buildRPM(t, "kernel-rt", "5.14", nil), "--os-tools-image",
		w.tools("createrepo_c"))
	if len(result.Components) != 1 || result.Components[0].Name != "stream-coreos-extensions" {
		t.Fatalf("components %+v, want the extensions alone", result.Components)
	}
	made := w.component(result.Release.Image, "stream-coreos-extensions")
	checkBase(t, old, made)
	index := primary(t, filepath.Join(extract(t, made), directory))
	for _, name := range []string{"usbguard-1.0-1.noarch.rpm", "kernel-rt-5.14-1.noarch.rpm"} {
		if !strings.Contains(index, `href="`+name+`"`) {
			t.Errorf("the index does not have %s", name)
		}
	}
}
