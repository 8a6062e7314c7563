package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/checkout"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/gitconfig"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
)

const (
	maxSubmodules      = 200 // of one checkout, with those inside others
	maxSubmoduleDepth  = 10
	maxGitmodulesBytes = 1 << 20
)

// allowance is what a checkout may still have, its submodules included.
type allowance struct {
	submodules int
	tree       checkout.Limits
}

// submodules checks out the repositories that belong inside another one, as `git submodule update --init --recursive`
// does.
func (s *Store) submodules(ctx context.Context, parent giturl.URL, p placed, dest string, depth int,
	left *allowance) error {
	if left.submodules -= len(p.links); left.submodules < 0 || depth > maxSubmoduleDepth {
		return fmt.Errorf("%s has too many submodules", parent.Web())
	}
	for _, link := range p.links {
		address, ok := p.addresses[link.Path]
		if !ok {
			s.tell(ctx, Event{Repository: parent.Web(),
				Message: fmt.Sprintf("submodule %q has no address in .gitmodules and stays empty", link.Path)})
			continue
		}
		inside := filepath.Join(dest, filepath.FromSlash(link.Path))
		f := found{kind: Payload, address: address, commit: link.ID, branch: defaultBranch}
		sub, err := s.place(ctx, f, inside, left)
		if err == nil {
			err = s.submodules(ctx, address, sub, inside, depth+1, left)
		}
		if err != nil {
			return fmt.Errorf("submodule %q: %w", link.Path, err)
		}
	}
	return nil
}

// submoduleAddresses reads the .gitmodules of a tree, not the file of the checkout.
func submoduleAddresses(db *pack.Database, parent giturl.URL, tree pack.ID) (map[string]giturl.URL, error) {
	data, err := db.Read(tree, pack.Tree)
	if err != nil {
		return nil, err
	}
	entries, err := checkout.ParseTree(data)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Name != ".gitmodules" || e.Mode == checkout.Directory {
			continue
		}
		text, err := db.Read(e.ID, pack.Blob)
		if err != nil {
			return nil, err
		}
		if len(text) > maxGitmodulesBytes {
			return nil, errors.New(".gitmodules is too large")
		}
		return parseGitmodules(string(text), parent)
	}
	return nil, nil
}

// parseGitmodules returns the address of each submodule by its path. Addresses are bound to the rules for payloads:
// whoever wrote .gitmodules must not reach this machine or its files.
func parseGitmodules(text string, parent giturl.URL) (map[string]giturl.URL, error) {
	entries, err := gitconfig.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("reading .gitmodules: %w", err)
	}
	paths, urls := map[string]string{}, map[string]string{}
	for _, e := range entries {
		switch {
		case e.Section != "submodule":
		case e.Name == "path":
			paths[e.Subsection] = e.Value
		case e.Name == "url":
			urls[e.Subsection] = e.Value
		}
	}
	addresses := map[string]giturl.URL{}
	for name, at := range paths {
		location, ok := urls[name]
		if !ok {
			continue
		}
		address, err := submoduleAddress(location, parent)
		if err != nil {
			return nil, fmt.Errorf("reading .gitmodules: submodule %q: %w", name, err)
		}
		addresses[strings.TrimSuffix(at, "/")] = address
	}
	return addresses, nil
}

// submoduleAddress resolves ./ and ../ against the address of the repository that .gitmodules is in.
func submoduleAddress(location string, parent giturl.URL) (giturl.URL, error) {
	if !strings.HasPrefix(location, "./") && !strings.HasPrefix(location, "../") {
		return giturl.ParsePayload(location)
	}
	beside := parent
	beside.Path = path.Join(parent.Path, location)
	if beside.Scheme == "https" || beside.Scheme == "ssh" {
		return giturl.ParsePayload(beside.String())
	}
	return giturl.Parse(beside.String())
}
