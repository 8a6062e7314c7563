package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/mirror"
	"github.com/oc-rebuild/oc-rebuild/payload/signature"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
)

const newLong = `Make a release payload from existing images.

It starts from another release, an image stream, a directory of extracted manifests, or nothing, and puts in the images named as
COMPONENT=PULLSPEC. A tag is resolved to its digest. If only a few components of a release change, its manifests are edited in place;
otherwise those of all operators are extracted again. Both give the same payload, and the same input gives the same digest.

It is an error if an operator would lose its manifests, or if no operator names a component that you replace.
The digest pull spec of the new payload is the last line on standard output.`

const newExample = `  # A release with another image for one component
  oc rebuild new --from-release quay.io/okd/scos-release:4.17.0-okd-scos.0 \
    --to-image quay.io/me/okd-release:4.17 \
    machine-config-operator=quay.io/me/mco:fix

  # See the manifests that a release from an image stream would have
  oc rebuild new --from-image-stream-file stream.json --name 4.17.0-mine.1 --to-dir manifests

  # Check whether a release can be reproduced from its components, and what differs if not
  oc rebuild new --from-release REF

  # A release in the same repository as all its components
  oc rebuild new --from-release REF --name 4.17.0-mine.1 \
    --mirror quay.io/me/okd --to-image quay.io/me/okd:release`

func newNew(streams Streams) *cobra.Command {
	var o newOptions
	command := &cobra.Command{
		Use:     "new [COMPONENT=PULLSPEC]... --to-image REF",
		Short:   "Make a release payload from existing images",
		Long:    newLong,
		Example: newExample,
		RunE: func(command *cobra.Command, args []string) error {
			return runNew(command.Context(), streams, &o, args)
		},
	}
	o.apply(command.Flags())
	return command
}

func runNew(ctx context.Context, streams Streams, o *newOptions, args []string) (err error) {
	if err := errors.Join(o.output.check("name"),
		oneOf("method", o.method, "", "delta", "full")); err != nil {
		return err
	}
	if err := o.oc.settle(streams, &o.registry, &o.assemble.Jobs); err != nil {
		return err
	}
	if o.releaseManifest {
		streams.notice("--release-manifest is ignored: release-metadata is always written")
	}
	if o.toSignature != "" && o.to == "" {
		return fault.Errorf(fault.Usage, "--to-signature needs --to-image: the message names where the payload is")
	}
	if o.baseTag != "" && o.assemble.Base != "" {
		return fault.Errorf(fault.Usage, "--to-image-base and --to-image-base-tag exclude each other")
	}
	reproduces := o.fromRelease != "" && len(args) == 0 && len(o.mappingFiles) == 0
	if o.to == "" && o.toDir == "" && o.toFile == "" && !o.dryRun && !reproduces {
		return fault.New(fault.Usage, "Pass --to-image PULLSPEC, --to-dir, --to-file or --dry-run.",
			errors.New("nothing says where the payload goes"))
	}
	if o.to != "" {
		if _, err := registry.ParseTarget(o.to); err != nil {
			return fmt.Errorf("--to-image: %w", err)
		}
	}
	if o.metadata != "" {
		if err := json.Unmarshal([]byte(o.metadata), &o.assemble.Metadata); err != nil {
			return fault.New(fault.Usage, "", fmt.Errorf("--metadata: %w", err))
		}
	}
	changes, err := o.changes(args)
	if err != nil {
		return err
	}
	reading, pushing, closeClients, err := o.registry.clients(streams.notice)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeClients()) }()
	if o.to == "" && o.toDir == "" && o.toFile == "" && !o.dryRun {
		return o.reproduce(ctx, streams, reading)
	}
	assembly, err := o.run(ctx, streams, reading, pushing, changes)
	if err != nil {
		return err
	}
	return o.deliver(ctx, streams, pushing, assembly)
}

// reproduce makes a payload again from its components, and says whether it is the same.
func (o *newOptions) reproduce(ctx context.Context, streams Streams, client *registry.Client) (err error) {
	release, err := o.source(ctx, streams, client)
	if err != nil {
		return err
	}
	if o.assemble.Cache, err = openManifestCache(o.cacheDir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.assemble.Cache.Close()) }()
	o.assemble.Method = payload.Full
	assembly, err := payload.Assemble(ctx, client, release, nil, o.assemble)
	if err != nil {
		return err
	}
	differences, err := assembly.Differences(release)
	if err != nil {
		return err
	}
	for _, difference := range differences {
		o.say(streams, "different: %s", difference)
	}
	if len(differences) > 0 {
		return fault.Errorf(fault.Other, "the release could not be reproduced from its components")
	}
	return display.Line(streams.Out, fmt.Sprintf("%s %s %s", release.Digest, release.Name,
		release.Created.UTC().Format(time.RFC3339)))
}

// run assembles, after it has copied the components where --mirror wants them.
func (o *newOptions) run(ctx context.Context, streams Streams, reading, pushing *registry.Client,
	changes []payload.Change) (assembly *payload.Assembly, err error) {
	release, err := o.source(ctx, streams, reading)
	if err != nil {
		return nil, err
	}
	if o.assemble.Cache, err = openManifestCache(o.cacheDir); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.assemble.Cache.Close()) }()
	if o.baseTag != "" {
		if o.assemble.Base, err = baseOf(o.baseTag, release, changes); err != nil {
			return nil, err
		}
	}
	o.assemble.Method = payload.Method(o.method)
	o.assemble.TrustTag = true // the digest is the result, whatever becomes of the tag
	o.assemble.Repository = o.mirror
	if assembly, err = payload.Assemble(ctx, reading, release, changes, o.assemble); err != nil {
		return nil, err
	}
	for _, warning := range assembly.Warnings {
		o.say(streams, "warning: %s", warning)
	}
	o.say(streams, "%d images in the release, %d files, assembled by %s", len(assembly.References.Spec.Tags),
		len(assembly.Files()), describeAssembly(assembly))
	if o.mirror != "" && !o.dryRun {
		err = o.copyComponents(ctx, streams, reading, pushing, assembly)
	}
	return assembly, err
}

// baseOf returns the image that a component has in the new payload.
func baseOf(name string, release *payload.Release, changes []payload.Change) (string, error) {
	for _, change := range changes {
		if change.Component == name {
			return change.Image, nil
		}
	}
	component, err := release.Component(name)
	if err != nil {
		return "", fmt.Errorf("--to-image-base-tag: %w", err)
	}
	return component.Image, nil
}

func describeAssembly(a *payload.Assembly) string {
	if a.Reason == "" {
		return string(a.Method)
	}
	return string(a.Method) + " (" + a.Reason + ")"
}

// openManifestCache opens the cache of labels and manifests of component images.
func openManifestCache(directory string) (*payload.Cache, error) {
	directory, err := cacheDirectory(directory)
	if err != nil {
		return nil, err
	}
	return payload.OpenCache(filepath.Join(directory, cache.Manifests))
}

func (o *newOptions) say(streams Streams, format string, args ...any) {
	if !o.output.isQuiet() {
		fmt.Fprintln(streams.Err, plain.Line(fmt.Sprintf(format, args...)))
	}
}

// copyComponents copies the images of the assembled payload to the repository of --mirror.
func (o *newOptions) copyComponents(ctx context.Context, streams Streams, reading, pushing *registry.Client,
	assembly *payload.Assembly) error {
	items, err := mirror.Components(o.mirror, assembly.Name, assembly.Sources())
	if err != nil {
		return err
	}
	from, to := mirror.NewRegistries(reading), mirror.NewRegistries(pushing)
	listener, finish := o.output.progress(streams)
	defer finish()
	result, err := mirror.Copy(ctx, from, to, items, o.assemble.Jobs, copies(listener, len(items)))
	finish()
	if err == nil {
		o.say(streams, "mirrored %d images to %s, %d were there", result.Copied, o.mirror, result.Present)
	}
	return err
}

// deliver writes the payload where it should go, and prints what came of it: beside the payload, where that goes to
// standard output.
func (o *newOptions) deliver(ctx context.Context, streams Streams, pushing *registry.Client,
	assembly *payload.Assembly) error {
	if !o.dryRun {
		if err := o.writeFiles(streams, assembly); err != nil {
			return err
		}
		if o.toFile == "-" {
			streams.Out = streams.Err
		}
	}
	digest, err := assembly.Digest()
	if err != nil && o.to != "" {
		return err
	}
	result := map[string]any{
		"digest":     digest,
		"name":       assembly.Name,
		"created":    assembly.Created.UTC().Format(time.RFC3339),
		"method":     assembly.Method,
		"reason":     assembly.Reason,
		"references": assembly.References,
	}
	line := digest.String() + " " + assembly.Name + " " + assembly.Created.UTC().Format(time.RFC3339)
	if o.to != "" && !o.dryRun {
		pushed, err := assembly.Push(ctx, pushing, o.to)
		if err != nil {
			return err
		}
		result["image"], line = pushed.Image, pushed.Image
		if o.toSignature != "" {
			if err := writeMessage(o.toSignature, pushed, assembly.Created); err != nil {
				return err
			}
		}
	}
	if o.output.isStructured() {
		return o.output.print(streams.Out, result)
	}
	return display.Line(streams.Out, line)
}

// writeMessage writes what the publisher of a payload signs.
func writeMessage(name string, pushed payload.Pushed, created time.Time) error {
	message, err := signature.Message(pushed.Image, pushed.Digest, created)
	if err != nil {
		return err
	}
	if err := os.WriteFile(name, message, 0o644); err != nil {
		return fmt.Errorf("writing --to-signature: %w", err)
	}
	return nil
}

// writeFiles writes what --to-dir and --to-file ask for.
func (o *newOptions) writeFiles(streams Streams, assembly *payload.Assembly) error {
	if o.toDir != "" {
		if err := assembly.WriteFiles(o.toDir); err != nil {
			return err
		}
	}
	switch o.toFile {
	case "":
		return nil
	case "-":
		return assembly.WriteLayer(streams.Out)
	}
	return writeLayer(o.toFile, assembly)
}

func writeLayer(name string, assembly *payload.Assembly) error {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("writing --to-file: %w", err)
	}
	return errors.Join(assembly.WriteLayer(file), file.Close())
}
