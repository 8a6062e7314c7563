package cli

import (
	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/image"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// outputOptions choose the form of the result and how much is said meanwhile.
type outputOptions struct {
	format  string
	quiet   bool
	verbose bool
}

func (o *outputOptions) apply(flags *pflag.FlagSet, formats string) {
	defer grouped(flags, groupOutput)()
	flags.StringVarP(&o.format, "output", "o", "", "form of the result: "+formats)
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "no progress, only the result and errors")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "say more: the output of builds, requests to servers, decisions")
}

// progress returns the display of what a job does, and what ends it.
func (o *outputOptions) progress(streams Streams) (progress.Listener, func()) {
	return display.Progress(streams.Err, o.quiet, o.verbose)
}

// failure is the result of a job that failed, in the form of json and yaml.
type failure struct {
	Error    string           `json:"error"`
	Advice   string           `json:"advice,omitempty"`
	ExitCode int              `json:"exitCode"`
	Failures []*image.Failure `json:"failures,omitempty"` // steps of Dockerfiles
}

// failed prints what went wrong where the result would have been, in the form of the result.
func (o *outputOptions) failed(streams Streams, err error) error {
	if err == nil || o.format != "json" && o.format != "yaml" {
		return nil
	}
	return display.Structured(streams.Out, o.format,
		failure{Error: err.Error(), Advice: fault.AdviceOf(err), ExitCode: int(fault.KindOf(err)), Failures: image.Failures(err)})
}
