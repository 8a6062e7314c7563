package image

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
	"github.com/oc-rebuild/oc-rebuild/rebuild/osimage"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
	"github.com/oc-rebuild/oc-rebuild/rebuild/source"
)

// Maker makes the image of a unit.
type Maker interface {
	Make(ctx context.Context, unit Unit) (Image, error)
}

// Unit is an image of a plan that is to be made.
type Unit struct {
	plan.Component
	Needs map[string]Need // the images of the same plan that it is built on, by name

	// What makers find out for those inside them.
	tree gitsrc.Tree      // the source; without a directory where that is not needed yet
	os   osimage.Recipe   // of an operating system image
	file *dockerfile.File // with every base by digest, or by ID in local storage
	key  string           // of everything that decides the bytes of the image
	// of what decides its bytes in local storage: images of several keys may be one there
	localKey string
	unshared bool                  // what others made of the same has lost a layer
	images   []builder.Image       // of Bases
	local    map[string]localImage // by pull spec
	used     map[string]Image      // those of Needs that are only used, once they are made
	build    builder.Build         // what buildah is to do
}

// Need is an image that another one is built on.
type Need struct {
	Unit  Unit
	Image Image
}

// Options are what images are made with.
type Options struct {
	Reading  *registry.Client // for bases
	Pushing  *registry.Client // for what is pushed; may be Reading
	Sources  *source.Keeper
	Build    builder.Options // Temp, SystemContext and Source are set here
	Scratch  string          // for what does not outlive the run
	CacheDir string          // for what does: build records, blobs, compile caches, logs
	NoCache  bool            // use nothing of an earlier run
	Results  string          // repository where others find what was built, and where it is looked for; "" = nowhere
	Jobs     int             // images made at once; 0 = by the number of processors
	Secrets  []string        // as builder.Build.Secrets
	Report   *progress.Reporter

	// how long the beginning of a stage takes, at the least, that is kept for later builds; 0 = 3 s
	KeepStagesAfter time.Duration
	// how many files a working tree has, at the least, of which a copy is kept in a stage; 0 = 1000
	KeepTreesOf int
	Compression string // of the layers that builds add: Gzip or Zstd; "" = Gzip
}

// shop is what all makers of a chain work in.
type shop struct {
	Options
	storage  storage
	compiled atomic.Bool // a build had compile caches
	made     atomic.Bool // an image was asked for
	silent   atomic.Bool // the repository of results keeps runs waiting
	sent     sync.Map    // pull specs of what was pushed: who may push may read it, and maybe nobody else
}

// Chain is the maker of a run: all makers, one around the other.
type Chain struct {
	Maker
	shop *shop
}

// NewChain puts makers together. Close it.
func NewChain(options Options) *Chain {
	options.Build.Temp, options.Build.SystemContext = options.Scratch, options.Reading.SystemContext()
	s := &shop{Options: options}
	s.Build.Source = s.source
	var m Maker = built{s}
	if !options.NoCache {
		m = compileCaches{s, keptStages{s, m}}
	}
	inside := &prepared{shop: s, next: m}
	m = alone{s, recording{s, inside}}
	if !options.NoCache { // asked twice: before the storage is opened, and after another run that made the same
		m = remembered{s, shared{s, alone{s, remembered{s, recording{s, inside}}}}}
	}
	return &Chain{named{pushed{s, keyed{s, later{s, m}}}}, s}
}

// source reads an image with the account that sees it.
func (s *shop) source(name string) (types.ImageReference, error) {
	if _, ok := s.sent.Load(name); ok {
		return s.Pushing.SourceReference(name)
	}
	return s.Reading.SourceReference(name)
}

// maxCompile is how much all compile caches together may take, in bytes: those of an operator have about one GB.
const maxCompile = 20 << 30

// Make implements Maker.
func (c *Chain) Make(ctx context.Context, u Unit) (Image, error) {
	c.shop.made.Store(true)
	return c.Maker.Make(ctx, u)
}

// Close closes the storage.
func (c *Chain) Close() error { return c.shop.close() }

// Trim keeps the compile caches from growing without end, after something was compiled.
func (c *Chain) Trim() error {
	if !c.shop.compiled.Load() {
		return nil
	}
	return cache.Trim(c.shop.CacheDir, cache.Compile, maxCompile)
}

// Slots is how many images should be made at once. Compilers use all processors by themselves, so two builds on a small
// machine only wait for each other.
func (c *Chain) Slots() int {
	if jobs := c.shop.Jobs; jobs > 0 {
		return jobs
	}
	return min(max(runtime.GOMAXPROCS(0)/4, 1), 8)
}

// IsRemembered reports whether an earlier run made an image of what a request for source names.
func (c *Chain) IsRemembered(request gitsrc.Request) bool {
	return !c.shop.NoCache && c.shop.isMarked(request)
}

// cached returns a path in the cache.
func (s *shop) cached(elements ...string) string {
	return filepath.Join(append([]string{s.CacheDir}, elements...)...)
}

// platform is what images are built for, in keys, as os/arch/variant.
func (s *shop) platform() string {
	p := s.Reading.Platform()
	return strings.Join([]string{p.OS, p.Architecture, p.Variant}, "/")
}

// named says of an error to which image it belongs. That of a failed step names it already.
type named struct{ next Maker }

func (m named) Make(ctx context.Context, u Unit) (Image, error) {
	image, err := m.next.Make(ctx, u)
	if err != nil && fault.KindOf(err) != fault.Build {
		err = fmt.Errorf("%s %q: %w", u.Noun(), u.Name, err)
	}
	return image, err
}

// alone waits for other runs that make the same image in the same storage.
type alone struct {
	*shop
	next Maker
}

func (m alone) Make(ctx context.Context, u Unit) (Image, error) {
	b, err := m.open(ctx)
	if err != nil {
		return Image{}, err
	}
	release, err := b.Alone(ctx, u.localKey)
	if err != nil {
		return Image{}, err
	}
	defer release()
	return m.next.Make(ctx, u)
}

// built hands a build to buildah.
type built struct{ *shop }

func (m built) Make(ctx context.Context, u Unit) (Image, error) {
	b, err := m.open(ctx)
	if err != nil {
		return Image{}, err
	}
	local, err := b.Build(ctx, u.build)
	return Image{local: local}, err
}
