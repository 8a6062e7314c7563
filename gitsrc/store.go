package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/checkout"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/gitconfig"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/remote"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/flock"
)

// Event is one piece of progress.
type Event struct {
	Repository string // address as the user knows it
	Message    string // what happens now, for a person; no control characters
	Bytes      int64  // bytes received so far, of the step that Message names; 0 = unknown
}

type listenerKey struct{}

// WithProgress returns a context with which a Store tells f what it does for a call, in place of Options.Progress.
func WithProgress(ctx context.Context, f func(Event)) context.Context {
	return context.WithValue(ctx, listenerKey{}, f)
}

// tell passes on an event to whoever listens.
func (s *Store) tell(ctx context.Context, event Event) {
	if f, ok := ctx.Value(listenerKey{}).(func(Event)); ok {
		f(event)
		return
	}
	s.progress(event)
}

// Options of a Store. The zero value is usable.
type Options struct {
	Progress func(Event)         // called from several goroutines; nil = silent
	Getenv   func(string) string // nil = os.Getenv; finds git configuration, tokens and the home directory
	Limits   *Limits             // nil = DefaultLimits
	Ignored  bool                // what git ignores belongs to a local tree as other files do
}

// Limits of what a server may send.
type Limits struct {
	Server remote.Limits
	Pack   pack.Limits
	Tree   checkout.Limits
}

// DefaultLimits lets through every repository that a release payload is made of.
func DefaultLimits() Limits {
	return Limits{remote.DefaultLimits(), pack.DefaultLimits(), checkout.DefaultLimits()}
}

// Times returns limits that are n times as large, for a repository that is larger than any that was thought of.
func (l Limits) Times(n int) Limits {
	m := int64(n)
	l.Server.Total *= time.Duration(n)
	l.Server.RefBytes *= m
	l.Server.AnswerBytes *= m
	l.Pack.PackBytes *= m
	l.Pack.ObjectBytes *= m
	l.Pack.Objects *= m
	l.Pack.DeltaMemory *= m
	l.Tree.Files *= n
	l.Tree.Depth *= n
	l.Tree.Bytes *= m
	return l
}

// raisable says how to go on where a source is larger than the limits.
func raisable(err error) error {
	var large *pack.LimitError
	if !errors.As(err, &large) {
		return err
	}
	return fault.New(fault.Unresolved,
		"Pass --source-limits 4, say, if you trust whoever wrote it: that lets sources be 4 times as large.", err)
}

// ScratchPrefix begins the name of a temporary cache in $TMPDIR, which Store.Close removes.
const ScratchPrefix = "oc-rebuild-git-"

// Store keeps one bare repository per upstream below a directory, so that a commit is fetched once. Any number of
// processes may use one directory. What is read from it is checked, so that a damaged or poisoned cache is noticed
// and fetched again.
type Store struct {
	dir       string
	temporary *flock.Lock // on a cache for this run alone; nil where it outlives the run
	progress  func(Event)
	getenv    func(string) string
	config    *gitconfig.Config
	limits    Limits
	ignored   bool

	mu       sync.Mutex
	resolved map[asked]found
}

// Open opens the cache in dir, or in the user's cache directory if dir is empty, and makes it where it is missing.
// The directory must belong to the user alone. Where the user's cache directory cannot be written, a temporary one is
// taken; Close removes it.
func Open(dir string, o Options) (*Store, error) {
	s := &Store{dir: dir, progress: o.Progress, getenv: o.Getenv, limits: DefaultLimits(), ignored: o.Ignored,
		resolved: map[asked]found{}}
	if s.progress == nil {
		s.progress = func(Event) {}
	}
	if s.getenv == nil {
		s.getenv = os.Getenv
	}
	if o.Limits != nil {
		s.limits = *o.Limits
	}
	var err error
	if s.config, err = gitconfig.Load(s.getenv); err != nil {
		return nil, err
	}
	if dir != "" {
		return s, private(dir)
	}
	base, err := os.UserCacheDir()
	if err == nil {
		s.dir = filepath.Join(base, "oc-rebuild", "git")
		err = private(s.dir)
	}
	if err == nil {
		return s, nil
	}
	if errors.Is(err, errNotPrivate) {
		return nil, err
	}
	if s.dir, s.temporary, err = flock.MakeHeld(os.TempDir(), ScratchPrefix); err != nil {
		return nil, fmt.Errorf("making a source cache: %w", err)
	}
	s.progress(Event{Message: "the user's cache directory cannot be written: sources are kept for this run only"})
	return s, nil
}

// Close removes the cache if it was a temporary one.
func (s *Store) Close() error {
	if s.temporary != nil {
		return errors.Join(os.RemoveAll(s.dir), s.temporary.Release())
	}
	return nil
}

var errNotPrivate = errors.New("belongs to somebody else")

// private makes a directory that nobody else can read or write, and refuses one that somebody else has prepared.
func private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the source cache: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("opening the source cache: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("source cache %q: %w", dir, errNotPrivate)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return fmt.Errorf("opening the source cache: %w", err)
		}
	}
	// A directory that can be seen may still not be writable: a read-only home.
	probe, err := os.CreateTemp(dir, pack.TemporaryPrefix)
	if err != nil {
		return fmt.Errorf("opening the source cache: %w", err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}
