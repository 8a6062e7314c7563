package ciconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// Tree is a directory that is laid out like openshift/release. Files are read when they are needed and parsed once.
// It may be used by several goroutines at a time.
type Tree struct {
	files  fs.FS
	origin string

	mu       sync.Mutex
	parsed   map[string]*parsedFile
	sections map[string][]byte // what each config says about promotion, unparsed; nil until the whole tree was searched
}

// parsedFile is a config, parsed when it is first asked for.
type parsedFile struct {
	once   sync.Once
	config *Config
	err    error
}

// Open returns the tree in a file system. The origin says in messages and plans what it is. Symbolic links are the
// file system's business: use os.Root.FS for a directory, so that none leads out of it.
func Open(files fs.FS, origin string) *Tree {
	return &Tree{files: files, origin: origin, parsed: map[string]*parsedFile{}}
}

// Config returns one config of the tree.
func (t *Tree) Config(name string) (*Config, error) {
	file := t.file(name)
	file.once.Do(func() {
		data, err := readRegular(t.files, name, MaxConfigSize)
		if err != nil {
			file.err = fault.New(fault.Unresolved, "", fmt.Errorf("reading a config of %s: %w", t.origin, err))
			return
		}
		if file.config, file.err = Parse(name, data); file.err == nil {
			file.err = file.config.belongs(name)
		}
	})
	return file.config, file.err
}

// belongs refuses a config whose metadata name another repository or variant than its path: which of the two would be
// built?
func (c *Config) belongs(name string) error {
	place, err := MetadataFromPath(name)
	if m := c.Metadata; err == nil && (m.Org != place.Org || m.Repo != place.Repo || m.Variant != place.Variant) {
		return fault.Errorf(fault.Unresolved,
			"%s: zz_generated_metadata say %q, the file's place says %q", name, m, place)
	}
	return nil
}

// Load reads one config that the user named.
func Load(name string) (*Config, error) {
	data, err := regular.Read(name, MaxConfigSize)
	if err != nil {
		return nil, fault.New(fault.Unresolved, "", fmt.Errorf("reading the config: %w", err))
	}
	return Parse(name, data)
}

// file returns the entry for a path.
func (t *Tree) file(name string) *parsedFile {
	t.mu.Lock()
	defer t.mu.Unlock()
	file := t.parsed[name]
	if file == nil {
		file = &parsedFile{}
		t.parsed[name] = file
	}
	return file
}

// list returns the configs of a repository, sorted. A repository without a directory has none.
func (t *Tree) list(org, repo string) ([]string, error) {
	for _, part := range []string{org, repo} {
		if part == "" || part == "." || part == ".." || strings.ContainsFunc(part, notInName) {
			return nil, fault.Errorf(fault.Unresolved, "%q is not the name of a repository", org+"/"+repo)
		}
	}
	directory := path.Join(configDir, org, repo)
	entries, err := fs.ReadDir(t.files, directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.New(fault.Unresolved, "",
			fmt.Errorf("listing the configs of %s/%s in %s: %w", org, repo, t.origin, err))
	}
	var names []string
	for _, entry := range entries {
		if isConfigName(entry.Name()) && !entry.IsDir() {
			names = append(names, path.Join(directory, entry.Name()))
		}
	}
	return names, nil
}

// isConfigName tells configs from the other files beside them: OWNERS, .config.prowgen and the like. A name with
// control characters, which a message would carry to the terminal, is none.
func isConfigName(name string) bool {
	return path.Ext(name) == ".yaml" && !strings.HasPrefix(name, ".") && !unprintable(name)
}

// check reports whether the tree looks like openshift/release at all.
func (t *Tree) check() error {
	if _, err := fs.Stat(t.files, configDir); err != nil {
		return fault.New(fault.Unresolved, "--release-repo takes a clone of https://github.com/openshift/release",
			fmt.Errorf("%s has no %s: %w", t.origin, configDir, err))
	}
	return nil
}
