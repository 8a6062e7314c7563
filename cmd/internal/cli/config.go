package cli

import (
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
)

const configLong = `Show the defaults of flags and where each comes from.

A flag that is not given takes its value from the variable OC_REBUILD_FLAG (such as OC_REBUILD_TO_IMAGE), else from .oc-rebuild.yaml in this
directory or the nearest parent that has one, else from oc-rebuild/config.yaml in the user's configuration directory (~/.config). The files
have lines such as

  to-image: quay.io/me/okd-release:mine

What you type wins, also under another name (--authfile over registry-config, --filter-by-os over platform) or if the
two exclude each other (--config-resolver over release-repo, --to-cluster-registry over to-repository).

Defaults count in every command that has the flag, but turn no other command into a rebuild: new ignores from-release,
to-image and name, deploy starts from the cluster's own payload, cache prune goes to a registry only if --results is
typed, and jobs does not set how many images info, mirror and new read at once.

.oc-rebuild.yaml may come with somebody's repository: it can set the payload to start from and the destination, and each such value is
reported when it is used. It cannot set credentials, certificates, configs, isolation or places on this machine.`

func newConfig(streams Streams) *cobra.Command {
	var output outputOptions
	command := &cobra.Command{
		Use:   "config",
		Short: "Show the defaults of flags and where each comes from",
		Long:  configLong,
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			if err := output.check(); err != nil {
				return err
			}
			directory, err := os.Getwd()
			if err != nil {
				return err
			}
			found, err := defaults(os.Getenv, directory)
			if err != nil {
				return err
			}
			return printDefaults(streams, &output, found)
		},
	}
	command.Flags().StringVarP(&output.format, "output", "o", "", "output format: text, "+structured)
	return command
}

// printDefaults lists everything that can be set; what is not set has no value.
func printDefaults(streams Streams, output *outputOptions, found map[string]setting) error {
	var list []setting
	for _, name := range slices.Sorted(maps.Keys(settable())) {
		one := found[name]
		one.Name = name
		list = append(list, one)
	}
	if output.isStructured() {
		return output.print(streams.Out, list)
	}
	t := display.NewTable(display.Narrow)
	t.Row("FLAG", "VALUE", "FROM")
	for _, one := range list {
		t.Row("--"+one.Name, one.Value, one.From)
	}
	return t.Write(streams.Out)
}
