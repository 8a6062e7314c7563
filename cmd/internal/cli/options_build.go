package cli

import (
	"errors"

	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/image"
)

// isolationAuto is what works where the steps run.
const isolationAuto = "auto"

// buildOptions say where and how images are built.
type buildOptions struct {
	isolation     string
	network       string
	storageRoot   string
	storageDriver string
	noCache       bool
	jobs          int
	secrets       []string
	compression   string
	results       string
}

func (o *buildOptions) apply(flags *pflag.FlagSet) {
	defer grouped(flags, groupBuild)()
	o.applyPlace(flags)
	flags.BoolVar(&o.noCache, "no-cache", false,
		"build afresh: reuse no result, compile cache or layer of an earlier run")
	flags.StringVar(&o.results, "results", "",
		"`repository` to record builds in and reuse identical builds from: whoever writes there is trusted")
	flags.IntVar(&o.jobs, "jobs", 0, "components to build at once (default: from the number of processors)")
	flags.StringVar(&o.compression, "compression", "gzip",
		"compression of new layers: gzip (as in CI) or zstd (with an OCI manifest)")
	flags.StringArrayVar(&o.secrets, "secret", nil, "secret `id=ID,src=FILE` for RUN --mount=type=secret")
}

// check refuses values that no build knows.
func (o *buildOptions) check() error {
	return errors.Join(oneOf("compression", o.compression, image.Gzip, image.Zstd),
		oneOf("network", o.network, "host", "none"))
}

// applyPlace adds the flags that say where and how builds run.
func (o *buildOptions) applyPlace(flags *pflag.FlagSet) {
	flags.StringVar(&o.isolation, "isolation", isolationAuto,
		"how to isolate RUN steps: auto (what works here), oci, chroot")
	flags.StringVar(&o.network, "network", "host", "network of RUN steps: host (as in CI) or none")
	o.applyStorage(flags)
}

// applyStorage adds the flags that say where images are kept.
func (o *buildOptions) applyStorage(flags *pflag.FlagSet) {
	flags.StringVar(&o.storageRoot, "storage-root", "",
		"`directory` of a containers storage for these builds only (default: the user's)")
	flags.StringVar(&o.storageDriver, "storage-driver", "",
		"storage driver: overlay, vfs (default: what the storage configuration says, or what works here)")
}

// builder translates the flags for package builder.
func (o *buildOptions) builder(temp string) builder.Options {
	return builder.Options{StorageRoot: o.storageRoot, StorageDriver: o.storageDriver, Isolation: o.isolation,
		Network: o.network, Temp: temp}
}
