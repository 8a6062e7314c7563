package cli

import (
	"fmt"
	"regexp"
	"runtime"

	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// ocOptions are flags of `oc adm release` that have another name here, or nothing to say: scripts may pass them.
type ocOptions struct {
	maxPerRegistry   int
	skipVerification bool
	filterByOS       string
	directory        string
}

func (o *ocOptions) apply(flags *pflag.FlagSet) {
	flags.IntVar(&o.maxPerRegistry, "max-per-registry", 0, "the same as --jobs")
	flags.StringVar(&o.filterByOS, "filter-by-os", "", "the same as --platform, for which a regular expression chooses")
	flags.BoolVar(&o.skipVerification, "skip-verification", false, "ignored: digests are always verified")
	flags.StringVar(&o.directory, "dir", "", "ignored: files for the run go to $TMPDIR")
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
	if o.directory != "" {
		streams.notice("--dir is ignored: files for the run go to $TMPDIR")
	}
	if o.filterByOS == "" || reading.Platform != "" {
		return nil
	}
	var err error
	reading.Platform, err = platformLike(o.filterByOS)
	return err
}

// platformLike returns the first platform of release images that a regular expression matches: this machine's, if it
// does.
func platformLike(pattern string) (string, error) {
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return "", fault.Errorf(fault.Usage, "--filter-by-os: %w", err)
	}
	for _, platform := range []string{"linux/" + runtime.GOARCH, "linux/amd64", "linux/arm64", "linux/ppc64le", "linux/s390x"} {
		if expression.MatchString(platform) {
			return platform, nil
		}
	}
	return "", fault.New(fault.Usage, "--platform names one as OS/ARCH.",
		fmt.Errorf("--filter-by-os %q matches no platform of releases", pattern))
}
