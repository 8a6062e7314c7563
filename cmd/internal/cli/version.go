package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// versionInfo is what `version -o json` prints.
type versionInfo struct {
	Version   string            `json:"version"`
	GoVersion string            `json:"goVersion"`
	Platform  string            `json:"platform"`
	Modules   map[string]string `json:"modules"` // the libraries that build, push and fetch
}

func collectVersion(version string) versionInfo {
	return versionInfo{Version: version, GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Modules: modules()}
}

// String is the version as a line.
func (v versionInfo) String() string {
	return fmt.Sprintf("oc-rebuild %s (%s, %s; buildah %s, go-git %s)\n",
		v.Version, v.Platform, v.GoVersion, v.Modules["go.podman.io/buildah"], v.Modules["github.com/go-git/go-git/v5"])
}

func newVersion(streams Streams, version string) *cobra.Command {
	var output outputOptions
	command := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program and of its main libraries",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			info := collectVersion(version)
			if err := output.check(); err != nil {
				return err
			}
			if output.isStructured() {
				return output.print(streams.Out, info)
			}
			_, err := fmt.Fprint(streams.Out, info)
			return err
		},
	}
	command.Flags().StringVarP(&output.format, "output", "o", "", "output format: text, "+structured)
	return command
}

// modules returns the versions of the libraries that matter in a bug report.
func modules() map[string]string {
	versions := map[string]string{}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return versions
	}
	for _, module := range build.Deps {
		switch module.Path {
		case "go.podman.io/buildah", "go.podman.io/image/v5", "go.podman.io/storage", "github.com/go-git/go-git/v5",
			"github.com/openshift/api":
			versions[module.Path] = module.Version
		}
	}
	return versions
}
