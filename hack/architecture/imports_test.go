package architecture

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/oc-rebuild/oc-rebuild"

// forbidden says what each package must not reach, directly or through others.
var forbidden = map[string][]string{
	"payload": {"ciconfig", "gitsrc", "rebuild", "cmd", "hack", "go.podman.io/buildah", "github.com/go-git/go-git",
		"github.com/spf13/cobra"},
	"ciconfig": {"payload", "gitsrc", "rebuild", "cmd", "hack", "go.podman.io/buildah", "github.com/go-git/go-git",
		"github.com/spf13/cobra"},
	"gitsrc": {"payload", "ciconfig", "rebuild", "cmd", "hack", "go.podman.io/buildah", "go.podman.io/image",
		"github.com/spf13/cobra"},
	"internal": {"payload", "ciconfig", "gitsrc", "rebuild", "cmd", "hack", "go.podman.io/buildah",
		"github.com/spf13/cobra"},
	"rebuild": {"cmd", "hack", "github.com/google/go-containerregistry/pkg/registry"},
	// A plan is a value, and so is what it is made with: nothing there can build.
	"rebuild/plan":     {"rebuild/builder", "rebuild/image", "go.podman.io/buildah"},
	"rebuild/source":   {"rebuild/builder", "rebuild/image", "rebuild/plan", "go.podman.io/buildah"},
	"rebuild/osimage":  {"rebuild/builder", "rebuild/image", "rebuild/plan", "go.podman.io/buildah"},
	"rebuild/progress": {"payload", "ciconfig", "gitsrc", "go.podman.io"},
	"cmd":              {"hack", "github.com/google/go-containerregistry/pkg/registry"},
}

func TestPackagesKnowOnlyWhatTheyMay(t *testing.T) {
	for directory, unwanted := range forbidden {
		t.Run(directory, func(t *testing.T) {
			t.Parallel()
			for _, dependency := range dependencies(t, directory) {
				for _, prefix := range unwanted {
					if !strings.Contains(prefix, ".") {
						prefix = module + "/" + prefix
					}
					if dependency == prefix || strings.HasPrefix(dependency, prefix+"/") {
						t.Errorf("%s reaches %s", directory, dependency)
					}
				}
			}
		})
	}
}

// dependencies lists all packages that those below a directory of the repository are made of.
func dependencies(t *testing.T, directory string) []string {
	t.Helper()
	command := exec.Command("go", "list", "-deps", "-tags",
		"containers_image_openpgp exclude_graphdriver_btrfs osusergo",
		"./"+directory+"/...")
	command.Dir = "../.."
	output, err := command.Output()
	if err != nil {
		t.Fatalf("go list ./%s/...: %v", directory, err)
	}
	return strings.Fields(string(output))
}
