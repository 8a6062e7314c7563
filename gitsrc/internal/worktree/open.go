package worktree

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

const (
	maxSmallFile  = 64 << 10 // HEAD, refs, .git files
	maxPackedRefs = 64 << 20
)

// ErrNotRepository is returned for a directory that has no .git.
var ErrNotRepository = errors.New("not a git repository")

// ErrReftable is returned for a repository whose branches are in a reftable.
var ErrReftable = errors.New("its branches are in a reftable, which is not supported: " +
	"run `git refs migrate --ref-format=files` in it")

// Repository is where git keeps what belongs to a working tree, or a bare repository.
type Repository struct {
	GitDir    string // of this working tree
	CommonDir string // shared by all working trees of the repository
}

// Directories lists them, each once.
func (r Repository) Directories() []string {
	if r.GitDir == r.CommonDir {
		return []string{filepath.Clean(r.GitDir)}
	}
	return []string{filepath.Clean(r.GitDir), filepath.Clean(r.CommonDir)}
}

// Find returns the repository of the working tree whose top is dir, or dir itself if it is a bare repository. One that
// is elsewhere and does not know the tree gives a *ForeignError.
func Find(dir string) (Repository, error) {
	dotGit := filepath.Join(dir, ".git")
	info, err := os.Stat(dotGit)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if isBare(dir) {
			return withCommon(dir)
		}
		return Repository{}, fmt.Errorf("%q: %w", dir, ErrNotRepository)
	case err != nil:
		return Repository{}, err
	case info.IsDir():
		return checked(dir, dotGit)
	}
	text, err := readSmall(dotGit, maxSmallFile)
	if err != nil {
		return Repository{}, err
	}
	target, ok := strings.CutPrefix(text, "gitdir: ")
	if !ok {
		return Repository{}, fmt.Errorf("%q does not say where the repository is", dotGit)
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(dir, target)
	}
	return checked(dir, target)
}

func checked(dir, gitDir string) (Repository, error) {
	r, err := withCommon(gitDir)
	if err == nil {
		err = r.check(dir)
	}
	if err != nil {
		return Repository{}, err
	}
	return r, nil
}

func isBare(dir string) bool {
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

func withCommon(gitDir string) (Repository, error) {
	r := Repository{GitDir: gitDir, CommonDir: gitDir}
	text, err := readSmall(filepath.Join(gitDir, "commondir"), maxSmallFile)
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return Repository{}, err
	}
	if r.CommonDir = text; !filepath.IsAbs(text) {
		r.CommonDir = filepath.Join(gitDir, text)
	}
	return r, nil
}

func readSmall(path string, limit int64) (string, error) {
	data, err := regular.Read(path, limit)
	return strings.TrimSpace(string(data)), err
}

// Objects returns the directory of the repository's objects.
func (r Repository) Objects() string { return filepath.Join(r.CommonDir, "objects") }

// Head returns the commit that is checked out, zero before the first one, and the branch, "" if HEAD is detached.
func (r Repository) Head() (commit pack.ID, branch string, err error) {
	text, err := readSmall(filepath.Join(r.GitDir, "HEAD"), maxSmallFile)
	if err != nil {
		return pack.ID{}, "", fmt.Errorf("reading HEAD: %w", err)
	}
	ref, symbolic := strings.CutPrefix(text, "ref: ")
	if !symbolic {
		commit, err = pack.ParseID(text)
		return commit, "", err
	}
	if ref == "refs/heads/.invalid" { // gitrepository-layout, "reftable"
		return pack.ID{}, "", ErrReftable
	}
	branch = strings.TrimPrefix(ref, "refs/heads/")
	commit, err = r.Ref(ref)
	if errors.Is(err, pack.ErrNotFound) {
		return pack.ID{}, branch, nil
	}
	return commit, branch, err
}

// Ref returns the object of a ref, by its full name.
func (r Repository) Ref(name string) (pack.ID, error) {
	if !strings.HasPrefix(name, "refs/") || strings.Contains(name, "..") {
		return pack.ID{}, fmt.Errorf("ref %q: %w", name, pack.ErrNotFound)
	}
	for _, dir := range []string{r.GitDir, r.CommonDir} {
		text, err := readSmall(filepath.Join(dir, filepath.FromSlash(name)), maxSmallFile)
		if err == nil {
			return pack.ParseID(text)
		}
	}
	packed, err := regular.Read(filepath.Join(r.CommonDir, "packed-refs"), maxPackedRefs)
	if errors.Is(err, os.ErrNotExist) {
		return pack.ID{}, fmt.Errorf("ref %q: %w", name, pack.ErrNotFound)
	}
	if err != nil {
		return pack.ID{}, fmt.Errorf("ref %q: %w", name, err)
	}
	lines := bufio.NewScanner(bytes.NewReader(packed))
	for lines.Scan() {
		if id, found, _ := strings.Cut(lines.Text(), " "); found == name {
			return pack.ParseID(id)
		}
	}
	if err := lines.Err(); err != nil {
		return pack.ID{}, err
	}
	return pack.ID{}, fmt.Errorf("ref %q: %w", name, pack.ErrNotFound)
}
