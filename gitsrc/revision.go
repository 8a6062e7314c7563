package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/treefs"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/worktree"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Revision is a tree of files that is read without being checked out.
type Revision struct {
	fs.FS            // also fs.ReadDirFS and fs.ReadFileFS; never leads outside of the tree
	Origin string    // what was asked for, for messages: directory, or address, with @COMMIT
	Commit string    // "" for a plain directory
	Time   time.Time // of the commit; zero for a plain directory

	prefetch func(directory string) error // nil where nothing is fetched
	close    func() error
}

// Prefetch gets what is missing of the files below a directory with one request. Reading fetches a directory at a time
// otherwise, which takes long where there are thousands.
func (r *Revision) Prefetch(directory string) error {
	if r.prefetch == nil {
		return nil
	}
	return r.prefetch(directory)
}

// Close must be called when the files are not needed any more.
func (r *Revision) Close() error { return r.close() }

// ReleaseTree opens a tree such as openshift/release: a directory as it is, DIR@REV for a revision of a repository on
// this machine, a bare repository for what its HEAD names, or ORG/REPO[@REF] and URL[@REF]. Of a remote repository it
// fetches the names of files first, and their content when it is read, one directory at a time; a directory stays a
// view of the files until Close.
func (s *Store) ReleaseTree(ctx context.Context, location string) (*Revision, error) {
	if info, err := os.Stat(location); err == nil && info.IsDir() {
		if repo, err := worktree.Find(location); err == nil && repo.GitDir == location {
			return localRevision(location, "HEAD")
		}
		root, err := os.OpenRoot(location)
		if err != nil {
			return nil, fmt.Errorf("opening %q: %w", location, err)
		}
		return &Revision{FS: root.FS(), Origin: location, close: root.Close}, nil
	}
	if dir, rev, ok := cutLast(location, "@"); ok {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return localRevision(dir, rev)
		}
	}
	if isDirectory(location) {
		return nil, notResolved("", "directory %q is not there", location)
	}
	spec, err := Parse(location)
	if err != nil {
		return nil, err
	}
	if spec.Kind != Fork {
		return nil, fault.Errorf(fault.Usage, "%q is neither a directory nor the address of a git repository", location)
	}
	f, err := s.resolve(ctx, Request{Spec: spec})
	if err != nil {
		return nil, err
	}
	return s.revision(ctx, f)
}

// View opens the files that Fetch would check out, without a checkout: for reading a Dockerfile, say. Of a remote
// repository it fetches what is read. A local tree is seen as it is on disk. Requests with patches cannot be viewed.
func (s *Store) View(ctx context.Context, req Request) (*Revision, Tree, error) {
	if len(req.Patches) > 0 {
		return nil, Tree{}, errors.New("a source with patches has to be checked out before it can be read")
	}
	if req.Spec.Kind == Local {
		tree, err := s.look(ctx, req)
		if err != nil {
			return nil, Tree{}, err
		}
		root, err := os.OpenRoot(tree.Directory)
		if err != nil {
			return nil, Tree{}, fmt.Errorf("opening %q: %w", tree.Directory, err)
		}
		return &Revision{FS: root.FS(), Origin: req.Spec.Path, Commit: tree.Commit, close: root.Close}, tree, nil
	}
	f, err := s.resolve(ctx, req)
	if err != nil {
		return nil, Tree{}, err
	}
	r, err := s.revision(ctx, f)
	if err != nil {
		return nil, Tree{}, err
	}
	return r, f.tree(r.Time, ""), nil
}

func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return s, "", false
}

// localRevision reads a revision straight from a repository of the user.
func localRevision(dir, rev string) (*Revision, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	repo, err := worktree.Find(abs)
	if err != nil {
		return nil, fault.New(fault.Unresolved, "", remedied(fmt.Errorf("revision %q: %w", rev, err)))
	}
	db, err := pack.Open(repo.Objects())
	if err != nil {
		return nil, err
	}
	id, err := localCommit(repo, db, rev)
	if err != nil {
		return nil, errors.Join(fault.New(fault.Unresolved, adviceForName(rev, nil),
			fmt.Errorf("revision %q of %q: %w", rev, dir, err)), db.Close())
	}
	c, err := readCommit(db, id)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("revision %q of %q: %w", rev, dir, err), db.Close())
	}
	tree := treefs.New(c.tree, c.time,
		func(id pack.ID, kind pack.Type, _ []pack.ID) ([]byte, error) { return db.Read(id, kind) })
	return &Revision{FS: tree, Origin: dir + "@" + id.String(), Commit: id.String(), Time: c.time, close: db.Close}, nil
}

// localCommit finds a commit, branch or tag in a repository on this machine.
func localCommit(repo worktree.Repository, db *pack.Database, rev string) (pack.ID, error) {
	if err := CheckRef(rev); err != nil {
		return pack.ID{}, err
	}
	if rev == "HEAD" {
		id, _, err := repo.Head()
		return id, err
	}
	if commitHex.MatchString(rev) {
		return pack.ParseID(rev)
	}
	for _, prefix := range []string{"refs/heads/", "refs/tags/", "refs/remotes/", ""} {
		id, err := repo.Ref(prefix + rev)
		if err == nil {
			return peel(db, id)
		}
		if !errors.Is(err, pack.ErrNotFound) {
			return pack.ID{}, err
		}
	}
	return pack.ID{}, errors.New("there is no such branch, tag or commit")
}

const maxTagChain = 10

// peel follows annotated tags to the commit.
func peel(db *pack.Database, id pack.ID) (pack.ID, error) {
	for range maxTagChain {
		kind, err := db.Type(id)
		if err != nil || kind == pack.Commit {
			return id, err
		}
		data, err := db.Read(id, pack.Tag)
		if err != nil {
			return pack.ID{}, err
		}
		line, _, _ := strings.Cut(string(data), "\n")
		target, ok := strings.CutPrefix(line, "object ")
		if !ok {
			return pack.ID{}, fmt.Errorf("tag %s: %w", id, pack.ErrCorrupt)
		}
		if id, err = pack.ParseID(target); err != nil {
			return pack.ID{}, err
		}
	}
	return pack.ID{}, errors.New("tags that point to tags without end")
}
