package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// newOptions are the flags of new.
type newOptions struct {
	registry  registryOptions
	oc        ocOptions
	kube      kubeOptions
	output    outputOptions
	signature signatureOptions
	assemble  payload.AssembleOptions

	fromRelease, fromStream, fromDir string
	fromImageStream                  string
	mappingFiles                     []string
	metadata, method                 string
	referenceMode                    string
	mirror                           string
	to, toDir, toFile                string
	baseTag, toSignature             string
	releaseManifest                  bool
	dryRun                           bool
	cacheDir                         string
}

func (o *newOptions) apply(flags *pflag.FlagSet) {
	flags.StringVar(&o.fromRelease, "from-release", "", "payload to start from")
	flags.StringVarP(&o.fromStream, "from-image-stream-file", "f", "",
		"image stream to start from: a `file`, or - for standard input")
	flags.StringVar(&o.fromImageStream, "from-image-stream", "", "image stream on the cluster to start from")
	flags.StringVar(&o.fromDir, "from-dir", "",
		"directory to start from: a directory of manifests per operator, and image-references beside them")
	flags.StringArrayVar(&o.mappingFiles, "mapping-file", nil, "`file` with COMPONENT=PULLSPEC pairs")
	flags.StringVar(&o.assemble.Name, "name", "",
		"name of the new payload, a semantic version (default: the old name)")
	flags.StringSliceVar(&o.assemble.Previous, "previous", nil, "versions that can upgrade to it (default: as before)")
	flags.StringSliceVar(&o.assemble.Next, "next", nil, "versions that it can upgrade to (default: as before)")
	flags.StringVar(&o.metadata, "metadata", "", "other metadata, as a JSON `object` (default: as before)")
	flags.StringVar(&o.assemble.Versions, "component-versions", "",
		"versions of the whole payload, `KEY=VERSION[,…]`, if no component declares them")
	flags.StringVar(&o.assemble.DisplayNames, "component-versions-display-names", "",
		"display names of these versions, `KEY=TEXT[,…]`")
	flags.StringVar(&o.assemble.DisplayNames, "component-version-display-names", "",
		"the same as --component-versions-display-names")
	flags.StringSliceVar(&o.assemble.Exclude, "exclude", nil, "components to leave out")
	flags.StringSliceVar(&o.assemble.Include, "include", nil, "components to keep even if no operator names them")
	flags.BoolVar(&o.assemble.AllowMissing, "allow-missing-images", false,
		"let operators name images that the payload lacks")
	flags.BoolVar(&o.assemble.SkipManifestCheck, "skip-manifest-check", false, "do not parse the manifests")
	flags.StringVar(&o.referenceMode, "reference-mode", "public",
		"pull specs to take from an image stream: public or source")
	flags.BoolVar(&o.assemble.KeepList, "keep-manifest-list", false,
		"keep a release image a manifest list if it is one")
	flags.StringVar(&o.assemble.Base, "to-image-base", "",
		"`pull spec` to build the release image on (default: as before, or a changed cluster-version-operator)")
	flags.StringVar(&o.baseTag, "to-image-base-tag", "", "the same, as a `component` of the payload")
	flags.StringVar(&o.toSignature, "to-signature", "",
		"`file` for a signable message about the pushed payload")
	flags.BoolVar(&o.releaseManifest, "release-manifest", false, "ignored: release-metadata is always written")
	flags.StringVar(&o.mirror, "mirror", "", "`repository` to copy all components to first")
	flags.StringVar(&o.to, "to-image", "", "pull spec of the new payload")
	flags.StringVar(&o.toDir, "to-dir", "", "write the manifests to this directory instead")
	flags.StringVar(&o.toFile, "to-file", "",
		"write the release layer, a gzipped tar, to this `file`; - for standard output, with the result on standard error")
	flags.BoolVar(&o.dryRun, "dry-run", false, "write nothing, only print what the digest would be")
	flags.StringVar(&o.method, "method", "", "how to assemble: delta or full (default: delta if it gives the same)")
	flags.IntVar(&o.assemble.Jobs, "jobs", 16, "images to read at once")
	applyCacheDir(flags, &o.cacheDir)
	o.oc.apply(flags)
	o.kube.apply(flags)
	o.kube.applyNamespace(flags, "of the image stream")
	o.registry.apply(flags)
	o.registry.applyPush(flags)
	o.signature.apply(flags)
	o.output.apply(flags, "text or name (the pull spec), "+structured)
	o.output.applyProgress(flags)
}

// source opens what the new payload begins with.
func (o *newOptions) source(ctx context.Context, streams Streams, client *registry.Client) (*payload.Release, error) {
	given := slices.DeleteFunc([]string{o.fromRelease, o.fromStream, o.fromImageStream, o.fromDir},
		func(s string) bool { return s == "" })
	switch {
	case len(given) > 1:
		return nil, fault.Errorf(fault.Usage,
			"only one of --from-release, --from-image-stream, --from-image-stream-file and --from-dir may be given")
	case o.fromRelease != "":
		release, err := o.oc.open(ctx, client, o.fromRelease)
		if err != nil {
			return nil, err
		}
		_, err = o.signature.verify(ctx, streams, release)
		return release, err
	case o.fromStream != "" || o.fromImageStream != "":
		data, err := o.stream(ctx, streams)
		if err != nil {
			return nil, err
		}
		if err := oneOf("reference-mode", o.referenceMode, "public", "source"); err != nil {
			return nil, err
		}
		return payload.FromStream(data, payload.ReferenceMode(o.referenceMode))
	case o.fromDir != "":
		root, err := os.OpenRoot(o.fromDir)
		if err != nil {
			return nil, fault.New(fault.Usage, "", fmt.Errorf("opening --from-dir: %w", err))
		}
		defer root.Close()
		return payload.FromDirectory(root.FS())
	}
	return payload.FromNothing(), nil
}

// stream reads the image stream, from a file or the cluster.
func (o *newOptions) stream(ctx context.Context, streams Streams) ([]byte, error) {
	if o.fromStream != "" {
		return readInput(streams, o.fromStream)
	}
	if strings.ContainsAny(o.fromImageStream, "/?#%") {
		return nil, fault.Errorf(fault.Usage, "--from-image-stream %q is not the name of an image stream",
			o.fromImageStream)
	}
	c, err := o.kube.connect()
	if err != nil {
		return nil, fmt.Errorf("--from-image-stream: %w", err)
	}
	var stream json.RawMessage
	path := "apis/image.openshift.io/v1/namespaces/" + url.PathEscape(c.Namespace) +
		"/imagestreams/" + o.fromImageStream
	err = c.Get(ctx, path, &stream)
	return stream, err
}

// maxInput is the largest file that is read whole, in bytes.
const maxInput = 32 << 20

func readInput(streams Streams, name string) ([]byte, error) {
	data, err := []byte(nil), error(nil)
	if name == "-" {
		data, err = regular.All(streams.In, "standard input", maxInput)
	} else {
		data, err = regular.Read(name, maxInput)
	}
	if err != nil {
		return nil, fault.New(fault.Usage, "", fmt.Errorf("reading the input: %w", err))
	}
	return data, nil
}

// changes reads mappings from files and arguments.
func (o *newOptions) changes(args []string) ([]payload.Change, error) {
	var all []payload.Change
	for _, name := range o.mappingFiles {
		data, err := regular.Read(name, maxInput)
		if err != nil {
			return nil, fault.New(fault.Usage, "", fmt.Errorf("reading --mapping-file: %w", err))
		}
		changes, err := payload.ParseMappings(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("mapping file %q: %w", name, err)
		}
		all = append(all, changes...)
	}
	for _, arg := range args {
		change, err := payload.ParseMapping(arg)
		if err != nil {
			return nil, err
		}
		all = append(all, change)
	}
	if len(all) == 0 && o.fromRelease == "" && o.fromStream == "" && o.fromImageStream == "" && o.fromDir == "" {
		return nil, fault.New(fault.Usage, "Name images as COMPONENT=PULLSPEC, or begin with --from-release.",
			errors.New("must specify image mappings when no other source is defined"))
	}
	return all, nil
}
