package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

const infoLong = `Show what a release payload consists of, or what is different in two.

REF is a pull spec, or a reference with a transport such as oci:DIR:TAG. Without one, the release of the cluster in the current
kubeconfig context is shown. Reading a payload takes four requests; --size, --verify and --include-images read every image of it.`

const infoExample = `  # A payload, and the commit that each of its images was built from
  oc rebuild info quay.io/okd/scos-release:4.17.0-okd-scos.0 --commit-urls

  # What is different in two payloads, and in their manifests as a unified diff
  oc rebuild info OLD NEW
  oc rebuild info OLD NEW --contents

  # The pull requests between two payloads, as Markdown
  oc rebuild info OLD NEW --changelog

  # The image of one component
  oc rebuild info REF --image-for=cli`

// infoOptions are the flags of info.
type infoOptions struct {
	registry   registryOptions
	output     string
	kubeconfig kubeOptions
	signature  signatureOptions
	jobs       int

	from                                                   string
	commitURLs, commits, pullSpecs, contents, size, verify bool
	includeImages                                          bool
	imageFor                                               string

	changelog, bugs string
	cacheDir        string
}

// Values of --changelog and --bugs that are no directory.
const (
	unset   = "-"
	inCache = "cache"
)

func newInfo(streams Streams) *cobra.Command {
	var o infoOptions
	command := &cobra.Command{
		Use:     "info [REF [REF]]",
		Short:   "Show what a release payload consists of, or what is different in two",
		Long:    infoLong,
		Example: infoExample,
		Args:    usageArgs(cobra.MaximumNArgs(2)),
		RunE: func(command *cobra.Command, args []string) error {
			return runInfo(command.Context(), streams, &o, args)
		},
	}
	flags := command.Flags()
	flags.BoolVar(&o.commitURLs, "commit-urls", false, "show the URL of the commit that each image was built from")
	flags.BoolVar(&o.commits, "commits", false, "show the repository and the commit that each image was built from")
	flags.BoolVar(&o.pullSpecs, "pullspecs", false, "show the pull spec of each image")
	flags.BoolVar(&o.contents, "contents", false, "print the manifests; of two payloads, their difference as a unified diff")
	flags.BoolVar(&o.size, "size", false, "show how much each image takes")
	flags.BoolVar(&o.verify, "verify", false, "read every image and verify its digests")
	flags.BoolVar(&o.includeImages, "include-images", false, "with -o json or yaml: describe every image too")
	flags.StringVar(&o.imageFor, "image-for", "", "print the pull spec of this `component` alone")
	flags.StringVar(&o.from, "changes-from", "", "the payload to compare with, in place of a second argument")
	flags.StringVarP(&o.output, "output", "o", "",
		"form of the result: text, json, yaml, name, digest, pullspec, jsonpath=TEMPLATE, go-template=TEMPLATE")
	flags.IntVar(&o.jobs, "jobs", 32, "images that are read at once")
	flags.StringVar(&o.changelog, "changelog", unset,
		"of two payloads: the pull requests between them, as Markdown; git repositories are kept in the cache, or in `DIR`")
	flags.StringVar(&o.bugs, "bugs", unset,
		"of two payloads: the bugs that these pull requests name; repositories as with --changelog, in `DIR`")
	for _, name := range []string{"changelog", "bugs"} {
		flag := flags.Lookup(name)
		flag.NoOptDefVal, flag.DefValue = inCache, ""
	}
	applyCacheDir(flags, &o.cacheDir)
	o.registry.apply(flags)
	o.kubeconfig.apply(flags)
	o.signature.apply(flags)
	return command
}

// check refuses flags that exclude each other.
func (o *infoOptions) check() error {
	var chosen []string
	for name, set := range map[string]bool{"commit-urls": o.commitURLs, "commits": o.commits, "pullspecs": o.pullSpecs, "contents": o.contents,
		"size": o.size, "verify": o.verify, "image-for": o.imageFor != "", "changelog": o.changelog != unset, "bugs": o.bugs != unset} {
		if set {
			chosen = append(chosen, "--"+name)
		}
	}
	if len(chosen) > 1 {
		slices.Sort(chosen)
		return fault.Errorf(fault.Usage, "%s exclude each other", strings.Join(chosen, " and "))
	}
	form, _, _ := strings.Cut(o.output, "=")
	return oneOf("output", form, "", "text", "json", "yaml", "name", "digest", "pullspec", "jsonpath", "go-template")
}

func runInfo(ctx context.Context, streams Streams, o *infoOptions, args []string) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	if o.from != "" {
		args = append([]string{o.from}, args...)
	}
	if len(args) == 0 {
		ref, err := o.kubeconfig.release(ctx)
		if err != nil {
			return err
		}
		args = []string{ref}
	}
	if len(args) > 2 {
		return fault.Errorf(fault.Usage, "--changes-from takes the place of the first of two payloads")
	}
	client, err := o.registry.client(streams.notice)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	var releases []*payload.Release
	for _, arg := range args {
		release, err := payload.Open(ctx, client, arg)
		if err != nil {
			return err
		}
		if _, err := o.signature.verify(ctx, streams, release); err != nil {
			return err
		}
		releases = append(releases, release)
	}
	if o.changelog != unset || o.bugs != unset {
		if len(releases) != 2 {
			return fault.Errorf(fault.Usage, "--changelog and --bugs compare two payloads")
		}
		return o.history(ctx, streams.Out, payload.Compare(releases[0], releases[1]))
	}
	if len(releases) == 2 && !o.verify {
		return o.compare(streams.Out, payload.Compare(releases[0], releases[1]))
	}
	for _, release := range releases {
		if err := o.show(ctx, streams.Out, client, release); err != nil {
			return err
		}
	}
	return nil
}

// show prints one payload.
func (o *infoOptions) show(ctx context.Context, w io.Writer, client *registry.Client, release *payload.Release) error {
	var images map[string]*payload.ImageInfo
	if o.size || o.verify || o.includeImages {
		var err error
		if images, err = release.Images(ctx, client, o.jobs); err != nil {
			return fmt.Errorf("reading the images of %s: %w", release.PullSpec, err)
		}
	}
	form, template, _ := strings.Cut(o.output, "=")
	switch {
	case o.imageFor != "":
		component, err := release.Component(o.imageFor)
		if err != nil {
			return err
		}
		return printLine(w, component.Image)
	case form == "name":
		return printLine(w, release.Name)
	case form == "digest":
		return printLine(w, release.Image.TopDigest().String())
	case form == "pullspec":
		return printLine(w, release.PullSpec)
	case form != "" && form != "text":
		info := release.Info()
		info.Images = images
		return writeForm(w, form, template, info)
	case o.contents:
		return printContents(w, release)
	case o.verify:
		return printVerified(w, images)
	}
	return o.printRelease(w, release, images)
}

func printLine(w io.Writer, text string) error {
	if _, err := fmt.Fprintln(w, plain.Line(text)); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

// printContents prints the files of a payload, each under its name.
func printContents(w io.Writer, release *payload.Release) error {
	var files []payload.File
	for _, name := range []string{"image-references", "release-metadata"} {
		if file, err := release.File(name); err == nil {
			files = append(files, file)
		}
	}
	manifests := slices.SortedFunc(slices.Values(release.Manifests()), func(a, b payload.File) int { return strings.Compare(a.Name, b.Name) })
	for _, file := range append(files, manifests...) {
		text := plain.Text(string(file.Data))
		if !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		if _, err := fmt.Fprintf(w, "# %s\n%s", plain.Line(file.Name), text); err != nil {
			return fmt.Errorf("writing the manifests: %w", err)
		}
	}
	return nil
}

// printVerified lists the images whose digests were verified: getting here means that all were.
func printVerified(w io.Writer, images map[string]*payload.ImageInfo) error {
	for _, name := range slices.Sorted(maps.Keys(images)) {
		image := images[name]
		if _, err := fmt.Fprintf(w, "%s %s %s\n", image.Digest, image.Image.Config.Created.UTC().Format("2006-01-02T15:04:05Z"),
			name); err != nil {
			return fmt.Errorf("writing the images: %w", err)
		}
	}
	return nil
}
