package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/remote"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/treefs"
	"github.com/oc-rebuild/oc-rebuild/internal/flock"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
)

// lazy reads the objects of a commit from the cache, and fetches what is missing.
type lazy struct {
	store *Store
	found found
	ctx   context.Context // of ReleaseTree: fs.FS has no place for one

	mu     sync.Mutex
	closed bool
	db     *pack.Database // nil until it is needed again
}

func (s *Store) revision(ctx context.Context, f found) (*Revision, error) {
	l := &lazy{store: s, found: f, ctx: ctx}
	data, err := l.read(f.commit, pack.Commit, nil)
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	c, err := parseCommit(data)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("commit %s: %w", f.commit, err), l.close())
	}
	origin := f.address.Web() + "@" + f.commit.String()
	files := treefs.New(c.tree, c.time, l.read)
	prefetch := func(directory string) error {
		ids, err := files.Files(directory)
		if err != nil {
			return err
		}
		return l.prefetch(ids)
	}
	return &Revision{FS: files, Origin: origin, Commit: f.commit.String(), Time: c.time, prefetch: prefetch,
		close: l.close}, nil
}

// open opens the cache with the directories of the commit, or with all its files where the server cannot leave files
// out. It does not keep the lock: whoever looks at a tree must not keep others from adding to the cache, least of all
// himself.
func (l *lazy) open() error {
	if l.db != nil {
		return nil
	}
	err := l.openLevel(levelNames)
	if err == nil || !worthAsking(l.ctx, err) {
		return err
	}
	return l.openLevel(levelTree)
}

func (l *lazy) openLevel(want level) error {
	db, shared, err := l.store.database(l.ctx, l.found, want)
	if err != nil {
		return err
	}
	shared.release()
	l.db = db
	return nil
}

func (l *lazy) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	return l.drop()
}

func (l *lazy) drop() error {
	if l.db == nil {
		return nil
	}
	db := l.db
	l.db = nil
	return db.Close()
}

// use calls f, which uses the cache. If the cache turns out to be damaged, it is thrown away, and f is called again,
// which fetches what it needs.
func (l *lazy) use(f func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return fs.ErrClosed
	}
	err := f()
	if !errors.Is(err, errDamaged) {
		return err
	}
	if err := errors.Join(l.drop(), l.store.repair(l.ctx, l.found.address, err)); err != nil {
		return err
	}
	return f()
}

// read returns an object.
func (l *lazy) read(id pack.ID, kind pack.Type, neighbours []pack.ID) (data []byte, err error) {
	err = l.use(func() error {
		data, err = l.load(id, kind, neighbours)
		return err
	})
	return data, err
}

// maxTogether is how many files of one directory are fetched at a time.
const maxTogether = 2000

// load returns an object. A file that is missing is fetched together with its neighbours, which are likely to be read
// next.
func (l *lazy) load(id pack.ID, kind pack.Type, neighbours []pack.ID) ([]byte, error) {
	if err := l.open(); err != nil {
		return nil, err
	}
	data, err := l.db.Read(id, kind)
	if kind != pack.Blob || !errors.Is(err, pack.ErrNotFound) {
		return data, inCache(err)
	}
	if err := l.fetch(append([]pack.ID{id}, neighbours[:min(len(neighbours), maxTogether)]...)); err != nil {
		return nil, err
	}
	if err := l.open(); err != nil {
		return nil, err
	}
	return l.db.Read(id, kind)
}

// prefetch fetches what is missing of files that will be read, with one request.
func (l *lazy) prefetch(ids []pack.ID) error {
	return l.use(func() error {
		if err := l.open(); err != nil {
			return err
		}
		return l.fetch(ids)
	})
}

// fetch fetches those objects that are missing in the open cache, which has to be opened again if there were any.
func (l *lazy) fetch(ids []pack.ID) error {
	var missing []pack.ID
	seen := map[pack.ID]bool{}
	for _, id := range ids {
		if ok, err := l.db.Has(id); err == nil && !ok && !seen[id] {
			missing = append(missing, id)
		}
		seen[id] = true
	}
	if len(missing) == 0 {
		return nil
	}
	return errors.Join(l.store.fetchObjects(l.ctx, l.found.address, missing), l.drop())
}

// fetchObjects adds single objects to the cache.
func (s *Store) fetchObjects(ctx context.Context, address giturl.URL, ids []pack.ID) error {
	repo := s.repository(address)
	exclusive, err := acquire(ctx, repo.lockPath(), flock.Exclusive, s.waiting(ctx, address))
	if err != nil {
		return err
	}
	defer exclusive.release()
	if err := repo.prepare(); err != nil {
		return fmt.Errorf("preparing the source cache: %w", err)
	}
	o, err := s.obtainer(repo)
	if err != nil {
		return err
	}
	o.tell(ctx, "fetching %d files", len(ids))
	if err := o.fetch(ctx, remote.Want{IDs: ids}, map[pack.ID]bool{}); err != nil {
		return fmt.Errorf("fetching files of %s: %w", address.Web(), err)
	}
	return nil
}
