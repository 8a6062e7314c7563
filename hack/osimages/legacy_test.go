package osimages

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	ref     = "fedora/x86_64/coreos/stable"
	version = "48.84.202105022103-0"
)

// oldTree is what the old commit holds.
var oldTree = map[string]string{
	"usr/bin/crio":                              "old crio\n",
	"usr/bin/kubelet":                           "kubelet\n",
	"usr/etc/crio/crio.conf":                    "[crio]\n",
	"usr/lib/os-release":                        "ID=rhcos\n",
	"usr/etc/selinux/config":                    "SELINUX=enforcing\nSELINUXTYPE=targeted\n",
	"usr/lib/modules/5.14.0/vmlinuz":            "kernel\n",
	"usr/etc/selinux/targeted/policy/policy.33": "policy\n",
	"usr/etc/selinux/targeted/contexts/files/file_contexts": "/.*\tsystem_u:object_r:default_t:s0\n/usr(/.*)?\tsystem_u:object_r:usr_t:s0\n" +
		"/usr/bin(/.*)?\tsystem_u:object_r:bin_t:s0\n/usr/etc(/.*)?\tsystem_u:object_r:etc_t:s0\n/etc(/.*)?\tsystem_u:object_r:etc_t:s0\n",
}

// machineOSContent makes the image of a legacy payload with a real ostree repository, and returns the commit in it.
// crio has a label that the policy of the tree does not give, as after a relabelling.
func machineOSContent(t *testing.T, layers ...rootfs) (v1.Image, string) {
	t.Helper()
	need(t, "ostree", "createrepo_c", "rpmbuild")
	tree := write(t, oldTree)
	check(t, os.Chmod(filepath.Join(tree, "usr/lib"), 0o750)) // a directory whose mode must not change
	check(t, os.Symlink("usr/bin", filepath.Join(tree, "bin")))
	policy := write(t, map[string]string{
		"etc/selinux/config":                                      oldTree["usr/etc/selinux/config"],
		"etc/selinux/targeted/policy/policy.33":                   "policy\n",
		"etc/selinux/targeted/contexts/files/file_contexts":       oldTree["usr/etc/selinux/targeted/contexts/files/file_contexts"],
		"etc/selinux/targeted/contexts/files/file_contexts.local": "/usr/bin/crio\tsystem_u:object_r:container_runtime_exec_t:s0\n",
	})
	repo := filepath.Join(t.TempDir(), "repo")
	command(t, "ostree", "init", "--repo="+repo, "--mode=archive")
	commit := strings.TrimSpace(command(t, "ostree", "commit", "--repo="+repo, "--branch="+ref, "--tree=dir="+tree,
		"--selinux-policy="+policy,
		"--owner-uid=0", "--owner-gid=0", "--add-metadata-string=version="+version,
		"--add-metadata-string=rpmostree.inputhash=abc",
		"--timestamp=@1620000000"))
	extensions := t.TempDir()
	check(t, os.Rename(buildRPM(t, "usbguard", "1.0", nil), filepath.Join(extensions, "usbguard-1.0-1.noarch.rpm")))
	command(t, "createrepo_c", "--quiet", extensions)
	labels := map[string]string{
		"com.coreos.ostree-commit":                 commit,
		"version":                                  version,
		"io.openshift.build.versions":              "machine-os=" + version,
		"io.openshift.build.version-display-names": "machine-os=Red Hat Enterprise Linux CoreOS",
	}
	content := rootfs{}.tree(t, "srv/repo", repo).tree(t, "extensions", extensions)
	return image(t, labels, append(layers, content)...), commit
}

// tools makes the image that ostree and createrepo_c run in, and returns its pull spec.
func (w *world) tools(programs ...string) string {
	w.t.Helper()
	basic := []string{"bash", "sh", "awk", "sed", "grep", "find", "cat", "chmod", "cp", "date", "dirname",
		"ln", "mkdir", "rm",
		"sort", "tail", "touch", "tr", "wc"}
	return w.registry.Push(w.t, "test/tools", "latest", image(w.t, nil, system(w.t, append(basic, programs...)...)))
}

// buildRPM builds an RPM that holds files, and returns its path.
func buildRPM(t *testing.T, name, version string, files map[string]string) string {
	t.Helper()
	need(t, "rpmbuild")
	top := t.TempDir()
	spec := "Name: " + name + "\nVersion: " + version +
		"\nRelease: 1\nSummary: test\nLicense: none\nBuildArch: noarch\nAutoReqProv: no\n" +
		"%global __os_install_post %{nil}\n%description\ntest\n%install\nmkdir -p %{buildroot}\n"
	list := "%files\n"
	for file, text := range files {
		spec += "mkdir -p $(dirname %{buildroot}/" + file + ")\necho '" + text + "' >%{buildroot}/" + file + "\n"
		list += "/" + file + "\n"
	}
	source := filepath.Join(top, "test.spec")
	check(t, os.WriteFile(source, []byte(spec+list), 0o644))
	command(t, "rpmbuild", "--quiet", "--define", "_topdir "+top, "-bb", source)
	return filepath.Join(top, "RPMS", "noarch", name+"-"+version+"-1.noarch.rpm")
}

func TestMachineOSContent(t *testing.T) {
	old, oldCommit := machineOSContent(t, rootfs{}.file("manifests/readme", 0o644, "first layer\n"))
	w := newWorld(t, map[string]v1.Image{"machine-os-content": old})
	tools := w.tools("ostree", "createrepo_c")
	overlay := write(t, map[string]string{"etc/crio/crio.conf.d/99-mine.conf": "mine\n", "usr/lib/mine/file": "new\n",
		"bin/helper": "helper\n"})
	check(t, os.Chmod(filepath.Join(overlay, "usr/lib"), 0o777)) // must not become the old tree's mode
	crio := filepath.Join(write(t, map[string]string{"bin/crio": "new crio\n"}), "bin/crio")
	rpm := buildRPM(t, "kernel-rt", "5.14", nil)
	w.registry.Reset()
	args := []string{"machine-os-content", "--overlay", overlay, "--replace-file", "usr/bin/crio=" + crio,
		"--extensions-rpm", rpm,
		"--os-tools-image", tools}
	result := w.rebuild(args...)
	if got := w.uploads(); got != 4 { // a layer and a config each, for the image and the payload
		t.Errorf("%d blobs were uploaded, want 4: those of the base must be mounted", got)
	}

	made := w.component(result.Release.Image, "machine-os-content")
	l := labels(t, made)
	root := extract(t, made)
	repo := "--repo=" + filepath.Join(root, "srv/repo")
	command(t, "ostree", "fsck", "--quiet", repo)
	newCommit := strings.TrimSpace(command(t, "ostree", "rev-parse", repo, ref))
	if newCommit == oldCommit || l["com.coreos.ostree-commit"] != newCommit {
		t.Errorf("ref %s, label %s, old commit %s: want ref and label to name one new commit", newCommit,
			l["com.coreos.ostree-commit"],
			oldCommit)
	}
	if got := strings.TrimSpace(command(t, "ostree", "rev-parse", repo, ref+"^")); got != oldCommit {
		t.Errorf("the parent is %s, want %s", got, oldCommit)
	}
	checkCommit(t, repo, newCommit, l)
	for path, want := range map[string]string{
		"/usr/bin/crio": "new crio\n", "/usr/bin/kubelet": "kubelet\n", "/usr/etc/crio/crio.conf": "[crio]\n",
		"/usr/etc/crio/crio.conf.d/99-mine.conf": "mine\n", "/usr/lib/mine/file": "new\n",
		"/usr/bin/helper": "helper\n",
	} {
		if got := command(t, "ostree", "cat", repo, newCommit, path); got != want {
			t.Errorf("%s in the new commit is %q, want %q", path, got, want)
		}
	}
	checkTreeLabels(t, repo, newCommit)
	if data := string(read(t, filepath.Join(root, "manifests/readme"))); data != "first layer\n" {
		t.Errorf("the rest of the image changed: %q", data)
	}
	index := primary(t, filepath.Join(root, "extensions"))
	for _, name := range []string{"usbguard-1.0-1.noarch.rpm", "kernel-rt-5.14-1.noarch.rpm"} {
		if _, err := os.Stat(filepath.Join(root, "extensions", name)); err != nil ||
			!strings.Contains(index, `href="`+name+`"`) {
			t.Errorf("%s: %v, in the index: %v", name, err, strings.Contains(index, name))
		}
	}
	checkInfo(t, w, result.Release.Image, l["version"])

	if again := w.rebuild(append(args, "--no-cache")...); again.Release.Digest != result.Release.Digest {
		t.Errorf("the same changes give %s, then %s", result.Release.Digest, again.Release.Digest)
	}
}

// checkCommit checks what a commit says of itself.
func checkCommit(t *testing.T, repo, commit string, labels map[string]string) {
	t.Helper()
	if !strings.HasPrefix(labels["version"], version+".modified-") ||
		labels["io.openshift.build.versions"] != "machine-os="+labels["version"] {
		t.Errorf("labels %v: want the version %s, marked", labels, version)
	}
	for key, want := range map[string]string{"version": labels["version"], "rpmostree.inputhash": "abc"} {
		if got := strings.Trim(strings.TrimSpace(command(t, "ostree", "show", repo, "--print-metadata-key="+key,
			commit)), "'"); got != want {
			t.Errorf("metadata %s of the commit is %q, want %q", key, got, want)
		}
	}
}

// checkTreeLabels checks modes and SELinux labels of the new tree: kept where the path is old, by the tree's policy
// where it is new.
func checkTreeLabels(t *testing.T, repo, commit string) {
	t.Helper()
	list := command(t, "ostree", "ls", repo, "-R", "-X", commit)
	for path, want := range map[string][]string{
		"/usr/bin/crio":                          {"-00755", "container_runtime_exec_t"},
		"/usr/bin/kubelet":                       {"-00755", "bin_t"},
		"/usr/bin/helper":                        {"-00755", "bin_t"},
		"/usr/lib":                               {"d00750", "usr_t"},
		"/usr/etc/crio/crio.conf.d/99-mine.conf": {"-00644", "etc_t"},
		"/":                                      {"d00755", "default_t"},
	} {
		found := false
		for line := range strings.Lines(list) {
			if strings.HasSuffix(line, "} "+path+"\n") {
				found = strings.HasPrefix(line, want[0]+" 0 0 ") && strings.Contains(line, ":"+want[1]+":s0")
			}
		}
		if !found {
			t.Errorf("%s is not %v in\n%s", path, want, list)
		}
	}
}

// primary returns the list of packages in the index of a directory of RPMs.
func primary(t *testing.T, directory string) string {
	t.Helper()
	index := string(read(t, filepath.Join(directory, "repodata/repomd.xml")))
	_, rest, found := strings.Cut(index, `type="primary">`)
	if !found {
		t.Fatalf("no primary in %s", index)
	}
	_, rest, _ = strings.Cut(rest, `href="`)
	name, _, _ := strings.Cut(rest, `"`)
	file, err := os.Open(filepath.Join(directory, name))
	check(t, err)
	defer file.Close()
	zip, err := gzip.NewReader(file)
	check(t, err)
	data, err := io.ReadAll(zip)
	check(t, err)
	return string(data)
}

// checkInfo checks that info shows a version of the operating system.
func checkInfo(t *testing.T, w *world, release, version string) {
	t.Helper()
	got := w.run("info", release, "--insecure")
	shown := regexp.MustCompile(`(?m)^\s*machine-os\s+` + regexp.QuoteMeta(version) + `\b`)
	if got.code != 0 || !shown.MatchString(got.stdout) {
		t.Errorf("info: exit code %d, want machine-os %s in\n%s%s", got.code, version, got.stderr, got.stdout)
	}
}
