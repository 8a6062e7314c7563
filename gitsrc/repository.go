package gitsrc

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
)

// level says how much of a commit the cache has.
type level string

const (
	levelNames   level = "names"   // the commit and its directories, but not the files' content
	levelTree    level = "tree"    // the commit and all its files
	levelCommits level = "commits" // all commits that lead to it, without files
	levelBranch  level = "branch"  // nothing; but a branch of the repository contains it
)

// repository is the bare repository of one upstream in the cache. It can be used with git.
//
// A ref below refs/oc-rebuild/LEVEL says that the commit is there to that level. It is written last, so that a run
// that is killed leaves at worst a pack that nobody refers to.
type repository struct {
	address giturl.URL // before url.<base>.insteadOf
	path    string
}

const repositorySuffix = ".git"

func (s *Store) repository(address giturl.URL) *repository {
	host := address.Host
	if address.Scheme == "file" {
		host = "localhost"
	}
	name := url.PathEscape(host + strings.TrimSuffix(address.Path, repositorySuffix))
	return &repository{address: address, path: filepath.Join(s.dir, shorten(name)+repositorySuffix)}
}

func (r *repository) lockPath() string { return strings.TrimSuffix(r.path, repositorySuffix) + ".lock" }
func (r *repository) objects() string  { return filepath.Join(r.path, "objects") }
func (r *repository) packs() string    { return filepath.Join(r.path, "objects", "pack") }

func (r *repository) marker(l level, commit pack.ID) string {
	return filepath.Join(r.path, "refs", "oc-rebuild", string(l), commit.String())
}

// prepare makes the directories and removes what a killed run has left. The caller has the exclusive lock.
func (r *repository) prepare() error {
	for _, dir := range []string{
		"objects/pack", "objects/info", "refs/heads", "refs/tags",
		"refs/oc-rebuild/names", "refs/oc-rebuild/tree", "refs/oc-rebuild/commits", "refs/oc-rebuild/branch",
	} {
		if err := os.MkdirAll(filepath.Join(r.path, dir), 0o700); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{"HEAD": "ref: refs/heads/main\n",
		"config": "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"} {
		if _, err := os.Stat(filepath.Join(r.path, name)); errors.Is(err, os.ErrNotExist) {
			if err := replaceFile(filepath.Join(r.path, name), text); err != nil {
				return err
			}
		}
	}
	left, err := os.ReadDir(r.packs())
	if err != nil {
		return err
	}
	for _, f := range left {
		if strings.HasPrefix(f.Name(), pack.TemporaryPrefix) {
			if err := os.Remove(filepath.Join(r.packs(), f.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// replaceFile writes a file so that it has its old content or the new one, never a part.
func replaceFile(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), pack.TemporaryPrefix)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// has tells whether the commit is there, and notes that it was used.
func (r *repository) has(l level, commit pack.ID) bool {
	better := []level{l}
	if l == levelNames {
		better = append(better, levelTree)
	}
	for _, at := range better {
		path := r.marker(at, commit)
		if text, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(text)) == commit.String() {
			now := time.Now()
			_ = os.Chtimes(path, now, now) // only pruning looks at it
			return true
		}
	}
	return false
}

func (r *repository) mark(l level, commit pack.ID) error {
	return replaceFile(r.marker(l, commit), commit.String()+"\n")
}

// latest returns the commits that are there to a level, latest use first.
func (r *repository) latest(l level, limit int) []pack.ID {
	type used struct {
		id pack.ID
		at time.Time
	}
	var all []used
	entries, _ := os.ReadDir(filepath.Join(r.path, "refs", "oc-rebuild", string(l)))
	for _, e := range entries {
		info, err := e.Info()
		id, idErr := pack.ParseID(e.Name())
		if err == nil && idErr == nil {
			all = append(all, used{id, info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b used) int { return b.at.Compare(a.at) })
	var ids []pack.ID
	for _, u := range all[:min(limit, len(all))] {
		ids = append(ids, u.id)
	}
	return ids
}

// shallow returns the commits whose parents the repository does not have.
func (r *repository) shallow() (map[pack.ID]bool, error) {
	set := map[pack.ID]bool{}
	f, err := os.Open(filepath.Join(r.path, "shallow"))
	if errors.Is(err, os.ErrNotExist) {
		return set, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		id, err := pack.ParseID(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("%w: file shallow: %w", errDamaged, err)
		}
		set[id] = true
	}
	return set, lines.Err()
}

func (r *repository) writeShallow(set map[pack.ID]bool) error {
	var lines []string
	for id := range set {
		lines = append(lines, id.String()+"\n")
	}
	slices.Sort(lines)
	return replaceFile(filepath.Join(r.path, "shallow"), strings.Join(lines, ""))
}

// shorten keeps a file name within what file systems allow.
func shorten(name string) string {
	const longest = 200
	if len(name) <= longest {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:longest-2*len(sum)] + hex.EncodeToString(sum[:])
}
