package cache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/flock"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// The directories of a cache.
const (
	Builds    = "builds"    // records of finished builds
	Blobs     = "blobs"     // compressed layers of those builds
	Compile   = "compile"   // what compilers keep, one directory for each repository
	Stages    = "stages"    // which beginnings of stages came before; their images lie in the containers storage
	Trees     = "trees"     // what the files of working trees hold, by their stamps, one file a tree
	Logs      = "logs"      // output of builds
	RPMs      = "rpmdb"     // RPM packages of images, one file an image
	Manifests = "manifests" // labels and manifests of component images, one file an image
)

// generationFile is the file of a compile cache that tells it from one that was there before.
const generationFile = "generation"

// nameFile is the file of a compile cache that says whose it is.
const nameFile = "repository"

// Entry is one thing that a cache keeps.
type Entry struct {
	Kind     string    `json:"kind"` // the directory that it lies in
	Name     string    `json:"name"`
	Path     string    `json:"path"`
	Bytes    int64     `json:"bytes"` // on disk
	LastUsed time.Time `json:"lastUsed"`
}

// List returns what a cache keeps, by kind and name.
func List(directory string) ([]Entry, error) {
	var entries []Entry
	for _, kind := range []string{Builds, Blobs, Compile, Stages, Trees, Logs, Manifests, RPMs} {
		children, err := os.ReadDir(filepath.Join(directory, kind))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("listing the cache: %w", err)
		}
		for _, child := range children {
			entry := Entry{Kind: kind, Name: child.Name(), Path: filepath.Join(directory, kind, child.Name())}
			if err := entry.measure(); err != nil {
				return nil, fmt.Errorf("listing the cache: %w", err)
			}
			entries = append(entries, entry)
		}
	}
	slices.SortStableFunc(entries, func(a, b Entry) int {
		return strings.Compare(a.Kind+"\x00"+a.Name, b.Kind+"\x00"+b.Name)
	})
	return entries, nil
}

// measure adds up an entry. What another run removes meanwhile is left out, and so is what a step has closed to others.
func (e *Entry) measure() error {
	info, err := os.Lstat(e.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	e.LastUsed, e.Bytes = info.ModTime(), onDisk(info)
	if !info.IsDir() {
		return nil
	}
	if name, err := os.ReadFile(filepath.Join(e.Path, nameFile)); err == nil {
		e.Name = string(name)
	}
	e.Bytes = 0
	return filepath.WalkDir(e.Path, func(_ string, child fs.DirEntry, err error) error {
		if err == nil && child.Type().IsRegular() {
			var info fs.FileInfo
			if info, err = child.Info(); err == nil {
				e.Bytes += onDisk(info)
			}
		}
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return nil
		}
		return err
	})
}

// onDisk is what a file takes, in bytes, and no more than its size. That alone says too little: a step may have given a
// compile cache a file of terabytes that has nothing but holes.
func onDisk(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return min(stat.Blocks*512, info.Size())
	}
	return info.Size()
}

// Touch records that something of a cache was used now. A cache that cannot be written to only forgets sooner.
func Touch(paths ...string) {
	now := time.Now()
	for _, path := range paths {
		_ = os.Chtimes(path, now, now)
	}
}

// Begin makes a compile cache where there is none: fill writes what it begins with. Of several runs one does that, and
// what it leaves when it is killed is made anew.
func Begin(ctx context.Context, directory string, fill func(*os.Root) error) (err error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return fmt.Errorf("making a compile cache: %w", err)
	}
	mark := filepath.Join(directory, generationFile)
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	lock, err := flock.Use(ctx, directory, flock.Exclusive, nil)
	if err != nil {
		return fmt.Errorf("locking a compile cache: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	if err := empty(directory); err != nil {
		return err
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return fmt.Errorf("making a compile cache: %w", err)
	}
	defer root.Close()
	if err := fill(root); err != nil {
		return errors.Join(err, empty(directory))
	}
	_, err = Generation(directory)
	return err
}

// empty removes what is in a compile cache.
func empty(directory string) error {
	entries, err := os.ReadDir(directory)
	for _, entry := range entries {
		err = errors.Join(err, RemoveAll(filepath.Join(directory, entry.Name())))
	}
	if err != nil {
		return fmt.Errorf("emptying a compile cache: %w", err)
	}
	return nil
}

// Name records whose a compile cache is, and that it is used.
func Name(directory, repository string) error {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return fmt.Errorf("making a compile cache: %w", err)
	}
	if err := regular.Replace(filepath.Join(directory, nameFile), []byte(repository), 0o600); err != nil {
		return fmt.Errorf("naming a compile cache: %w", err)
	}
	Touch(directory)
	return nil
}

// Generation returns a word that stands for a compile cache from its making to its removal.
func Generation(directory string) (string, error) {
	path := filepath.Join(directory, generationFile)
	if word, err := os.ReadFile(path); err == nil {
		return string(word), nil
	}
	file, err := os.CreateTemp(directory, ".new-")
	if err != nil {
		return "", fmt.Errorf("marking a compile cache: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(rand.Text())
	if err := errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("marking a compile cache: %w", err)
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) { // the first one stays
		return "", fmt.Errorf("marking a compile cache: %w", err)
	}
	word, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading the mark of a compile cache: %w", err)
	}
	return string(word), nil
}
