package architecture

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/semver"
)

// floors are the least versions of modules that read what others made: those where known vulnerabilities are fixed,
// or the newest ones when somebody last looked; docs/dependencies.md has the reasons. The modules' old paths get no
// fixes and must not come back.
var floors = map[string]string{
	"github.com/go-git/go-git/v5":            "v5.19.3",
	"github.com/go-git/go-billy/v5":          "v5.9.0",
	"go.podman.io/buildah":                   "v1.45.0",
	"go.podman.io/storage":                   "v1.65.1",
	"go.podman.io/image/v5":                  "v5.42.1",
	"github.com/ProtonMail/go-crypto":        "v1.5.2",
	"golang.org/x/crypto":                    "v0.59.0",
	"github.com/opencontainers/runc":         "v1.5.2",
	"github.com/google/go-containerregistry": "v0.22.1",
	"github.com/ulikunitz/xz":                "v0.5.17",
	"gopkg.in/yaml.v3":                       "v3.0.1",
	"github.com/containers/buildah":          "never",
	"github.com/containers/image/v5":         "never",
	"github.com/containers/storage":          "never",
}

func TestModulesAreNotBelowTheirFloors(t *testing.T) {
	data, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(data), "\n") {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) < 2 {
			continue
		}
		floor, known := floors[fields[0]]
		if !known {
			continue
		}
		if floor == "never" || semver.Compare(fields[1], floor) < 0 {
			t.Errorf("%s is at %s; the floor is %s", fields[0], fields[1], floor)
		}
	}
}
