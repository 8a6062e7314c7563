package worktree

import (
	"cmp"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/attributes"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/checkout"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/internal/interrupt"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// maxConverted is how many bytes a file may have that is converted between commit and working tree.
const maxConverted = 512 << 20

// ErrIndex is returned for an index that is in two files, or that lacks what a sparse checkout leaves out.
var ErrIndex = errors.New("the index is split or sparse, which is not supported")

// Status is what git would say about a working tree.
type Status struct {
	Dirty bool     // something is not committed, or there is a file that git neither tracks nor ignores
	Files []string // that belong to the tree: tracked, and neither tracked nor ignored; slash-separated
	// files, and directories with a slash at the end, that .gitignore excludes, and each .git of a clone that lies there
	Ignored    []string
	Submodules []string // the .git of each submodule
	Empty      []string // submodules that are not checked out
	// Heads are the commits that submodules are at, by their paths
	Heads map[string]string
	Git   []string // the directories in which git keeps what it knows of submodules
}

// inspector compares the index with the tree of HEAD and with the files.
type inspector struct {
	dir     string
	home    Home
	indexed map[string]*index.Entry
	parents map[string]bool // directories that hold tracked files
	written time.Time       // of the index
	ignore  *ignorer
	status  Status
}

// Inspect finds the status of the working tree dir. tree is the tree of HEAD, zero before the first commit.
func Inspect(ctx context.Context, dir string, r Repository, db *pack.Database, tree pack.ID,
	home Home) (Status, error) {
	i := &inspector{dir: dir, home: home, indexed: map[string]*index.Entry{}, parents: map[string]bool{"": true},
		status: Status{Heads: map[string]string{}}}
	entries, err := i.readIndex(filepath.Join(r.GitDir, "index"))
	if err != nil {
		return Status{}, fmt.Errorf("reading the index of %q: %w", dir, err)
	}
	for _, e := range entries {
		i.indexed[e.Name] = e
		for at := path.Dir(e.Name); at != "." && !i.parents[at]; at = path.Dir(at) {
			i.parents[at] = true
		}
	}
	if i.ignore, err = newIgnorer(dir, r, home); err != nil {
		return Status{}, fmt.Errorf("reading what %q ignores: %w", dir, err)
	}
	if err := i.compareHead(db, tree); err != nil {
		return Status{}, fmt.Errorf("comparing %q with its commit: %w", dir, err)
	}
	if err := i.walk(ctx, "", attributes.Rules{}); err != nil {
		return Status{}, fmt.Errorf("looking at %q: %w", dir, err)
	}
	if len(i.indexed) > 0 {
		i.status.Dirty = true // tracked files that are gone
	}
	return i.status, nil
}

// readIndex reads the index. It is the user's own; still, nothing in it may end the program.
func (i *inspector) readIndex(name string) (entries []*index.Entry, err error) {
	f, err := regular.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("malformed: %v", p)
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	i.written = info.ModTime()
	var x index.Index
	err = index.NewDecoder(f).Decode(&x)
	if errors.Is(err, index.ErrUnknownExtension) {
		return nil, ErrIndex
	}
	if err != nil {
		return nil, err
	}
	return x.Entries, nil
}

// compareHead looks for staged changes.
func (i *inspector) compareHead(db *pack.Database, tree pack.ID) error {
	count := 0
	var compare func(prefix string, id pack.ID) error
	compare = func(prefix string, id pack.ID) error {
		data, err := db.Read(id, pack.Tree)
		if err != nil {
			return err
		}
		entries, err := checkout.ParseTree(data)
		if err != nil {
			return err
		}
		for _, e := range entries {
			name := prefix + e.Name
			if e.Mode == checkout.Directory {
				if err := compare(name+"/", e.ID); err != nil {
					return err
				}
				continue
			}
			count++
			x, ok := i.indexed[name]
			if !ok || pack.ID(x.Hash) != e.ID || x.Stage != 0 ||
				(x.Mode == filemode.Executable) != (e.Mode == checkout.Executable) {
				i.status.Dirty = true
			}
		}
		return nil
	}
	if tree != (pack.ID{}) {
		if err := compare("", tree); err != nil {
			return err
		}
	}
	if count != len(i.indexed) {
		i.status.Dirty = true
	}
	return nil
}

// walk looks at the files of a directory; dir is "" or ends with a slash. Entries of the index that it meets are
// crossed off.
func (i *inspector) walk(ctx context.Context, dir string, rules attributes.Rules) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	entries, err := os.ReadDir(filepath.Join(i.dir, dir))
	if err != nil {
		return err
	}
	if err := i.ignore.enter(dir); err != nil {
		return err
	}
	if slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == attributes.File }) {
		text, err := regular.Read(filepath.Join(i.dir, dir, attributes.File), attributes.MaxFile)
		if err == nil {
			rules, err = rules.With(strings.TrimSuffix(dir, "/"), text)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) { // a link that leads nowhere, say
			return err
		}
	}
	for _, e := range entries {
		name := dir + e.Name()
		if e.Name() == ".git" {
			if dir != "" {
				i.status.Ignored = append(i.status.Ignored, name)
			}
			continue
		}
		x, tracked := i.indexed[name]
		switch {
		case tracked && x.Mode == filemode.Submodule:
			if err := i.submodule(ctx, name, pack.ID(x.Hash)); err != nil {
				return err
			}
		case e.IsDir():
			if !i.parents[name] && i.ignore.match(name, true) {
				i.status.Ignored = append(i.status.Ignored, name+"/")
				continue
			}
			if err := i.walk(ctx, name+"/", rules); err != nil {
				return err
			}
		case tracked:
			if err := i.compareFile(ctx, name, x, rules); err != nil {
				return err
			}
		case i.ignore.match(name, false):
			i.status.Ignored = append(i.status.Ignored, name)
		case e.Type().IsRegular() || e.Type() == os.ModeSymlink:
			i.status.Dirty = true
			i.status.Files = append(i.status.Files, name)
		}
	}
	return nil
}

// submodule compares a submodule with the commit that it is to have, and looks at its files. One that cannot be read
// counts as changed.
func (i *inspector) submodule(ctx context.Context, name string, want pack.ID) error {
	delete(i.indexed, name)
	dir := filepath.Join(i.dir, name)
	status, err := inspectSubmodule(ctx, dir, want, i.home)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var foreign *ForeignError
	if errors.Is(err, ErrIndex) || errors.Is(err, ErrReftable) || errors.As(err, &foreign) {
		return fmt.Errorf("submodule %q: %w", name, err)
	}
	if err != nil {
		if status.Ignored, err = Repositories(ctx, dir); err != nil {
			return err
		}
		status.Ignored = append(status.Ignored, ".git")
		status.Dirty, status.Files = true, []string{""}
	} else if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
		status.Submodules = append(status.Submodules, ".git")
	}
	i.status.Dirty = i.status.Dirty || status.Dirty
	i.status.Git = append(i.status.Git, status.Git...)
	for _, inside := range status.Files {
		i.status.Files = append(i.status.Files, name+"/"+inside)
	}
	for _, inside := range status.Ignored {
		i.status.Ignored = append(i.status.Ignored, name+"/"+inside)
	}
	for _, inside := range status.Submodules {
		i.status.Submodules = append(i.status.Submodules, name+"/"+inside)
	}
	for inside, commit := range status.Heads {
		i.status.Heads[path.Join(name, inside)] = commit
	}
	for _, inside := range status.Empty {
		i.status.Empty = append(i.status.Empty, path.Join(name, inside))
	}
	return nil
}

// Repositories lists every .git below a directory, but not its own: those of submodules, and of clones that somebody
// put there. They have addresses with passwords, hooks, and commits that nobody meant to send elsewhere.
func Repositories(ctx context.Context, dir string) (list []string, err error) {
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		if entry.Name() != ".git" || name == dir {
			return nil
		}
		relative, err := filepath.Rel(dir, name)
		if relative != ".git" {
			list = append(list, filepath.ToSlash(relative))
		}
		if entry.IsDir() && err == nil {
			return fs.SkipDir
		}
		return err
	})
	return list, err
}

func inspectSubmodule(ctx context.Context, dir string, want pack.ID, home Home) (Status, error) {
	info, err := os.Lstat(dir)
	if err != nil {
		return Status{}, err
	}
	if !info.IsDir() {
		return Status{Dirty: true, Files: []string{""}}, nil
	}
	repo, err := Find(dir)
	if errors.Is(err, ErrNotRepository) {
		left, err := os.ReadDir(dir)
		if err != nil || len(left) > 0 {
			return Status{}, cmp.Or(err, ErrNotRepository)
		}
		return Status{Files: []string{""}, Empty: []string{""}}, nil
	}
	if err != nil {
		return Status{}, err
	}
	head, _, err := repo.Head()
	if err != nil {
		return Status{}, err
	}
	db, err := pack.Open(repo.Objects())
	if err != nil {
		return Status{}, err
	}
	defer db.Close()
	commit, err := db.Read(head, pack.Commit)
	if err != nil {
		return Status{}, err
	}
	first, _, _ := strings.Cut(string(commit), "\n")
	tree, err := pack.ParseID(strings.TrimPrefix(first, "tree "))
	if err != nil {
		return Status{}, err
	}
	status, err := Inspect(ctx, dir, repo, db, tree, home)
	status.Dirty = status.Dirty || head != want
	if err == nil {
		status.Heads[""], status.Git = head.String(), append(repo.Directories(), status.Git...)
	}
	return status, err
}

// compareFile compares a tracked file with the index: by what stat says, and by content where that leaves a doubt.
func (i *inspector) compareFile(ctx context.Context, name string, x *index.Entry, rules attributes.Rules) error {
	delete(i.indexed, name)
	i.status.Files = append(i.status.Files, name)
	if i.status.Dirty {
		return nil // nothing to find out any more
	}
	full := filepath.Join(i.dir, name)
	info, err := os.Lstat(full)
	if err != nil {
		return err
	}
	link, executable := info.Mode()&os.ModeSymlink != 0, info.Mode()&0o100 != 0
	if !link && !info.Mode().IsRegular() || link != (x.Mode == filemode.Symlink) ||
		!link && executable != (x.Mode == filemode.Executable) {
		i.status.Dirty = true
		return nil
	}
	if i.unchanged(info, x) {
		return nil
	}
	var conversion attributes.Conversion
	if !link {
		conversion = rules.Of(name)
	}
	id, err := hashFile(ctx, full, info, conversion)
	if err != nil {
		return err
	}
	i.status.Dirty = id != pack.ID(x.Hash)
	return nil
}

// unchanged tells whether stat says the same as when the index was written, and was not written in the same moment as
// the file.
func (i *inspector) unchanged(info os.FileInfo, x *index.Entry) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && uint32(info.Size()) == x.Size && info.ModTime().Equal(x.ModifiedAt) &&
		x.ModifiedAt.Before(i.written) &&
		(x.Inode == 0 || uint32(stat.Ino) == x.Inode)
}

// hashFile returns the id that a file would have in a commit.
func hashFile(ctx context.Context, name string, info os.FileInfo, conversion attributes.Conversion) (pack.ID, error) {
	sum := sha1.New()
	if conversion.Changes() {
		data, err := regular.Read(name, maxConverted)
		data = conversion.ToCommit(data)
		fmt.Fprintf(sum, "blob %d\x00", len(data))
		sum.Write(data)
		return pack.ID(sum.Sum(nil)), err
	}
	fmt.Fprintf(sum, "blob %d\x00", info.Size())
	if info.Mode()&os.ModeSymlink != 0 {
		target, err := os.Readlink(name)
		io.WriteString(sum, target)
		return pack.ID(sum.Sum(nil)), err
	}
	f, err := regular.Open(name)
	if err != nil {
		return pack.ID{}, err
	}
	defer f.Close()
	_, err = io.Copy(sum, interrupt.Reader(ctx, f))
	return pack.ID(sum.Sum(nil)), err
}

// splitPath cuts a slash-separated path into its parts.
func splitPath(name string) []string { return strings.Split(strings.Trim(name, "/"), "/") }
