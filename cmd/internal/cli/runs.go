package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/rebuild/tekton"
)

const runsLong = `List the runs of plans on a cluster, started by oc rebuild --engine tekton, newest first.`

const runsExample = `  # Runs in the namespace of the kubeconfig context
  oc rebuild runs

  # As json
  oc rebuild runs -n builds -o json`

// runsOptions are the flags of runs.
type runsOptions struct {
	kube   kubeOptions
	output outputOptions
}

func newRuns(streams Streams) *cobra.Command {
	var o runsOptions
	command := &cobra.Command{
		Use:     "runs",
		Short:   "List the runs of plans on a cluster",
		Long:    runsLong,
		Example: runsExample,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(command *cobra.Command, _ []string) error {
			return runRuns(command.Context(), streams, &o)
		},
	}
	o.kube.apply(command.Flags())
	o.kube.applyNamespace(command.Flags(), "of the runs")
	command.Flags().StringVarP(&o.output.format, "output", "o", "", "output format: text, "+structured)
	return command
}

func runRuns(ctx context.Context, streams Streams, o *runsOptions) error {
	if err := o.output.check(); err != nil {
		return err
	}
	api, err := o.kube.connect()
	if err != nil {
		return err
	}
	runs, err := (&tekton.Cluster{API: api}).List(ctx)
	if err != nil {
		return err
	}
	if o.output.isStructured() {
		return o.output.print(streams.Out, runs)
	}
	if len(runs) == 0 {
		return display.Line(streams.Out, "There are no runs in namespace "+api.Namespace+".")
	}
	t := display.NewTable(display.Wide)
	t.Row("RUN", "STATE", "SINCE", "FROM", "PAYLOAD OR TARGET")
	for _, run := range runs {
		where := run.To
		if run.Payload != "" {
			where = run.Payload
		}
		t.Row(run.Name, run.State, age(time.Since(run.Created)), run.From, where)
	}
	return t.Write(streams.Out)
}
