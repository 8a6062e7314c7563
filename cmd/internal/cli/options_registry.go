package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// registryOptions say how registries are reached. The names are oc's, with podman's --authfile beside them.
type registryOptions struct {
	registry.Options
	pushAuthFile string

	flags *pflag.FlagSet // tells what has a value because the user said so
}

func (o *registryOptions) apply(flags *pflag.FlagSet) {
	defer grouped(flags, groupRegistry)()
	o.flags = flags
	flags.StringVarP(&o.AuthFile, "registry-config", "a", "",
		"file with registry credentials (default: $REGISTRY_AUTH_FILE, then where podman looks)")
	flags.StringVar(&o.AuthFile, "authfile", "", "the same as --registry-config")
	flags.BoolVar(&o.Insecure, "insecure", false, "allow plain http and certificates that cannot be verified")
	flags.StringVar(&o.CertificateAuthority, "certificate-authority", "",
		"file with certificate authorities to trust besides the system's")
	flags.StringArrayVar(&o.MirrorFiles, "idms-file", nil,
		"ImageDigestMirrorSet `file` with mirrors to try first, for references by digest")
	flags.StringArrayVar(&o.MirrorFiles, "icsp-file", nil, "the same as --idms-file, with an ImageContentSourcePolicy `file`")
	flags.StringVar(&o.SignaturePolicy, "signature-policy", "",
		"policy.json for pulls (default: the system's; if there is none, accept unsigned images)")
	flags.StringVar(&o.Platform, "platform", "",
		"`os/arch` to take from manifest lists (default: linux on this machine's architecture)")
}

// describePlatforms says of --platform that it may name several.
func (o *registryOptions) describePlatforms(flags *pflag.FlagSet) {
	flags.Lookup("platform").Usage = "`os/arch` to take from manifest lists (default: linux on this machine's " +
		"architecture); several, comma-separated, for a payload that is a list"
}

// platforms lists what --platform names; "" for this machine's.
func (o *registryOptions) platforms() []string { return strings.Split(o.Platform, ",") }

// isDefault reports whether the platforms are what the environment or a file says.
func (o *registryOptions) isDefault() bool { return !o.flags.Changed("platform") }

// first are the same options for the first platform alone.
func (o registryOptions) first() *registryOptions {
	o.Platform = o.platforms()[0]
	return &o
}

// checkOne refuses several platforms. Of several that are a default the first one counts.
func (o *registryOptions) checkOne() error {
	if len(o.platforms()) > 1 && !o.isDefault() {
		return fault.Errorf(fault.Usage, "--platform %q: want one; only `oc rebuild COMPONENT…` and `oc rebuild assemble` take several",
			o.Platform)
	}
	return nil
}

// applyPush adds the credentials for pushing.
func (o *registryOptions) applyPush(flags *pflag.FlagSet) {
	defer grouped(flags, groupRegistry)()
	flags.StringVar(&o.pushAuthFile, "push-registry-config", "",
		"file with credentials for pushing, if they differ from those for reading")
}

// client opens the registry client for reading. notice is told what is waited for.
func (o *registryOptions) client(notice func(text string)) (*registry.Client, error) {
	options := o.Options
	options.Notice = notice
	if o.isDefault() {
		options.Platform = o.platforms()[0]
		options.PlatformFrom = strings.Join(o.flags.Lookup("platform").Annotations[fromAnnotation], "")
	}
	return registry.New(options)
}

// clients opens the clients for reading and for pushing, which are one unless pushing has credentials of its own, and
// returns what closes them.
func (o *registryOptions) clients(notice func(text string)) (reading, pushing *registry.Client, closeBoth func() error, err error) {
	reading, err = o.client(notice)
	if err != nil {
		return nil, nil, nil, err
	}
	if o.pushAuthFile == "" {
		return reading, reading, reading.Close, nil
	}
	other := *o
	other.AuthFile = o.pushAuthFile
	pushing, err = other.client(notice)
	if err != nil {
		return nil, nil, nil, errors.Join(err, reading.Close())
	}
	return reading, pushing, func() error { return errors.Join(pushing.Close(), reading.Close()) }, nil
}

// oneOf returns the usage error for a flag whose value is not one of the allowed ones.
func oneOf(flag, value string, allowed ...string) error {
	for _, candidate := range allowed {
		if value == candidate {
			return nil
		}
	}
	named := slices.DeleteFunc(slices.Clone(allowed), func(one string) bool { return one == "" })
	return fault.Errorf(fault.Usage, "--%s %q is not one of %s", flag, value, strings.Join(named, ", "))
}
