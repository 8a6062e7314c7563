package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAdvice makes mistakes that can be seen before anything is read, and wants to be told what to do. None may get as
// far as a user namespace, for which the program starts again.
func TestAdvice(t *testing.T) {
	const release = "quay.io/okd/scos-release:4.17.0-okd-scos.0"
	t.Setenv("KUBECONFIG", "/nonexistent")
	digest := "@sha256:" + strings.Repeat("a", 64)
	tests := []struct{ args, advice string }{
		{"component cli", "Name where the image goes, such as --to-repository"},
		{"deploy cli=.", "or --to-cluster-registry"},
		{"mirror --to quay.io/me/mirror", "Name a release with --from, or a cluster with --kubeconfig."},
		{"mirror --from s3://bucket/release:4.17 --to quay.io/me/mirror",
			"Copy it to a directory, and name that with --dir."},
		{"mirror --from file://mine:4.17 --to quay.io/me/mirror", "Write file://openshift/release:TAG."},
		{"cli --from-release " + release, "Name where the new payload goes, such as --to-image"},
		{"plan cli", "Name a release, such as --from-release"},
		{"plan cli= --from-release " + release,
			`For the payload's own commit write "cli"; for this directory "cli=.".`},
		{"plan cli coredns --dockerfile Dockerfile.mine --from-release " + release,
			"Write --dockerfile COMPONENT=Dockerfile.mine."},
		{"plan stream-coreos machine-os-content --overlay files --from-release " + release,
			"Write --overlay COMPONENT=files."},
		{"plan stream-coreos=. --overlay files --from-release " + release,
			"Leave the source away, or make the changes there."},
		{"plan stream-coreos --overlay files --dockerfile Dockerfile.mine --from-release " + release,
			"Leave one or the other away."},
		{"plan cli --from-release " + release + " --to-image docker://quay.io/me/release:x", "Leave docker:// out."},
		{"plan cli --from-release " + release + " --to-image oci:/tmp/payload --to-repository quay.io/me/images",
			"Name a repository of a registry"},
		{"cli --from-release " + release + " --to-image quay.io/me/release:x --to-repository docker://quay.io/me/images",
			"Leave docker:// out."},
		{"apply nowhere --to-image docker://quay.io/me/release:x", "Leave docker:// out."},
		{"assemble --plan nowhere --to-image docker://quay.io/me/release:x", "Leave docker:// out."},
		{"new --from-release " + release + " --to-image docker://quay.io/me/release:x", "Leave docker:// out."},
		{"new --from-release " + release + " --to-image dir:/tmp/payload", "Name a repository of a registry"},
		{"plan cli --from-release " + release + " --to-image quay.io/me/release" + digest,
			"Name a tag, or only the repository."},
	}
	for _, test := range tests {
		if _, messages := run(t, 2, strings.Fields(test.args)...); !strings.Contains(messages, test.advice) {
			t.Errorf("oc rebuild %s: no advice %q in:\n%s", test.args, test.advice, messages)
		}
	}
}

// TestNothingToBuildOn wants an image to build a release on where the images have no cluster version operator.
func TestNothingToBuildOn(t *testing.T) {
	r, _, image := seed(t)
	stream := filepath.Join(t.TempDir(), "stream.yaml")
	text := fmt.Sprintf("kind: ImageStream\napiVersion: image.openshift.io/v1\nspec: {tags: [{name: coredns, from: {kind: DockerImage, name: '%s'}}]}\n", image)
	if err := os.WriteFile(stream, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, messages := run(t, 3, "new", "--insecure", "-f", stream, "--name", "4.17.0", "--to-image",
		r.Host+"/me/release:new")
	if !strings.Contains(messages, "Name the image to build the release on with --to-image-base.") {
		t.Errorf("no advice in:\n%s", messages)
	}
}

// TestNoOperatingSystem wants to know which image has RPM packages where the payload does not say so.
func TestNoOperatingSystem(t *testing.T) {
	_, release, _ := seed(t)
	if _, messages := run(t, 3, "info", "--insecure", "--rpmdb", release.PullSpec); !strings.Contains(messages,
		"Pass --rpmdb-image COMPONENT.") {
		t.Errorf("no advice in:\n%s", messages)
	}
}
