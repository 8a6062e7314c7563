package cli

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/mirror"
)

// ocOptions are flags of `oc adm release` that have another name here, or nothing to say: scripts may pass them.
type ocOptions struct {
	maxPerRegistry   int
	skipVerification bool
	filterByOS       string
	directory        string
}

func (o *ocOptions) apply(flags *pflag.FlagSet) {
	defer grouped(flags, groupOC)()
	flags.IntVar(&o.maxPerRegistry, "max-per-registry", 0, "the same as --jobs")
	flags.StringVar(&o.filterByOS, "filter-by-os", "", "the same as --platform, chosen by a regular expression")
	flags.BoolVar(&o.skipVerification, "skip-verification", false, "ignored: digests are always verified")
	flags.StringVar(&o.directory, "dir", ".",
		"`directory` with the payloads that file:// references name, as mirror --to-dir writes it")
}

// settle gives what the flags say to those that have it here, and says once which have nothing to say. jobs may be nil.
func (o *ocOptions) settle(streams Streams, reading *registryOptions, jobs *int) error {
	if o.maxPerRegistry < 0 {
		return fault.Errorf(fault.Usage, "--max-per-registry %d is not a number of images", o.maxPerRegistry)
	}
	switch {
	case o.maxPerRegistry == 0:
	case jobs != nil:
		*jobs = o.maxPerRegistry
	default:
		streams.notice("--max-per-registry is ignored: this command reads few images")
	}
	if o.skipVerification {
		streams.notice("--skip-verification is ignored: digests are always verified")
	}
	if o.filterByOS == "" || reading.Platform != "" {
		return nil
	}
	var err error
	reading.Platform, err = platformLike(o.filterByOS)
	return err
}

// open opens a payload: of a registry, or of a directory for file://REPOSITORY:TAG.
func (o *ocOptions) open(ctx context.Context, client *registry.Client, ref string) (*payload.Release, error) {
	tag, ok, err := directoryTag(ref)
	if err != nil {
		return nil, err
	}
	if !ok {
		return payload.Open(ctx, client, ref)
	}
	directory, err := mirror.ReadDirectory(o.directory)
	if err != nil {
		return nil, err
	}
	return directory.Release(ctx, client, tag) // what it reads later goes through the open directory
}

// directoryTag returns the tag of a payload in a directory that oc's references of the form file:// name, and whether
// ref is such a reference.
func directoryTag(ref string) (tag string, ok bool, err error) {
	if strings.HasPrefix(ref, "s3://") {
		return "", false, fault.New(fault.Usage, "Copy it to a directory, and name that with --dir.",
			fmt.Errorf("%q: S3 is not read", ref))
	}
	name, ok := strings.CutPrefix(ref, "file://")
	if !ok {
		return "", false, nil
	}
	repository, tag, _ := strings.Cut(name, ":")
	if at, digest, ok := strings.Cut(name, "@"); ok {
		repository, tag = at, digest
	}
	if repository != mirror.DirectoryRepository {
		return "", false, fault.New(fault.Usage, "Write file://"+mirror.DirectoryRepository+":TAG.",
			fmt.Errorf("%q: directories have payloads in the repository %s", ref, mirror.DirectoryRepository))
	}
	return tag, true, nil
}

// platformLike returns the first platform of release images that a regular expression matches: this machine's, if it
// does.
func platformLike(pattern string) (string, error) {
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return "", fault.Errorf(fault.Usage, "--filter-by-os: %w", err)
	}
	for _, platform := range []string{registry.DefaultPlatform(), "linux/amd64", "linux/arm64",
		"linux/ppc64le", "linux/s390x"} {
		if expression.MatchString(platform) {
			return platform, nil
		}
	}
	return "", fault.New(fault.Usage, "--platform names one as OS/ARCH.",
		fmt.Errorf("--filter-by-os %q matches no platform of releases", pattern))
}
