package payload

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// cacheFormat changes when the meaning of what is cached does: older files are then read from the registry again.
const cacheFormat = 2

// Cache keeps labels and manifests of component images on disk, by the digest of the image, so that a full extraction
// pays for each image once. It may be shared by several processes. What it holds is checked when it is read; what is
// damaged is fetched again.
type Cache struct {
	root *os.Root

	mu     sync.Mutex
	loaded map[string]contents // what this process read before
}

// OpenCache opens a cache in a directory, which is made if it is not there. It refuses a directory that others may
// write to, since what it holds ends up in a payload.
func OpenCache(directory string) (*Cache, error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, fmt.Errorf("opening the cache of manifests: %w", err)
	}
	info, err := os.Stat(directory)
	if err != nil {
		return nil, fmt.Errorf("opening the cache of manifests: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("opening the cache of manifests: others may write to %q (mode %s)", directory,
			info.Mode().Perm())
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return nil, fmt.Errorf("opening the cache of manifests: %w", err)
	}
	return &Cache{root: root, loaded: map[string]contents{}}, nil
}

// inMemory is a cache for one run that keeps nothing on disk.
func inMemory() *Cache { return &Cache{loaded: map[string]contents{}} }

// Close ends the use of the cache.
func (c *Cache) Close() error {
	if c == nil || c.root == nil {
		return nil
	}
	return c.root.Close()
}

// contents returns what the cache has for an image, or what read returns, which is then kept. of is the platform that
// is taken of a manifest list.
func (c *Cache) contents(spec string, of registry.Platform, override bool, read func() (contents, error)) (contents, error) {
	_, sum := registry.SplitDigest(spec)
	if sum.Validate() != nil {
		return read()
	}
	name := strings.ReplaceAll(sum.String()+"-"+of.String(), "/", "-")
	name = strings.ReplaceAll(name, ":", "-")
	if override { // then other layers are read
		name += "-all"
	}
	c.mu.Lock()
	got, ok := c.loaded[name]
	c.mu.Unlock()
	if ok {
		return got, nil
	}
	if got, ok = c.load(name); !ok {
		var err error
		if got, err = read(); err != nil {
			return contents{}, err
		}
		if err := c.store(name, got); err != nil {
			return contents{}, err
		}
	}
	c.mu.Lock()
	c.loaded[name] = got
	c.mu.Unlock()
	return got, nil
}

// load reads a cached file: a line with the format and the digest of what follows, then the contents as gob.
func (c *Cache) load(name string) (contents, bool) {
	if c.root == nil {
		return contents{}, false
	}
	data, err := c.root.ReadFile(name)
	if err != nil {
		return contents{}, false
	}
	head, body, _ := bytes.Cut(data, []byte("\n"))
	if string(head) != header(body) {
		return contents{}, false
	}
	var got contents
	if err := gob.NewDecoder(bytes.NewReader(body)).Decode(&got); err != nil {
		return contents{}, false
	}
	return got, true
}

// store writes a file beside its place and moves it there, so that no reader sees half of it.
func (c *Cache) store(name string, got contents) error {
	if c.root == nil {
		return nil
	}
	var body bytes.Buffer
	if err := gob.NewEncoder(&body).Encode(got); err != nil {
		return fmt.Errorf("caching manifests: %w", err)
	}
	temporary := fmt.Sprintf(".%s-%d", name, os.Getpid())
	err := c.root.WriteFile(temporary, append([]byte(header(body.Bytes())+"\n"), body.Bytes()...), 0o600)
	if err == nil {
		err = c.root.Rename(temporary, path.Clean(name))
	}
	// another process of the same number in another container may have moved it
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("caching manifests: %w", err)
	}
	return nil
}

func header(body []byte) string {
	return fmt.Sprintf("oc-rebuild manifests %d %s", cacheFormat, digest.FromBytes(body))
}
