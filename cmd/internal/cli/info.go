package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// infoOptions are the flags of info.
type infoOptions struct {
	registry   registryOptions
	output     outputOptions
	commitURLs bool
	pullSpecs  bool
}

func newInfo(streams Streams) *cobra.Command {
	var o infoOptions
	command := &cobra.Command{
		Use:   "info REF",
		Short: "Show what a release payload consists of",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(command *cobra.Command, args []string) error {
			return runInfo(command.Context(), streams, &o, args)
		},
	}
	flags := command.Flags()
	flags.BoolVar(&o.commitURLs, "commit-urls", false, "show the URL of the commit that each image was built from")
	flags.BoolVar(&o.pullSpecs, "pullspecs", false, "show the pull spec of each image")
	o.registry.apply(flags)
	flags.StringVarP(&o.output.format, "output", "o", "", "form of the result: text, json, yaml")
	return command
}

func runInfo(ctx context.Context, streams Streams, o *infoOptions, args []string) (err error) {
	if o.commitURLs && o.pullSpecs {
		return fault.Errorf(fault.Usage, "--commit-urls and --pullspecs exclude each other")
	}
	if o.output.format != "" {
		if err := oneOf("output", o.output.format, "text", "json", "yaml"); err != nil {
			return err
		}
	}
	client, err := o.registry.client()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	release, err := payload.Open(ctx, client, args[0])
	if err != nil {
		return err
	}
	if o.output.format == "json" || o.output.format == "yaml" {
		return writeStructured(streams.Out, o.output.format, map[string]any{
			"image": release.PullSpec, "digest": release.Digest, "metadata": release.Metadata, "references": release.References,
		})
	}
	return printRelease(streams.Out, release, o)
}

// printRelease writes a payload in oc's layout.
func printRelease(w io.Writer, release *payload.Release, o *infoOptions) error {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 4, 1, ' ', 0)
	fmt.Fprintf(table, "Name:\t%s\n", plain.Line(release.Name))
	fmt.Fprintf(table, "Digest:\t%s\n", release.Digest)
	fmt.Fprintf(table, "Created:\t%s\n", release.Created.UTC().Format("2006-01-02T15:04:05Z"))
	fmt.Fprintf(table, "Manifests:\t%d\n", len(release.Manifests()))
	fmt.Fprintf(table, "\nPull From: %s\n\nImages:\n", release.PullSpec)
	heading := map[bool]string{true: "URL", false: "DIGEST"}[o.commitURLs]
	if o.pullSpecs {
		heading = "PULL SPEC"
	}
	fmt.Fprintf(table, "  NAME\t%s\n", heading)
	for _, component := range release.Components() {
		_, value, _ := strings.Cut(component.Image, "@")
		switch {
		case o.pullSpecs:
			value = component.Image
		case o.commitURLs:
			value = commitURL(component)
		}
		fmt.Fprintf(table, "  %s\t%s\n", plain.Line(component.Name), plain.Line(value))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the release: %w", err)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the release: %w", err)
	}
	return nil
}

// commitURL is where a browser shows the commit of a component.
func commitURL(c payload.Component) string {
	if strings.HasPrefix(c.Source, "https://github.com/") {
		return c.Source + "/commit/" + c.Commit
	}
	return strings.TrimSpace(c.Source + " " + c.Commit)
}
