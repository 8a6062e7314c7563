package source

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/internal/interrupt"
)

// Digest returns a digest of everything that a build can see of a directory: names, kinds, permissions, link targets
// and contents, without the times, and without .git, whose state the commit stands for. Paths in skip
// (slash-separated, relative) are left out with what is below them.
func (k *Known) Digest(ctx context.Context, directory string, skip []string) (string, error) {
	return k.digest(ctx, directory, leftOut(skip))
}

// DigestIn is Digest for a directory in the one that paths in skip are relative to: a .git in it is part of what it
// has.
func (k *Known) DigestIn(ctx context.Context, directory, name string, skip []string) (string, error) {
	if name = path.Clean(name); name == "." {
		return k.Digest(ctx, directory, skip)
	}
	skip = Below(skip, name)
	skipped := leftOut(skip)
	if !slices.Contains(skip, ".git") {
		delete(skipped, ".git")
	}
	return k.digest(ctx, filepath.Join(directory, filepath.FromSlash(name)), skipped)
}

func (k *Known) digest(ctx context.Context, directory string, skipped map[string]bool) (string, error) {
	list, err := k.list(ctx, directory, skipped)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, path := range list.paths() {
		if kind := list[path][0]; kind == 'S' || kind == 'p' {
			continue // sockets and pipes, which are not packed
		}
		fmt.Fprintf(sum, "%q %s\n", path, list[path])
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Listing is what a build can see of a directory: for each path (slash-separated, relative) its kind, permissions, and
// what it holds or where it leads to.
type Listing map[string]string

// paths lists the paths, each directory before what is in it, as fs.WalkDir goes.
func (l Listing) paths() []string {
	return slices.SortedFunc(maps.Keys(l), func(a, b string) int {
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] && (a[i] == '/' || b[i] == '/') {
				return cmp.Compare(strings.Count(b[i:i+1], "/"), strings.Count(a[i:i+1], "/"))
			}
			if a[i] != b[i] {
				break
			}
		}
		return cmp.Compare(a, b)
	})
}

// List lists what Digest digests. What goes away meanwhile, such as a temporary file of an editor, is not there.
func (k *Known) List(ctx context.Context, directory string, skip []string) (Listing, error) {
	return k.list(ctx, directory, leftOut(skip))
}

func (k *Known) list(ctx context.Context, directory string, skipped map[string]bool) (Listing, error) {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return nil, fmt.Errorf("reading the source: %w", err)
	}
	defer root.Close()
	lines, known := Listing{}, k.of(root)
	var mu sync.Mutex
	err = walk(ctx, root, skipped, func(path string, info *unix.Stat_t) error {
		if info == nil {
			return nil
		}
		line, ok := known.line(path, stampOf(info))
		if !ok {
			var err error
			line, err = digestFile(ctx, root, path, fileMode(info.Mode), stampOf(info), known)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		mu.Lock()
		defer mu.Unlock()
		lines[path] = line
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the source in %q: %w", directory, err)
	}
	known.write(lines)
	return lines, nil
}

// leftOut is the set of .git and of the paths in skip, which may end in a slash.
func leftOut(skip []string) map[string]bool {
	set := map[string]bool{".git": true}
	for _, path := range skip {
		set[strings.TrimSuffix(path, "/")] = true
	}
	return set
}

// AddRepository adds what .git has, of its files the size and the time alone: there may be a million of them. What goes
// away meanwhile, such as a lock, is not there.
func (l Listing) AddRepository(ctx context.Context, directory string) error {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return fmt.Errorf("reading the source: %w", err)
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".git", func(path string, entry fs.DirEntry, err error) error {
		var line string
		var info fs.FileInfo
		if err == nil {
			info, err = entry.Info()
		}
		if err == nil && info.Mode().IsRegular() {
			line = fmt.Sprintf("%v %d %d", info.Mode(), info.Size(), info.ModTime().UnixNano())
		} else if err == nil {
			line, err = digestFile(ctx, root, path, info.Mode(), stamp{}, nil)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			l[path] = line
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("reading the source in %q: %w", directory, err)
	}
	return nil
}

// digestFile returns what a build can see of one file, and lets known learn it under the stamp that it has.
func digestFile(ctx context.Context, root *os.Root, path string, mode fs.FileMode, has stamp,
	known *knownTree) (string, error) {
	switch {
	case mode&fs.ModeSymlink != 0:
		target, err := root.Readlink(path)
		return fmt.Sprintf("link %q", target), err
	case mode.IsRegular():
		file, err := root.Open(path)
		if err != nil {
			return "", err
		}
		defer file.Close()
		begin := time.Now()
		before := stampOfFile(file)
		sum := sha256.New()
		if _, err := io.Copy(sum, interrupt.Reader(ctx, file)); err != nil {
			return "", err
		}
		line := fmt.Sprintf("%v %x", mode, sum.Sum(nil))
		if before == has && stampOfFile(file) == has {
			known.learn(path, has, begin, line)
		}
		return line, nil
	default:
		return mode.String(), nil
	}
}

// ErrNotDigested says that it cannot be told what a step takes from the build context.
var ErrNotDigested = errors.New("not digested")

// DigestFiles returns a digest of what the sources of COPY and ADD name in a build context: paths, and patterns in
// the manner of filepath.Match. Paths in hidden are left out. It may take in more than a step does, never less. The
// error is ErrNotDigested where a source is a symbolic link, or leads out of the context.
func (k *Known) DigestFiles(ctx context.Context, directory string, hidden, sources []string) (string, error) {
	if len(sources) == 0 {
		return "", nil
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return "", fmt.Errorf("reading the build context: %w", err)
	}
	defer root.Close()
	var names []string
	for _, source := range append([]string{".dockerignore", ".containerignore"}, sources...) {
		matches, err := fs.Glob(root.FS(), strings.TrimPrefix(path.Clean("/"+source), "/"))
		if err != nil || strings.Contains(source, "**") { // which buildah takes for any number of directories
			return "", ErrNotDigested
		}
		names = append(names, matches...)
	}
	slices.Sort(names)
	sum := sha256.New()
	fmt.Fprintf(sum, "%q\n", sources)
	for _, name := range slices.Compact(names) {
		info, err := root.Lstat(name)
		if err != nil || info.Mode()&fs.ModeSymlink != 0 {
			return "", ErrNotDigested
		}
		var line string
		if info.IsDir() {
			line, err = k.DigestIn(ctx, directory, name, hidden)
		} else {
			line, err = digestFile(ctx, root, name, info.Mode(), stamp{}, nil)
		}
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%q %s\n", name, line)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Below returns the paths that lie in a directory, relative to it.
func Below(paths []string, directory string) []string {
	if directory = path.Clean(directory); directory == "." {
		return paths
	}
	var list []string
	for _, one := range paths {
		if rest, ok := strings.CutPrefix(one, directory+"/"); ok {
			list = append(list, rest)
		}
	}
	return list
}
