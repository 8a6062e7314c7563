package rebuild

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
	"github.com/oc-rebuild/oc-rebuild/rebuild/source"
)

// Options are what a job works with.
type Options struct {
	Reading *registry.Client // for payloads and bases
	Pushing *registry.Client // for what is pushed; may be Reading
	Sources source.Store
	Configs plan.Configs
	// BuildData are a second opinion on how components are built; nil = none.
	BuildData plan.BuildData
	Build     builder.Options // Temp, SystemContext and Source are the job's own business
	CacheDir  string          // what outlives a run: build records, blobs, compile caches, logs
	NoCache   bool            // use nothing of an earlier run
	Results   string          // repository where others find what was built, and where it is looked for; "" = nowhere
	// pull spec by digest of the plan that is carried out, for the working trees that it comes with; "" = it is in no
	// registry
	Artifact  string
	Jobs      int      // components built at once; 0 = by the number of processors
	Lane      bool     // the images are part of a payload that is a manifest list: see Lanes
	KeepGoing bool     // components that fail stay in the payload as they were; the others are replaced
	Secrets   []string // as builder.Build.Secrets

	// how long the beginning of a stage takes, at the least, that is kept for later builds; 0 = 3 s
	KeepStagesAfter time.Duration

	KeepTreesOf int // how many files a working tree has, at the least, of which a copy is kept in a stage; 0 = 1000

	// Trust is asked whether the payload may be used, before anything but its own description is read; nil = any may.
	Trust func(context.Context, *payload.Release) error

	Compression string // of the layers that builds add: image.Gzip or image.Zstd; "" = image.Gzip
	Progress    progress.Listener
}

// validate refuses settings that no build could use, before anything is read.
func (o Options) validate() error {
	if o.Jobs < 0 {
		return fault.Errorf(fault.Usage,
			"--jobs %d: want a number of components, or 0 for as many as this machine can build at once", o.Jobs)
	}
	if o.Results != "" {
		if err := registry.CheckRepository(o.Results); err != nil {
			return fmt.Errorf("--results: %w", err)
		}
	}
	if err := builder.CheckSecrets(o.Secrets); err != nil {
		return err
	}
	for _, mounted := range []struct{ what, directory string }{
		{"the cache", o.CacheDir}, {"the storage root", o.Build.StorageRoot},
		{"the directory of temporary files", os.TempDir()},
	} {
		if err := mountable(mounted.what, mounted.directory); err != nil {
			return err
		}
	}
	return o.Build.Validate()
}

// mountable refuses a directory that overlay mounts cannot name: an option of mount(2) ends at a comma.
func mountable(what, directory string) error {
	path, err := filepath.Abs(directory)
	if err == nil && directory != "" && strings.Contains(path, ",") {
		err = fault.New(fault.Usage, "Name another one with TMPDIR, --storage-root or --cache-dir.",
			fmt.Errorf("%s, %q, cannot be mounted from: its name has a comma", what, path))
	}
	return err
}
