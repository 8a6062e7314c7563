package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/mirror"
	"github.com/oc-rebuild/oc-rebuild/payload/signature"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

const mirrorLong = `Copy a release payload and all its images to another registry, or to a directory that can be carried to a disconnected network.

The images keep their digests, and the release image its bytes: clusters find the copies through the mirror rules printed at the end.
What is already at the destination is not sent again, so an interrupted copy can be resumed. The release image is copied last.`

const mirrorExample = `  # To a registry
  oc rebuild mirror --from quay.io/okd/scos-release:4.17.0-okd-scos.0 \
    --to registry.example.org/okd

  # To a directory, and from there to a registry in another network
  oc rebuild mirror --from REF --to-dir mirror
  oc rebuild mirror --from-dir mirror --to registry.example.org/okd`

// mirrorOptions are the flags of mirror.
type mirrorOptions struct {
	registry  registryOptions
	oc        ocOptions
	kube      kubeOptions
	output    outputOptions
	signature signatureOptions
	flags     *pflag.FlagSet // tells what the user said

	from, fromDir, to, toDir string
	toStream                 string
	toRelease                string
	skipRelease, keepList    bool
	list, dryRun             bool
	instructions             string
	signatureDir             string
	applySignature           bool
	overwrite                bool
	layout                   string
	jobs                     int
}

func newMirror(streams Streams) *cobra.Command {
	var o mirrorOptions
	command := &cobra.Command{
		Use:     "mirror --from REF --to REPOSITORY",
		Short:   "Copy a release payload and all its images",
		Long:    mirrorLong,
		Example: mirrorExample,
		Args:    usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(command *cobra.Command, args []string) error {
			return runMirror(command.Context(), streams, &o, args)
		},
	}
	o.apply(command.Flags())
	return command
}

func (o *mirrorOptions) apply(flags *pflag.FlagSet) {
	o.flags = flags
	flags.StringVar(&o.from, "from", "",
		"payload to copy, or the argument (default: that of the cluster in the kubeconfig); with --from-dir its tag, if the directory has several")
	flags.StringVar(&o.fromDir, "from-dir", "", "`directory` that a payload was mirrored to")
	flags.StringVar(&o.to, "to", "",
		"`repository` to copy to; its tag, if any, may contain ${component} and ${version}")
	flags.StringVar(&o.toDir, "to-dir", "", "`directory` to copy to")
	flags.StringVar(&o.toStream, "to-image-stream", "",
		"image `stream` to import into, on the cluster in the kubeconfig")
	flags.StringVar(&o.layout, "layout", "v2", "layout of --to-dir: v2, which oc also reads, or oci for an OCI image layout")
	flags.StringVar(&o.toRelease, "to-release-image", "",
		"`pull spec` of the copied release image (default: VERSION-ARCHITECTURE in --to)")
	flags.BoolVar(&o.skipRelease, "skip-release-image", false, "copy only the components")
	flags.BoolVar(&o.keepList, "keep-manifest-list", false,
		"copy all images of a release image that is a manifest list (default with --from-dir, unless a platform is named)")
	flags.BoolVar(&o.list, "to-mirror", false, "copy nothing, print SOURCE DESTINATION for each image")
	flags.BoolVar(&o.dryRun, "dry-run", false, "the same as --to-mirror")
	flags.StringVar(&o.instructions, "print-mirror-instructions", "idms",
		"mirror rules to print: idms, icsp, none")
	flags.StringVar(&o.signatureDir, "release-image-signature-to-dir", "",
		"`directory` for the payload's signatures, as an object for clusters (default: config in --to-dir)")
	flags.BoolVar(&o.applySignature, "apply-release-image-signature", false,
		"apply the payload's signatures to the cluster in the kubeconfig")
	flags.BoolVar(&o.overwrite, "overwrite", false, "with --apply-release-image-signature: replace existing ones")
	flags.IntVar(&o.jobs, "jobs", 16, "images to copy at once")
	o.oc.apply(flags)
	o.kube.apply(flags)
	o.kube.applyNamespace(flags, "of the image stream")
	o.registry.apply(flags)
	o.registry.applyPush(flags)
	o.signature.apply(flags)
	o.output.apply(flags, "text, "+structured)
	o.output.applyProgress(flags)
}

func (o *mirrorOptions) check(args []string) error {
	if len(args) > 0 {
		if o.from != "" {
			return fault.Errorf(fault.Usage, "the payload is named twice: by --from and by %q", args[0])
		}
		o.from = args[0]
	}
	if tag, ok, err := directoryTag(o.from); err != nil {
		return err
	} else if ok {
		o.from, o.fromDir = tag, cmp.Or(o.fromDir, o.oc.directory)
	}
	if o.fromDir != "" && !slices.ContainsFunc([]string{"keep-manifest-list", "platform", "filter-by-os"}, o.flags.Changed) {
		o.keepList = true // or what was carried would not arrive
	}
	switch {
	case o.destinations() != 1:
		return fault.New(fault.Usage, "Pass --to REPOSITORY, --to-dir DIRECTORY or --to-image-stream NAME.",
			errors.New("name one destination"))
	case o.toStream != "" && (o.toRelease != "" || o.fromDir != ""):
		return fault.Errorf(fault.Usage,
			"--to-image-stream goes with neither --to-release-image nor --from-dir: the cluster imports what is in registries")
	case o.applySignature && len(o.signature.keys) == 0:
		return fault.Errorf(fault.Usage,
			"--apply-release-image-signature needs --signature-key: only a good signature is given to a cluster")
	case o.toDir != "" && o.toRelease != "":
		return fault.Errorf(fault.Usage, "--to-release-image does not go with --to-dir")
	}
	return errors.Join(oneOf("print-mirror-instructions", o.instructions, "idms", "icsp", "none"),
		o.output.check(), oneOf("layout", o.layout, "v2", "oci"))
}

// destinations counts the places that are named to copy to.
func (o *mirrorOptions) destinations() (n int) {
	for _, to := range []string{o.to, o.toDir, o.toStream} {
		if to != "" {
			n++
		}
	}
	return n
}

func runMirror(ctx context.Context, streams Streams, o *mirrorOptions, args []string) (err error) {
	if o.from == "" && o.fromDir == "" && len(args) == 0 && o.destinations() > 0 {
		if o.from, err = o.kube.release(ctx, " with --from"); err != nil {
			return err
		}
		streams.notice("Mirroring the cluster's release, " + o.from)
	}
	if err := errors.Join(o.check(args), o.oc.settle(streams, &o.registry, &o.jobs)); err != nil {
		return err
	}
	reading, pushing, closeClients, err := o.registry.clients(streams.notice)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeClients()) }()
	from, release, err := o.source(ctx, reading)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	signatures, err := o.signature.verify(ctx, streams, release)
	if err != nil {
		return err
	}
	items, err := o.plan(release)
	if err != nil {
		return err
	}
	if o.toStream != "" {
		return o.importInto(ctx, streams, items)
	}
	if o.list || o.dryRun {
		return printItems(streams.Out, items)
	}
	to, err := o.destination(pushing)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	listener, finish := o.output.progress(streams)
	defer finish()
	result, err := mirror.Copy(ctx, from, to, items, o.jobs, copies(listener, len(items)))
	finish()
	if err != nil {
		return err
	}
	if len(signatures) > 0 && (o.signatureDir != "" || o.toDir != "") {
		if err := writeSignatures(cmp.Or(o.signatureDir, filepath.Join(o.toDir, "config")), release,
			signatures); err != nil {
			return err
		}
	}
	if o.applySignature {
		object, err := signature.ConfigMap(release.Image.TopDigest(), signatures)
		if err != nil {
			return err
		}
		if err := o.kube.applySignatures(ctx, signature.Name(release.Image.TopDigest()), object,
			o.overwrite); err != nil {
			return err
		}
	}
	return o.report(streams, release, items, result)
}

// importInto makes the cluster in the kubeconfig import the images into an image stream.
func (o *mirrorOptions) importInto(ctx context.Context, streams Streams, items []mirror.Item) error {
	c, err := o.kube.connect()
	if err != nil {
		return err
	}
	stream := mirror.Stream{Cluster: c, Namespace: c.Namespace, Name: o.toStream, KeepList: o.keepList,
		Insecure: o.registry.Insecure}
	for i := range items {
		items[i].To = stream.Tag(items[i])
	}
	if o.list || o.dryRun {
		return printItems(streams.Out, items)
	}
	done := func(item mirror.Item) { fmt.Fprintln(plain.Writer(streams.Err), item.To) }
	if o.output.isQuiet() {
		done = nil
	}
	if err := stream.Import(ctx, items, done); err != nil {
		return err
	}
	if o.output.isStructured() {
		return o.output.print(streams.Out, map[string]any{"images": items})
	}
	return display.Line(streams.Out, fmt.Sprintf("Mirrored %d images to %s/%s", len(items),
		stream.Namespace, stream.Name))
}

// printItems prints where each image is, and where it goes.
func printItems(w io.Writer, items []mirror.Item) error {
	for _, item := range items {
		if err := display.Line(w, item.From+" "+item.To); err != nil {
			return err
		}
	}
	return nil
}

// closing is a source or a destination that must be closed.
type closing interface{ Close() error }

type closingSource interface {
	mirror.Source
	closing
}

type closingDestination interface {
	mirror.Destination
	closing
}

// source opens the payload and the place where its images are.
func (o *mirrorOptions) source(ctx context.Context, client *registry.Client) (closingSource, *payload.Release, error) {
	if o.fromDir == "" {
		release, err := o.oc.open(ctx, client, o.from)
		return mirror.NewRegistries(client), release, err
	}
	directory, err := mirror.ReadDirectory(o.fromDir)
	if err != nil {
		return nil, nil, err
	}
	if directory.IsLayout() {
		layout := directory.Layout()
		release, err := layout.Release(ctx, client, o.from)
		return layout, release, closeOn(err, layout)
	}
	release, err := directory.Release(ctx, client, o.from)
	return directory, release, closeOn(err, directory)
}

// closeOn closes what is of no use after an error.
func closeOn(err error, c closing) error {
	if err == nil {
		return nil
	}
	return errors.Join(err, c.Close())
}

func (o *mirrorOptions) plan(release *payload.Release) ([]mirror.Item, error) {
	to := o.to
	if to == "" {
		to = "localhost/" + mirror.DirectoryRepository
	}
	return mirror.Request{Release: release, Repository: to, ReleaseImage: o.toRelease, SkipRelease: o.skipRelease,
		KeepList: o.keepList}.Plan()
}

func (o *mirrorOptions) destination(client *registry.Client) (closingDestination, error) {
	switch {
	case o.toDir == "":
		return mirror.NewRegistries(client), nil
	case o.layout == "oci":
		return mirror.OpenLayout(o.toDir)
	}
	return mirror.OpenDirectory(o.toDir)
}

// copies returns what tells a listener of each image that is at its destination, and how many of all are.
func copies(listener progress.Listener, all int) func(mirror.Item, digest.Digest) {
	var count atomic.Int64
	return func(item mirror.Item, sum digest.Digest) {
		listener.Report(progress.Event{Component: item.Component, Stage: progress.Push, State: progress.Done,
			Message: item.To + " is " + sum.String()})
		listener.Report(progress.Event{Stage: progress.Publish, State: progress.Running,
			Message: fmt.Sprintf("%d of %d images", count.Add(1), all)})
	}
}

// report says what was done, and how clusters find the copies.
func (o *mirrorOptions) report(streams Streams, release *payload.Release, items []mirror.Item,
	result mirror.Result) error {
	rules := mirror.Sources(items)
	if o.output.isStructured() {
		return o.output.print(streams.Out, map[string]any{"release": release.PullSpec, "result": result,
			"images": items, "mirrors": rules})
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Success: %d images copied, %d were there, %.1f MB sent\n", result.Copied, result.Present,
		float64(result.Bytes)/1e6)
	if o.toDir != "" {
		directory, err := filepath.Abs(o.toDir)
		if err != nil {
			return fmt.Errorf("naming the mirror directory: %w", err)
		}
		fmt.Fprintf(&text,
			"Mirrored to: %s\n\nTo upload the local images to a registry, run:\n\n    oc rebuild mirror --from-dir=%s --to REGISTRY/REPOSITORY\n",
			directory, directory)
	} else {
		if !o.skipRelease {
			fmt.Fprintf(&text, "Update image:  %s\n", items[len(items)-1].To)
		}
		fmt.Fprintf(&text, "Mirror prefix: %s\n", o.to)
		if err := o.instruct(&text, rules); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprint(streams.Out, plain.Text(text.String())); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

// instruct writes the rules by which clusters find the copies.
func (o *mirrorOptions) instruct(text *strings.Builder, rules []mirror.Rule) error {
	if o.instructions == "none" {
		return nil
	}
	install, err := mirror.InstallConfig(rules, o.instructions == "idms")
	if err != nil {
		return err
	}
	cluster, err := mirror.DigestMirrorSet(rules)
	if o.instructions == "icsp" {
		cluster, err = mirror.ContentSourcePolicy(rules)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(text,
		"\nTo use the mirrored repository to install, add the following section to the install-config.yaml:\n\n%s\n"+
			"To use the mirrored repository for upgrades, create this in the cluster:\n\n%s", install, cluster)
	return nil
}
