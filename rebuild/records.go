package rebuild

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
)

// recordVersion is part of every key: raise it when the same inputs would give another image.
const recordVersion = 4

// inputs are all that decides the bytes of an image. Two builds with equal inputs give the same image, so the second one is not made.
type inputs struct {
	Version    int               `json:"version"`
	Dockerfile string            `json:"dockerfile"` // with every base by digest
	Args       []Arg             `json:"args"`
	Labels     map[string]string `json:"labels"`
	Context    string            `json:"context"` // digest of the build context
	Time       time.Time         `json:"time"`
	Platform   string            `json:"platform"`
	Network    string            `json:"network"`

	Compression string `json:"compression,omitempty"`
}

// key returns the name under which the artifact of these inputs is kept.
func (i inputs) key() (string, error) {
	data, err := json.Marshal(i)
	if err != nil {
		return "", fmt.Errorf("describing the inputs of a build: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// loadArtifact returns the artifact that a build with this key made, or nil where there is none that is whole.
func loadArtifact(directory, key, blobs string) *artifact {
	data, err := os.ReadFile(filepath.Join(directory, key+".json"))
	if err != nil {
		return nil
	}
	var a artifact
	if err := json.Unmarshal(data, &a); err != nil || !a.complete(blobs) {
		return nil // a damaged record is no record
	}
	cache.Touch(filepath.Join(directory, key+".json"))
	for _, layer := range a.Layers {
		if layer.Base == "" {
			cache.Touch(blobPath(blobs, layer.Digest))
		}
	}
	return &a
}

// saveArtifact keeps an artifact under its key, whole or not at all.
func saveArtifact(directory, key string, a *artifact) error {
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("recording a build: %w", err)
	}
	file, err := os.CreateTemp(directory, ".new-")
	if err != nil {
		return fmt.Errorf("recording a build: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = file.Write(data)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("recording a build: %w", err)
	}
	if err := os.Rename(file.Name(), filepath.Join(directory, key+".json")); err != nil {
		return fmt.Errorf("recording a build: %w", err)
	}
	return nil
}

// digestTree returns a digest of everything that a build can see of a directory: names, kinds, permissions, link targets and contents,
// without the times, and without .git, whose state the commit stands for. Paths in skip (slash-separated, relative) are left out with
// what is below them.
func digestTree(directory string, skip []string) (string, error) {
	skipped := map[string]bool{".git": true}
	for _, path := range skip {
		skipped[strings.TrimSuffix(path, "/")] = true
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return "", fmt.Errorf("reading the source: %w", err)
	}
	defer root.Close()
	lines := map[string]string{}
	var mu sync.Mutex
	var order []string
	workers := new(errgroup.Group)
	workers.SetLimit(runtime.GOMAXPROCS(0))
	walk := func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		if skipped[path] {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		order = append(order, path)
		workers.Go(func() error {
			line, err := describe(root, path, entry)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			lines[path] = line
			return nil
		})
		return nil
	}
	err = fs.WalkDir(root.FS(), ".", walk)
	if err := errors.Join(err, workers.Wait()); err != nil {
		return "", fmt.Errorf("reading the source in %q: %w", directory, err)
	}
	sum := sha256.New()
	for _, path := range order { // WalkDir goes in lexical order
		fmt.Fprintf(sum, "%q %s\n", path, lines[path])
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// describe returns what a build can see of one file.
func describe(root *os.Root, path string, entry fs.DirEntry) (string, error) {
	info, err := entry.Info()
	if err != nil {
		return "", err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := root.Readlink(path)
		return "link " + target, err
	case info.Mode().IsRegular():
		file, err := root.Open(path)
		if err != nil {
			return "", err
		}
		defer file.Close()
		sum := sha256.New()
		if _, err := io.Copy(sum, file); err != nil {
			return "", err
		}
		return fmt.Sprintf("%v %x", info.Mode(), sum.Sum(nil)), nil
	default:
		return info.Mode().String(), nil
	}
}
