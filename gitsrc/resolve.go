package gitsrc

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/remote"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
	"github.com/oc-rebuild/oc-rebuild/internal/near"
)

// asked is what a request says about which commit it means.
type asked struct{ repository, commit, branch, source string }

// resolve finds the repository and the commit that a request means. It asks the server where a name has to be looked
// up, once: a branch that moves meanwhile means what it meant at first, as long as the store is open.
func (s *Store) resolve(ctx context.Context, req Request) (found, error) {
	key := asked{req.Repository, req.Commit, req.Branch, req.Spec.String()}
	s.mu.Lock()
	f, ok := s.resolved[key]
	s.mu.Unlock()
	if ok {
		return f, nil
	}
	f, err := s.resolveNow(ctx, req)
	if err != nil {
		return found{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first, ok := s.resolved[key]; ok {
		return first, nil // another goroutine was faster
	}
	s.resolved[key] = f
	return f, nil
}

func (s *Store) resolveNow(ctx context.Context, req Request) (found, error) {
	f := found{kind: req.Spec.Kind, branch: req.Branch}
	if f.kind == "" {
		f.kind = Payload
	}
	var err error
	if f.kind == Fork {
		f.address, err = giturl.Parse(req.Spec.Repository)
	} else {
		f.address, err = upstream(req.Repository)
	}
	if err != nil {
		return found{}, fault.New(fault.Unresolved, "", err)
	}
	if req.Branch != "" {
		if err := checkBranch(req.Branch); err != nil {
			return found{}, fault.New(fault.Unresolved, "", err)
		}
		f.look = append(f.look, req.Branch)
	}
	name := req.Spec.Ref
	if f.kind == Payload {
		if name = req.Commit; CheckCommit(name) != nil {
			return found{}, fault.New(fault.Unresolved, "name the source yourself: COMPONENT=@COMMIT",
				CheckCommit(name))
		}
	} else if name != "" {
		if err := CheckRef(name); err != nil {
			return found{}, fault.New(fault.Unresolved, "", err)
		}
	}
	if f.kind == Merge {
		if err := s.resolveMerge(ctx, req.Spec, &f); err != nil {
			return found{}, err
		}
	} else if commitHex.MatchString(name) {
		if f.commit, err = pack.ParseID(name); err != nil {
			return found{}, notResolved("", "commit %q: repositories with SHA-256 ids are not supported", name)
		}
	} else if err := s.lookUp(ctx, req.Spec, &f); err != nil {
		return found{}, err
	}
	if f.branch == "" {
		f.branch = defaultBranch
	}
	return f, nil
}

// upstream reads the source location of a payload. Images that were built before an embargo ended name the private
// twin of their repository; the commit is in the public one since.
func upstream(location string) (giturl.URL, error) {
	u, err := giturl.ParsePayload(location)
	if err != nil {
		return giturl.URL{}, err
	}
	if rest, ok := strings.CutPrefix(u.Path, "/openshift-priv/"); ok && u.Host == "github.com" {
		u.Path = "/openshift/" + rest
	}
	return u, nil
}

func checkBranch(name string) error {
	if err := CheckRef(name); err != nil {
		return err
	}
	if commitHex.MatchString(name) || name == "HEAD" {
		return fmt.Errorf("branch %q: not a name of a branch", name)
	}
	return nil
}

// lookUp asks the server which commit a branch, tag or pull request is.
func (s *Store) lookUp(ctx context.Context, spec Spec, f *found) error {
	refs, err := s.refs(ctx, spec, f)
	if err != nil {
		return err
	}
	if spec.Kind == Pull {
		return s.pullRequest(ctx, refs, spec, f)
	}
	name := spec.Ref
	if name == "" || name == "HEAD" {
		if name = refs.Head; name == "" {
			return headCommit(refs, f)
		}
	}
	f.commit, err = f.named(refs, name)
	return err
}

// refs asks the server for its branches, tags and pull requests.
func (s *Store) refs(ctx context.Context, spec Spec, f *found) (*remote.Refs, error) {
	r, err := s.remote(f.address)
	if err != nil {
		return nil, err
	}
	refs, err := r.Refs(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking up %s of %s: %w", spec, f.address.Web(), err)
	}
	return refs, nil
}

// named finds the commit of a branch, a tag, or the full name of a ref, and notes which of them it is.
func (f *found) named(refs *remote.Refs, name string) (pack.ID, error) {
	for _, prefix := range []string{"refs/heads/", "refs/tags/", ""} {
		full := prefix + name
		if prefix == "" && !strings.HasPrefix(name, "refs/") {
			continue
		}
		id, ok := refs.Commit(full)
		if !ok {
			continue
		}
		if branch, ok := strings.CutPrefix(full, "refs/heads/"); ok {
			f.look = append(f.look, branch)
			if f.branch == "" {
				f.branch = branch
			}
		}
		if tag, ok := strings.CutPrefix(full, "refs/tags/"); ok {
			f.tag = tag
		}
		return id, nil
	}
	return pack.ID{}, notResolved(adviceForName(name, branchesAndTags(refs)), "%s has no branch or tag %q",
		f.address.Web(), name)
}

// branchesAndTags lists the short names of refs.
func branchesAndTags(refs *remote.Refs) []string {
	var names []string
	for full := range refs.ByName {
		for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
			if short, ok := strings.CutPrefix(full, prefix); ok && !strings.HasSuffix(short, "^{}") {
				names = append(names, short)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// adviceForName says what the name of a commit that is not there may mean.
func adviceForName(name string, names []string) string {
	if strings.Trim(name, "0123456789abcdef") == "" && len(name) >= 7 {
		return "commits are named by all of their 40 digits"
	}
	if like := near.Names(name, names); len(like) > 0 {
		return "did you mean " + strings.Join(like, " or ") + "?"
	}
	return ""
}

func headCommit(refs *remote.Refs, f *found) error {
	id, ok := refs.ByName["HEAD"]
	if !ok {
		return notResolved("name a branch: @BRANCH", "%s has no default branch", f.address.Web())
	}
	f.commit = id
	return nil
}

// remote returns the server to contact for an address: url.<base>.insteadOf of the user's git configuration decides.
func (s *Store) remote(address giturl.URL) (*remote.Remote, error) {
	contact := address
	if rewritten, ok := s.config.InsteadOf(address.String()); ok {
		var err error
		if contact, err = giturl.Parse(rewritten); err != nil {
			return nil, fault.New(fault.Unresolved, "correct url.<base>.insteadOf in your git configuration", err)
		}
	}
	return remote.New(contact, s.config, s.getenv, s.limits.Server)
}

func (s *Store) obtainer(repo *repository) (*obtainer, error) {
	r, err := s.remote(repo.address)
	if err != nil {
		return nil, err
	}
	return &obtainer{repository: repo, store: s, remote: r}, nil
}
