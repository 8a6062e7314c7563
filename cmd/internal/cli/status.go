package cli

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/rebuild/rollout"
)

const statusLong = `List the objects that the cluster version operator of the cluster in the kubeconfig leaves alone: what "oc rebuild deploy" put there, since when, from
which commit, by whom; and overrides made by hand.`

const statusExample = `  # What is deployed on the cluster
  oc rebuild status

  # Only the images
  oc rebuild status -o jsonpath='{..image}'`

// statusOptions are the flags of status.
type statusOptions struct {
	kube   kubeOptions
	output outputOptions
}

func newStatus(streams Streams) *cobra.Command {
	var o statusOptions
	command := &cobra.Command{
		Use:     "status",
		Short:   "List what is deployed on a cluster outside its payload",
		Long:    statusLong,
		Example: statusExample,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(command *cobra.Command, _ []string) error {
			return runStatus(command.Context(), streams, &o)
		},
	}
	o.kube.apply(command.Flags())
	command.Flags().StringVarP(&o.output.format, "output", "o", "", "output format: text, "+structured)
	return command
}

func runStatus(ctx context.Context, streams Streams, o *statusOptions) error {
	if err := o.output.check(); err != nil {
		return err
	}
	api, err := o.kube.connect()
	if err != nil {
		return err
	}
	entries, err := (&rollout.Cluster{API: api}).List(ctx)
	if err != nil {
		return err
	}
	if o.output.isStructured() {
		return o.output.print(streams.Out, entries)
	}
	if len(entries) == 0 {
		return display.Line(streams.Out, "Nothing is deployed: the cluster runs its payload.")
	}
	t := display.NewTable(display.Narrow)
	t.Row("COMPONENT", "OBJECT", "COMMIT", "SINCE", "BY", "IMAGE")
	for _, entry := range entries {
		if len(entry.Components) == 0 {
			note := "an override that was made by hand"
			switch {
			case entry.Missing:
				note = "an override of what the cluster does not have"
			case entry.Unfinished:
				note = "what a killed run left: `oc rebuild restore` removes it"
			}
			t.Noted(note, "–", entry.Object.String())
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(entry.Components)) {
			record := entry.Components[name]
			note := ""
			if record.Dirty {
				note = "with changes that are in no commit"
			}
			t.Noted(note, name, entry.Object.String(), record.Commit[:min(len(record.Commit), 8)],
				age(time.Since(record.Since)), record.By, record.Image)
		}
	}
	return t.Write(streams.Out)
}
