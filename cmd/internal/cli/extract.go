package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/extract"
)

const extractLong = `Extract the manifests of a release payload as they are, or its client tools.

Manifests are written byte for byte, with their comments. Tools have the release written into them; --tools makes archives of the
tools for this machine's platform, with checksums, or with --command-os='*' for all. Only the release layer, or the images with the
tools, are read, each layer once. What cannot be written completely, as when the disk is full, is not left behind.`

const extractExample = `  # All manifests, image-references and release-metadata
  oc rebuild extract REF --to manifests

  # Only what a cluster installed with this install-config.yaml applies
  oc rebuild extract REF --included --install-config install-config.yaml --to manifests

  # One file, to standard output
  oc rebuild extract REF --file image-references

  # The source of every component, at its commit
  oc rebuild extract REF --git source

  # The installer for this machine, and the archives for all platforms
  oc rebuild extract REF --command openshift-install
  oc rebuild extract REF --tools --command-os='*' --to dist`

// extractOptions are the flags of extract.
type extractOptions struct {
	registry   registryOptions
	kubeconfig kubeOptions
	signature  signatureOptions

	to, file, command, commandOS string
	tools, included, credentials bool
	cloud, installConfig         string
	from                         string
	oc                           ocOptions
	signingKey                   string
	git, output, cacheDir        string
	quiet                        bool
}

func newExtract(streams Streams) *cobra.Command {
	var o extractOptions
	command := &cobra.Command{
		Use:     "extract [REF]",
		Short:   "Extract manifests or client tools from a release payload",
		Long:    extractLong,
		Example: extractExample,
		Args:    usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(command *cobra.Command, args []string) error {
			return runExtract(command.Context(), streams, &o, args)
		},
	}
	o.apply(command.Flags())
	return command
}

func (o *extractOptions) apply(flags *pflag.FlagSet) {
	flags.StringVar(&o.to, "to", ".", "`directory` to write to")
	flags.StringVar(&o.file, "file", "", "print this `file` of the release on standard output")
	flags.BoolVar(&o.tools, "tools", false, "extract the client tools for --command-os, as archives with checksums")
	flags.StringVar(&o.from, "from", "", "the payload, instead of the argument")
	flags.StringVar(&o.command, "command", "", "extract this `command`, such as oc or openshift-install")
	flags.StringVar(&o.commandOS, "command-os", "",
		"`platform` of the command: linux, mac, windows, OS/ARCH, or * for all as archives (default: this machine's)")
	flags.StringVar(&o.signingKey, "signing-key", "", "`file` with the OpenPGP key to sign the checksums with")
	flags.BoolVar(&o.included, "included", false, "only manifests that a cluster applies")
	flags.StringVar(&o.installConfig, "install-config", "",
		"with --included: install-config.yaml of the cluster (default: the default capabilities and features)")
	flags.BoolVar(&o.credentials, "credentials-requests", false, "only requests for cloud credentials")
	flags.StringVar(&o.cloud, "cloud", "",
		"limit requests for cloud credentials to this `cloud`, such as aws (default: that of --install-config, else all)")
	flags.StringVar(&o.git, "git", "", "check out the source of every component under this `directory`")
	flags.StringVarP(&o.output, "output", "o", "", "with --git: commit also prints the commit")
	applyCacheDir(flags, &o.cacheDir)
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "no messages except errors")
	o.oc.apply(flags)
	o.registry.apply(flags)
	o.kubeconfig.apply(flags)
	o.signature.apply(flags)
}

func (o *extractOptions) check() error {
	modes := 0
	for _, set := range []bool{o.tools, o.command != "", o.file != "", o.git != "", o.credentials || o.included} {
		if set {
			modes++
		}
	}
	switch {
	case modes > 1:
		return fault.Errorf(fault.Usage,
			"only one of --tools, --command, --file, --git and --included or --credentials-requests may be given")
	case o.cloud != "" && !o.credentials && !o.included:
		return fault.Errorf(fault.Usage, "--cloud needs --credentials-requests or --included")
	case o.installConfig != "" && !o.included:
		return fault.Errorf(fault.Usage, "--install-config needs --included")
	case o.output != "" && o.git == "":
		return fault.Errorf(fault.Usage, "--output needs --git")
	case o.signingKey != "" && !o.tools && o.commandOS != "*":
		return fault.Errorf(fault.Usage,
			"--signing-key needs --tools or --command-os='*': there are no checksums to sign otherwise")
	}
	return oneOf("output", o.output, "", "commit")
}

func runExtract(ctx context.Context, streams Streams, o *extractOptions, args []string) (err error) {
	if err := errors.Join(o.check(), o.oc.settle(streams, &o.registry, nil)); err != nil {
		return err
	}
	if o.from != "" {
		if len(args) > 0 {
			return fault.Errorf(fault.Usage, "the payload is named twice: by --from and by %q", args[0])
		}
		args = []string{o.from}
	}
	if len(args) == 0 {
		ref, err := o.kubeconfig.release(ctx, "")
		if err != nil {
			return err
		}
		args = []string{ref}
	}
	client, err := o.registry.client(streams.notice)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	release, err := o.oc.open(ctx, client, args[0])
	if err != nil {
		return err
	}
	if _, err := o.signature.verify(ctx, streams, release); err != nil {
		return err
	}
	switch {
	case o.tools || o.command != "":
		return o.extractTools(ctx, streams, client, release)
	case o.git != "":
		return o.extractSources(ctx, streams, release)
	case o.file != "":
		file, err := release.File(o.file)
		if err != nil {
			return err
		}
		to := streams.Out
		if display.IsTerminal(to) {
			to = plain.Writer(to)
		}
		if _, err := to.Write(file.Data); err != nil {
			return fmt.Errorf("writing %s: %w", o.file, err)
		}
		return nil
	}
	return o.extractManifests(streams, release)
}

// extractManifests writes manifests; unless it is only requests for credentials, image-references and release-metadata
// too.
func (o *extractOptions) extractManifests(streams Streams, release *payload.Release) error {
	filter := extract.Filter{CredentialsRequests: o.credentials, Cloud: o.cloud}
	if o.included {
		cluster, err := o.cluster(release)
		if err != nil {
			return err
		}
		filter.Cluster = cluster
	}
	files, err := filter.Select(release)
	if err != nil {
		return err
	}
	if !o.credentials {
		for _, name := range []string{"image-references", "release-metadata"} {
			if file, err := release.File(name); err == nil {
				files = append(files, file)
			}
		}
	}
	if err := payload.WriteFiles(o.to, files); err != nil {
		return err
	}
	return display.Line(
		streams.Out,
		fmt.Sprintf("Extracted %d files of the release with digest %s created at %s", len(files),
			release.Image.TopDigest(),
			release.Created.UTC().Format("2006-01-02T15:04:05Z")),
	)
}

// cluster reads what decides about manifests out of an install-config.
func (o *extractOptions) cluster(release *payload.Release) (*extract.Cluster, error) {
	major, _, _ := strings.Cut(release.Metadata.Version, ".")
	if o.installConfig == "" {
		return &extract.Cluster{Major: major}, nil
	}
	data, err := regular.Read(o.installConfig, maxInput)
	if err != nil {
		return nil, fault.New(fault.Usage, "", fmt.Errorf("reading --install-config: %w", err))
	}
	cluster, err := extract.ReadInstallConfig(data)
	if err != nil {
		return nil, fmt.Errorf("--install-config %q: %w", o.installConfig, err)
	}
	cluster.Major = major
	return &cluster, nil
}

// extractTools writes commands or archives, and prints their names.
func (o *extractOptions) extractTools(ctx context.Context, streams Streams, client *registry.Client,
	release *payload.Release) error {
	tools := extract.Tools{Directory: o.to, Command: o.command, Platform: o.commandOS, Warn: func(warning string) {
		if !o.quiet {
			fmt.Fprintln(streams.Err, plain.Line("warning: "+warning))
		}
	}}
	if o.signingKey != "" {
		var err error
		if tools.SigningKey, err = extract.ReadSigner(o.signingKey,
			func() ([]byte, error) { return readPassword(streams) }); err != nil {
			return err
		}
	}
	var summary strings.Builder
	if err := (&infoOptions{pullSpecs: true}).printRelease(&summary, release, nil); err != nil {
		return err
	}
	tools.Summary = summary.String()
	names, err := tools.Extract(ctx, client, release)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := display.Line(streams.Out, name); err != nil {
			return err
		}
	}
	return nil
}

// readPassword asks for a password on the terminal, or reads a line of standard input where it is none.
func readPassword(streams Streams) ([]byte, error) {
	file, ok := streams.In.(*os.File)
	if ok && term.IsTerminal(int(file.Fd())) {
		fmt.Fprint(streams.Err, "Password of the signing key: ")
		defer fmt.Fprintln(streams.Err)
		return term.ReadPassword(int(file.Fd()))
	}
	var line string
	if _, err := fmt.Fscanln(streams.In, &line); err != nil {
		return nil, fmt.Errorf("reading the password from standard input: %w", err)
	}
	return []byte(line), nil
}
