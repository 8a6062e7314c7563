package cli

import (
	"context"
	"errors"
	"io"
	"strings"

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
	shown   string // form of the progress
	color   string
}

func (o *outputOptions) apply(flags *pflag.FlagSet, formats string) {
	defer grouped(flags, groupOutput)()
	flags.StringVarP(&o.format, "output", "o", "", "output format: "+formats)
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "no progress, only the result and errors")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "print more: build output, requests to servers, decisions")
}

// applyProgress adds how progress is shown, for commands that take long.
func (o *outputOptions) applyProgress(flags *pflag.FlagSet) {
	defer grouped(flags, groupOutput)()
	flags.StringVar(&o.shown, "progress", display.Auto,
		"progress format: auto, plain, tty, json (one event per line)")
	flags.StringVar(&o.color, "color", display.ColorAuto,
		"color the progress: auto (on a terminal, unless NO_COLOR is set), always, never")
}

// isQuiet tells whether nothing is said for a person but warnings and errors.
func (o *outputOptions) isQuiet() bool { return o.quiet || o.shown == display.JSON }

// structured are the forms that every command has whose result a program may want to read.
const structured = "json, yaml, jsonpath=TEMPLATE, go-template=TEMPLATE"

// check refuses a form that there is not, and a template that cannot be read. more are forms of one command.
func (o *outputOptions) check(more ...string) error {
	if err := errors.Join(
		oneOf("progress", o.shown, "", display.Auto, display.Plain, display.TTY, display.JSON),
		oneOf("color", o.color, "", display.ColorAuto, display.ColorAlways, display.ColorNever),
	); err != nil {
		return err
	}
	form, template, _ := strings.Cut(o.format, "=")
	if err := oneOf("output", form, append([]string{"", "text", "json", "yaml", "jsonpath", "go-template"},
		more...)...); err != nil {
		return err
	}
	if form == "jsonpath" || form == "go-template" {
		return display.Check(form, template)
	}
	return nil
}

// isStructured tells whether the result is for a program.
func (o *outputOptions) isStructured() bool {
	form, _, _ := strings.Cut(o.format, "=")
	return form == "json" || form == "yaml" || form == "jsonpath" || form == "go-template"
}

// print writes a value in the form that is asked for.
func (o *outputOptions) print(w io.Writer, value any) error {
	form, template, _ := strings.Cut(o.format, "=")
	return display.Template(w, form, template, value, true)
}

// progress returns the display of what a job does, and what ends it.
func (o *outputOptions) progress(streams Streams) (progress.Listener, func()) {
	return display.Progress(streams.Err, display.Options{Form: o.shown, Color: o.color, Quiet: o.quiet,
		Verbose: o.verbose})
}

// failure is the result of a command that failed, in the form of json and yaml.
type failure struct {
	Error    string           `json:"error"`
	Advice   string           `json:"advice,omitempty"`
	ExitCode int              `json:"exitCode"`
	Failures []*image.Failure `json:"failures,omitempty"` // steps of Dockerfiles
}

// failed prints what went wrong in a job, which may be one of several. What interrupts it is the end of the program,
// whose exit code it says.
func (o *outputOptions) failed(ctx context.Context, streams Streams, err error) error {
	if err == nil || ctx.Err() != nil {
		return nil
	}
	return printFailure(streams.Out, o.format, err)
}

// printFailure prints what went wrong where the result would have been, in the form of the result.
func printFailure(w io.Writer, format string, err error) error {
	if format != "json" && format != "yaml" { // a template is for the result
		return nil
	}
	return display.Structured(w, format, failure{Error: err.Error(), Advice: fault.AdviceOf(err),
		ExitCode: int(fault.KindOf(err)), Failures: image.Failures(err)})
}
