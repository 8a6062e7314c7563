package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/updates"
)

const infoLong = `Show what is in a release payload, or what differs between two.

REF is a pull spec, a reference with a transport such as oci:DIR:TAG, or the version of a released payload: the cluster in the kubeconfig
knows its own, the update service all others. Without REF, the release of the cluster in the current kubeconfig context is shown. Two are
compared; more are shown one by one. Reading a payload takes at most four requests; --size, --verify and --include-images read all its images.`

const infoExample = `  # A payload, and the commit that each of its images was built from
  oc rebuild info quay.io/okd/scos-release:4.17.0-okd-scos.0 --commit-urls

  # What differs between two payloads, and their manifests as a unified diff
  oc rebuild info OLD NEW
  oc rebuild info OLD NEW --contents

  # The pull requests between two payloads, as Markdown
  oc rebuild info OLD NEW --changelog

  # The RPM packages of the operating system, and what differs between two
  oc rebuild info REF --rpmdb
  oc rebuild info OLD NEW --rpmdb-diff

  # The image of one component
  oc rebuild info REF --image-for=cli`

// infoOptions are the flags of info.
type infoOptions struct {
	registry     registryOptions
	oc           ocOptions
	output       string
	template     string
	missing      bool
	skipBugCheck bool
	service      string
	kubeconfig   kubeOptions
	signature    signatureOptions
	jobs         int

	from                                                   string
	commitURLs, commits, pullSpecs, contents, size, verify bool
	includeImages                                          bool
	imageFor                                               string

	changelog, bugs string
	rpms            rpmOptions
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
		Use:     "info [REF]...",
		Short:   "Show what is in a release payload, or what differs between two",
		Long:    infoLong,
		Example: infoExample,
		RunE: func(command *cobra.Command, args []string) error {
			return runInfo(command.Context(), streams, &o, args)
		},
	}
	flags := command.Flags()
	flags.BoolVar(&o.commitURLs, "commit-urls", false, "show the URL of the commit that each image was built from")
	flags.BoolVar(&o.commits, "commits", false, "show the repository and the commit that each image was built from")
	flags.BoolVar(&o.pullSpecs, "pullspecs", false, "show the pull spec of each image")
	flags.BoolVar(&o.contents, "contents", false,
		"print the manifests; for two payloads, their unified diff")
	flags.BoolVar(&o.size, "size", false, "show how much space each image takes")
	flags.BoolVar(&o.verify, "verify", false,
		"read every image and verify its digests; print the payload's digest, date and name")
	flags.BoolVar(&o.includeImages, "include-images", false, "with -o json or yaml: also describe every image")
	flags.StringVar(&o.imageFor, "image-for", "", "print only the pull spec of this `component`")
	flags.StringVar(&o.from, "changes-from", "", "the payload to compare with, instead of a second argument")
	flags.StringVarP(&o.output, "output", "o", "",
		"output format: text, json, yaml, jsonpath=TEMPLATE, go-template=TEMPLATE; or the name, digest or pullspec of each image")
	flags.StringVar(&o.template, "template", "",
		"`template` for -o go-template or -o jsonpath, if not given there")
	flags.BoolVar(&o.missing, "allow-missing-template-keys", true, "let templates name missing fields")
	flags.BoolVar(&o.skipBugCheck, "skip-bug-check", false, "ignored: no bug tracker is asked")
	flags.StringVar(&o.service, "update-service", updates.Service,
		"`URL` to ask for the pull specs of versions (default: OpenShift's)")
	flags.Lookup("update-service").DefValue = ""
	flags.IntVar(&o.jobs, "jobs", 32, "images to read at once")
	flags.StringVar(&o.changelog, "changelog", unset,
		"for two payloads: the pull requests between them, as Markdown; git repositories are kept in the cache, or in `DIR`")
	flags.StringVar(&o.bugs, "bugs", unset,
		"for two payloads: the bugs named in these pull requests; repositories as with --changelog, in `DIR`")
	for _, name := range []string{"changelog", "bugs"} {
		flag := flags.Lookup(name)
		flag.NoOptDefVal, flag.DefValue = inCache, ""
	}
	o.rpms.apply(flags)
	applyCacheDir(flags, &o.cacheDir)
	o.registry.apply(flags)
	o.oc.apply(flags)
	o.kubeconfig.apply(flags)
	o.signature.apply(flags)
	return command
}

// check refuses flags that exclude each other.
func (o *infoOptions) check(args []string) error {
	var chosen []string
	for name, set := range map[string]bool{"commit-urls": o.commitURLs, "commits": o.commits, "pullspecs": o.pullSpecs,
		"contents": o.contents,
		"size":     o.size, "verify": o.verify, "image-for": o.imageFor != "", "changelog": o.changelog != unset,
		"bugs": o.bugs != unset, "rpmdb": o.rpms.list,
		"rpmdb-diff": o.rpms.diff} {
		if set {
			chosen = append(chosen, "--"+name)
		}
	}
	if len(chosen) > 1 {
		slices.Sort(chosen)
		return fault.Errorf(fault.Usage, "%s exclude each other", strings.Join(chosen, " and "))
	}
	if o.imageFor != "" && o.output != "" {
		return fault.Errorf(fault.Usage, "--image-for and --output exclude each other")
	}
	if o.rpms.image != "" && !o.rpms.list && !o.rpms.diff {
		return fault.Errorf(fault.Usage, "--rpmdb-image needs --rpmdb or --rpmdb-diff")
	}
	for flag, value := range map[string]string{"changelog": o.changelog, "bugs": o.bugs} {
		if value != inCache {
			continue
		}
		for _, arg := range args {
			if info, err := os.Stat(arg); err == nil && info.IsDir() {
				return fault.Errorf(fault.Usage,
					"%q is a directory and no payload: for the repositories of --%s write --%s=%s",
					arg, flag, flag, arg)
			}
		}
	}
	form, text, _ := strings.Cut(o.output, "=")
	if form == "template" { // oc's name for it
		form = "go-template"
	}
	if text == "" && o.template != "" {
		text = o.template
		if form == "" {
			form = "go-template"
		}
	}
	if text != "" {
		o.output = form + "=" + text
	}
	return oneOf("output", form, "", "text", "json", "yaml", "name", "digest", "pullspec", "jsonpath", "go-template")
}

// payloads returns the pull specs of what the arguments name; of nothing, that of the cluster's payload.
func (o *infoOptions) payloads(ctx context.Context, streams Streams, args []string) ([]string, error) {
	if len(args) == 0 {
		ref, err := o.kubeconfig.release(ctx, "")
		return []string{ref}, err
	}
	var all []string
	for _, arg := range args {
		if updates.IsVersion(arg) {
			found, err := o.version(ctx, arg)
			if err != nil {
				return nil, err
			}
			streams.notice(arg + " is " + found)
			arg = found
		}
		all = append(all, arg)
	}
	return all, nil
}

// version asks the cluster for the pull spec of a version, if there is one, and the update service where the cluster
// never ran it.
func (o *infoOptions) version(ctx context.Context, version string) (string, error) {
	if found := o.kubeconfig.version(ctx, version); found != "" {
		return found, nil
	}
	return updates.Find(ctx, &http.Client{Timeout: time.Minute}, o.service, version)
}

func runInfo(ctx context.Context, streams Streams, o *infoOptions, args []string) (err error) {
	if err := errors.Join(o.check(args), o.oc.settle(streams, &o.registry, &o.jobs)); err != nil {
		return err
	}
	if o.skipBugCheck {
		streams.notice("--skip-bug-check is ignored: no bug tracker is asked")
	}
	if o.from != "" {
		if args = append([]string{o.from}, args...); len(args) > 2 {
			return fault.Errorf(fault.Usage, "--changes-from takes the place of the first of two payloads")
		}
	}
	if args, err = o.payloads(ctx, streams, args); err != nil {
		return err
	}
	client, err := o.registry.client(streams.notice)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	var releases []*payload.Release
	for _, arg := range args {
		release, err := o.oc.open(ctx, client, arg)
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
	if o.rpms.diff {
		if len(releases) != 2 {
			return fault.Errorf(fault.Usage, "--rpmdb-diff compares two payloads")
		}
		return o.compareRPMs(ctx, streams.Out, client, releases[0], releases[1])
	}
	if len(releases) == 2 && !o.verify && !o.rpms.list {
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
	case o.rpms.list:
		return o.listRPMs(ctx, w, client, release)
	case o.imageFor != "":
		component, err := release.Component(o.imageFor)
		if err != nil {
			return err
		}
		return display.Line(w, component.Image)
	case form == "name" || form == "digest" || form == "pullspec":
		return printEach(w, release, form)
	case form != "" && form != "text":
		info := release.Info()
		info.Images = images
		return display.Template(w, form, template, info, o.missing)
	case o.contents:
		return printContents(w, release)
	case o.verify:
		return display.Line(w, fmt.Sprintf("%s %s %s", release.Image.TopDigest(),
			release.Image.Config.Created.UTC().Format(time.RFC3339),
			release.Name))
	}
	return o.printRelease(w, release, images)
}

// printEach prints one thing of each component, in the order of the payload.
func printEach(w io.Writer, release *payload.Release, form string) error {
	for _, component := range release.Components() {
		text := component.Name
		switch form {
		case "pullspec":
			text = component.Image
		case "digest":
			_, sum := registry.SplitDigest(component.Image)
			text = sum.String()
		}
		if err := display.Line(w, text); err != nil {
			return err
		}
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
	manifests := slices.SortedFunc(slices.Values(release.Manifests()),
		func(a, b payload.File) int { return strings.Compare(a.Name, b.Name) })
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
