package rebuild_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// branch is a store of one directory, whose commit is another one whenever it is checked out.
type branch struct {
	directories
	store   *gitsrc.Store
	path    string
	commits []string // of each checkout, in their order
}

func (b *branch) tree(commit string) gitsrc.Tree {
	return gitsrc.Tree{Kind: gitsrc.Fork, Repository: "https://git.example.org/o/r", Commit: commit,
		Ref: "main", Time: commitTime}
}

func (b *branch) View(ctx context.Context, _ gitsrc.Request) (*gitsrc.Revision, gitsrc.Tree, error) {
	revision, err := b.store.ReleaseTree(ctx, b.path)
	return revision, b.tree(commit), err
}

func (b *branch) Fetch(context.Context, gitsrc.Request, string) (gitsrc.Tree, error) {
	tree := b.tree(b.commits[0])
	tree.Directory, b.commits = b.path, b.commits[1:]
	return tree, nil
}

func (b *branch) OnBranch(context.Context, string, string, ...string) (bool, error) { return true, nil }

// TestBranchThatMoves between the plan and the build: what would be built is not what the labels and the payload
// would say.
func TestBranchThatMoves(t *testing.T) {
	p := newPlayground(t)
	store, err := gitsrc.Open(t.TempDir(), gitsrc.Options{})
	check(t, err)
	directory := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY Dockerfile /one\n")})
	sources := &branch{store: store, path: directory, commits: []string{commit, strings.Repeat("f", 40)}}
	o := p.options(t)
	o.Sources = sources
	component := plan.Target{Name: "one", Source: "https://git.example.org/o/r@main", Dockerfile: "Dockerfile"}
	p.mustRun(t, o, component) // a source that was built before is not checked out to plan
	check(t, os.WriteFile(filepath.Join(directory, "Dockerfile"),
		[]byte(p.dockerfile("FROM BASE\nCOPY Dockerfile /two\n")), 0o644))
	_, err = p.run(t, t.Context(), o, component)
	if fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), commit+" when it was planned") {
		t.Errorf("the error is %v", err)
	}
}
