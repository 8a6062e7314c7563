package builder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"go.podman.io/buildah/define"
	"go.podman.io/buildah/imagebuildah"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Build is one image to build.
type Build struct {
	Name     string            // the component, for messages
	Context  string            // directory that COPY and ADD read; never written to
	Contexts map[string]string // directories that COPY --from= has by name
	// slash-separated paths in Context that they do not see, besides those of .dockerignore
	Hidden     []string
	Whole      bool              // they see what .dockerignore names as well
	Dockerfile []byte            // after every substitution; bases are pull specs by digest or image IDs
	Args       map[string]string // build arguments
	Labels     map[string]string // labels of the final image; they win over the Dockerfile's
	// of the image, its history and every file of its new layer: the commit's time, so that a rebuild is identical
	Timestamp time.Time
	Caches    []Cache   // directories that outlive the build
	Secrets   []string  // id=…,src=… as buildah takes them, from the command line alone
	Log       io.Writer // output of the steps
}

// Cache is a directory of this machine that RUN steps see at Target and may fill. Nothing of it enters a layer.
type Cache struct {
	Name      string // unique within one build; letters, digits and dashes
	Directory string
	Target    string
}

// Build builds an image and returns it. A failing step is a fault.Build.
func (b *Builder) Build(ctx context.Context, build Build) (Image, error) {
	scratch, err := os.MkdirTemp(b.options.Temp, "build-")
	if err != nil {
		return Image{}, fmt.Errorf("making a scratch directory: %w", err)
	}
	defer os.RemoveAll(scratch)
	dockerfile := filepath.Join(scratch, "Dockerfile") // a fixed name: buildah runs cpp over names that end in .in
	if err := os.WriteFile(dockerfile, build.Dockerfile, 0o600); err != nil {
		return Image{}, fmt.Errorf("writing the Dockerfile: %w", err)
	}
	// which separate the options of the overlay that buildah mounts on it
	if strings.ContainsAny(build.Context, `,:\`) {
		plain := filepath.Join(scratch, "context")
		if err := os.Symlink(build.Context, plain); err != nil {
			return Image{}, fmt.Errorf("making a scratch directory: %w", err)
		}
		build.Context = plain
	}
	options, err := b.buildOptions(build)
	if err != nil {
		return Image{}, err
	}
	if options.Runtime != "" {
		if options.Runtime, err = makeRuntime(scratch, options.Runtime); err != nil {
			return Image{}, err
		}
	}
	store := b.store.until(ctx)
	if store.overlayProgram, err = makeOverlayProgram(scratch); err != nil {
		return Image{}, err
	}
	defer killChildrenWhenDone(ctx)()
	id, _, err := imagebuildah.BuildDockerfiles(steadily(ctx, build.Dockerfile), store, options, dockerfile)
	if ctx.Err() != nil {
		if id != "" { // the build won the race: nobody will ask for its image
			err = b.Remove(id)
		}
		return Image{}, fmt.Errorf("building %q: %w", build.Name, errors.Join(context.Cause(ctx), err))
	}
	if err := explainOverlay(scratch, err); err != nil {
		return Image{}, fault.New(fault.Build, cmp.Or(fault.AdviceOf(err), AdviceForOne()),
			fmt.Errorf("building %q: %w", build.Name, b.withSpace(err)))
	}
	return b.Image(ctx, id)
}

// buildOptions are openshift/builder's choices (docker v2s2, no layers, all stages, host network), plus what makes
// the result reproducible and keeps the host's secrets out.
func (b *Builder) buildOptions(build Build) (define.BuildOptions, error) {
	limits, err := ulimits()
	if err != nil {
		return define.BuildOptions{}, err
	}
	one := 1 // stages one after another: concurrent stages were a way out of the container (CVE-2024-11218)
	excludes, err := excludes(build)
	if err != nil {
		return define.BuildOptions{}, err
	}
	options := define.BuildOptions{
		ContextDirectory: build.Context,
		Excludes:         excludes,
		IgnoreFile:       build.ignoreFile(),
		PullPolicy:       define.PullNever, // what the plan knows was pulled before; a build names nothing else
		Isolation:        b.isolation.Kind,
		Runtime:          b.isolation.Runtime,
		// /run is not ours in a user namespace
		RuntimeArgs:             []string{"--root", filepath.Join(b.options.Temp, "runtime")},
		Args:                    build.Args,
		In:                      strings.NewReader(""),
		Out:                     build.Log,
		Err:                     build.Log,
		ReportWriter:            build.Log,
		OutputFormat:            define.Dockerv2ImageManifest,
		SystemContext:           b.options.SystemContext,
		ConfigureNetwork:        define.NetworkDefault,
		NetworkInterface:        noNetwork{},
		NamespaceOptions:        b.namespaces(),
		Labels:                  labelList(build.Labels),
		Layers:                  false,
		NoCache:                 true,
		SkipUnusedStages:        types.OptionalBoolFalse,
		RemoveIntermediateCtrs:  true,
		ForceRmIntermediateCtrs: true,
		Jobs:                    &one,
		DefaultMountsFilePath:   os.DevNull, // mounts.conf hands the host's entitlements to every container
		MaxPullPushRetries:      3,
		PullPushRetryDelay:      time.Second,
		CommonBuildOpts: &define.CommonBuildOptions{
			HTTPProxy:     proxyIsPublic(os.Environ()),
			IdentityLabel: types.OptionalBoolFalse, // io.buildah.version would change the digest with the library
			ShmSize:       "64m",
			Ulimit:        limits,
			Secrets:       build.Secrets,
		},
	}
	if b.options.Network == "none" {
		options.ConfigureNetwork = define.NetworkDisabled
	}
	if !build.Timestamp.IsZero() {
		timestamp := build.Timestamp.UTC()
		options.Timestamp = &timestamp
	}
	for name, directory := range build.Contexts {
		addContext(&options, name, directory)
	}
	if err := addCaches(&options, build.Caches); err != nil {
		return define.BuildOptions{}, err
	}
	return options, nil
}

// addCaches mounts each cache into every RUN: as a build context of its own whose writes stay, which keeps it out of
// layers and lets us choose where it lives. Where SELinux is enforced, z lets the steps of all builds write to it.
func addCaches(options *define.BuildOptions, caches []Cache) error {
	for _, cache := range caches {
		if err := os.MkdirAll(cache.Directory, 0o700); err != nil {
			return fmt.Errorf("creating the %s cache: %w", cache.Name, err)
		}
		addContext(options, cache.Name, cache.Directory)
		options.TransientRunMounts = append(options.TransientRunMounts,
			fmt.Sprintf("type=cache,from=%s,target=%s,sharing=shared,z", cache.Name, cache.Target))
	}
	return nil
}

func addContext(options *define.BuildOptions, name, directory string) {
	if options.AdditionalBuildContexts == nil {
		options.AdditionalBuildContexts = map[string]*define.AdditionalBuildContext{}
	}
	options.AdditionalBuildContexts[name] = &define.AdditionalBuildContext{Value: directory}
}

// namespaces gives RUN the host's network, as CI does, or none. Chroot isolation has no say in it.
func (b *Builder) namespaces() define.NamespaceOptions {
	if b.isolation.Kind == define.IsolationChroot {
		return nil
	}
	return define.NamespaceOptions{{Name: string(specs.NetworkNamespace), Host: b.options.Network != "none"}}
}

// labelList returns labels as NAME=VALUE in a stable order.
func labelList(labels map[string]string) []string {
	list := make([]string, 0, len(labels))
	for name, value := range labels {
		list = append(list, name+"="+value)
	}
	sort.Strings(list)
	return list
}

// proxyIsPublic reports whether the proxy settings of env can be shown to RUN, as CI does: not where one carries a
// password.
func proxyIsPublic(env []string) bool {
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasSuffix(strings.ToLower(name), "_proxy") && strings.Contains(value, "@") {
			return false
		}
	}
	return true
}

// ErrNotFound says that local storage does not have an image.
var ErrNotFound = errors.New("no such image in local storage")
