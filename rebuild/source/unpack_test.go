package source_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
	"github.com/oc-rebuild/oc-rebuild/rebuild/source"
)

// nothing is a store that nobody may ask.
type nothing struct{ source.Store }

func (nothing) Fetch(context.Context, gitsrc.Request, string) (gitsrc.Tree, error) {
	return gitsrc.Tree{}, errors.New("the store was asked")
}

// TestUnpacked takes a tree that came with a plan for the source of a request. Neither the directory that the plan
// names nor what the tree's own .git names is looked at.
func TestUnpacked(t *testing.T) {
	mine := tree(t)
	var archive bytes.Buffer
	git := t.TempDir()
	if err := os.WriteFile(filepath.Join(git, ".git"), []byte("gitdir: "+filepath.Join(mine, ".git")+"\n"),
		0o644); err != nil {
		t.Fatal(err)
	}
	if err := source.Pack(t.Context(), &archive, t.TempDir(), nil, git); err != nil {
		t.Fatal(err)
	}
	scratch := t.TempDir()
	keeper := source.NewKeeper(nothing{}, nil, scratch, progress.NewReporter(progress.Silent{}))
	opened := 0
	for range 2 {
		request, got, err := keeper.Unpack(t.Context(), gitsrc.Tree{Kind: gitsrc.Local, Path: mine},
			digest.FromBytes(archive.Bytes()),
			func() (io.ReadCloser, error) {
				opened++
				return io.NopCloser(bytes.NewReader(archive.Bytes())), nil
			})
		if err != nil {
			t.Fatal(err)
		}
		out, err := keeper.Checkout(t.Context(), "one", request)
		if err != nil || out.Directory != got.Directory || request.Spec.Path == mine {
			t.Errorf("Checkout = %+v, %v; want %+v", out, err, got)
		}
		if rel, err := filepath.Rel(scratch, out.Directory); err != nil || !filepath.IsLocal(rel) {
			t.Errorf("it lies in %q", out.Directory)
		}
		if entries, err := os.ReadDir(out.Directory); len(entries) != 1 || err != nil {
			t.Errorf("it has %v, %v", entries, err)
		}
		if keeper.IsLive(out) {
			t.Error("it is taken for a directory that its user edits")
		}
	}
	if opened != 1 {
		t.Errorf("it was unpacked %d times", opened)
	}
	failed := errors.New("failed")
	_, _, err := keeper.Unpack(t.Context(), gitsrc.Tree{Kind: gitsrc.Local}, digest.FromString("other"),
		func() (io.ReadCloser, error) { return nil, failed })
	if !errors.Is(err, failed) {
		t.Errorf("Unpack = %v", err)
	}
}
