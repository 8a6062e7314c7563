package gitsrc

import (
	"context"
	"errors"
	"fmt"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/remote"
)

// pullRequest finds a pull request where GitHub, Gitea and GitLab keep it.
func (s *Store) pullRequest(ctx context.Context, refs *remote.Refs, spec Spec, f *found) error {
	head, ok := pullRef(refs, spec.Pull, "head")
	if spec.Merge {
		if merge, ok := pullRef(refs, spec.Pull, "merge"); ok {
			f.commit = merge
			return nil
		}
	}
	if !ok {
		return notResolved("", "%s has no pull request %d", f.address.Web(), spec.Pull)
	}
	f.commit = head
	if !spec.Merge {
		return nil
	}
	base := f.branch
	if base == "" {
		base = refs.Head
	}
	if tip, ok := refs.ByName["refs/heads/"+base]; ok {
		forward, err := s.contains(ctx, *f, tip)
		if errors.Is(err, errDamaged) {
			if err = s.repair(ctx, f.address, err); err == nil {
				forward, err = s.contains(ctx, *f, tip)
			}
		}
		if err != nil {
			return fmt.Errorf("comparing pull request %d of %s with %s: %w", spec.Pull, f.address.Web(), base, err)
		}
		if forward {
			s.tell(ctx, Event{Repository: f.address.Web(),
				Message: fmt.Sprintf("pull request %d holds all of %s: its head is what a merge would give",
					spec.Pull, base)})
			return nil
		}
	}
	return notResolved(fmt.Sprintf("take its head as it is: #%d; or merge it in a clone and name that directory as the source", spec.Pull),
		"%s has no merge of pull request %d: it is closed, conflicts with its base, or the server keeps no merges (refs/pull/%d/merge), and its head does not hold all of branch %q",
		f.address.Web(), spec.Pull, spec.Pull, base)
}

func pullRef(refs *remote.Refs, number int, what string) (pack.ID, bool) {
	for _, place := range []string{"pull", "merge-requests"} {
		if id, ok := refs.ByName[fmt.Sprintf("refs/%s/%d/%s", place, number, what)]; ok {
			return id, true
		}
	}
	return pack.ID{}, false
}

// contains tells whether a commit is or has among those that lead to it an older one. It fetches their history,
// without files.
func (s *Store) contains(ctx context.Context, f found, older pack.ID) (bool, error) {
	db, shared, err := s.database(ctx, f, levelCommits)
	if err != nil {
		return false, err
	}
	defer shared.release()
	defer db.Close()
	seen, err := ancestors(ctx, db, f.commit)
	return seen[older], inCache(err)
}
