package gitsrc

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/giturl"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Request asks for the source of one component.
type Request struct {
	Repository  string   // source location that the payload records; may be empty for Fork and Local
	Commit      string   // commit that the payload records; needed for Payload only
	Branch      string   // branch that the checkout is put on, CI's base ref; "" = the branch that Spec names, else main
	Spec        Spec     // what to take instead of the payload's commit; the zero value is the payload's commit
	Patches     []string // patch files to apply on top, in order
	FullHistory bool     // the whole history and all tags, not the one commit
	Tags        bool     // fetch what `git describe --tags` needs; implied by FullHistory
}

// Event is one piece of progress.
type Event struct {
	Repository string // address as the user knows it
	Message    string // what happens now, for a person; no control characters
	Bytes      int64  // bytes received so far, of the step that Message names; 0 = unknown
}

// Options of a Store. The zero value is usable.
type Options struct {
	Progress func(Event) // called from several goroutines; nil = silent
}

// Store keeps one bare repository per upstream below a directory, so that a commit is fetched once.
type Store struct {
	dir     string
	options Options
}

// Open opens the cache in dir, or in the user's cache directory if dir is empty, and makes it where it is missing.
func Open(dir string, o Options) (*Store, error) {
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("finding the user's cache directory: %w", err)
		}
		dir = filepath.Join(base, "oc-rebuild", "git")
	}
	if o.Progress == nil {
		o.Progress = func(Event) {}
	}
	return &Store{dir: dir, options: o}, nil
}

// Fetch brings the source to dest, which must not exist or be an empty directory. A local tree without patches stays where it is:
// Tree.Directory tells. Unresolvable input has the class fault.Unresolved, refused credentials fault.Unauthorized.
func (s *Store) Fetch(ctx context.Context, req Request, dest string) (Tree, error) {
	address, err := giturl.ParsePayload(req.Repository)
	if err != nil {
		return Tree{}, fault.New(fault.Unresolved, "", err)
	}
	if err := CheckCommit(req.Commit); err != nil {
		return Tree{}, fault.New(fault.Unresolved, "", err)
	}
	branch := req.Branch
	if branch == "" {
		branch = "main"
	}
	repo, err := git.PlainInit(dest, false)
	if err != nil {
		return Tree{}, fmt.Errorf("making %q: %w", dest, err)
	}
	remote, err := repo.CreateRemoteAnonymous(&config.RemoteConfig{Name: "anonymous", URLs: []string{address.String()}})
	if err != nil {
		return Tree{}, fmt.Errorf("fetching %s: %w", address, err)
	}
	spec := config.RefSpec(req.Commit + ":refs/heads/" + branch)
	if err := remote.FetchContext(ctx, &git.FetchOptions{Depth: 1, RefSpecs: []config.RefSpec{spec}, Tags: git.NoTags}); err != nil {
		return Tree{}, fmt.Errorf("fetching %s of %s: %w", req.Commit, address, err)
	}
	work, err := repo.Worktree()
	if err != nil {
		return Tree{}, err
	}
	if err := work.Checkout(&git.CheckoutOptions{Branch: plumbing.NewBranchReferenceName(branch)}); err != nil {
		return Tree{}, fmt.Errorf("checking out %s: %w", req.Commit, err)
	}
	commit, err := repo.CommitObject(plumbing.NewHash(req.Commit))
	if err != nil {
		return Tree{}, fmt.Errorf("reading %s: %w", req.Commit, err)
	}
	return Tree{Kind: Payload, Repository: address.Web(), Commit: req.Commit, Ref: branch, Time: commit.Committer.When.UTC(), Directory: dest}, nil
}
