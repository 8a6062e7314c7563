package pack

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

const (
	baseCacheBytes    = 16 << 20
	maxDirectories    = 16
	maxAlternatesFile = 1 << 20   // bytes
	maxObjectMemory   = 512 << 20 // bytes of an object that Read returns
	maxDeltaHead      = 20        // bytes of the two sizes that a delta begins with
)

// Database reads the objects below one or more directories laid out as .git/objects. It is safe for concurrent use.
type Database struct {
	dirs     []string
	packs    []*packFile
	bases    *baseCache
	contents *Contents // files that need not be inflated; nil = none
	readers  sync.Pool // of *reader
	memory   memory
}

// reader is what one goroutine needs to read an object.
type reader struct {
	z     *inflater
	sum   hash.Hash
	large share
}

// reader returns one that release gives back.
func (d *Database) reader() *reader { return d.readers.Get().(*reader) }

func (d *Database) release(r *reader) {
	r.large.release()
	d.readers.Put(r)
}

// Open opens the packs and loose objects of an objects directory, and of those that its info/alternates names.
func Open(objects string) (*Database, error) {
	d := &Database{bases: newBaseCache(baseCacheBytes)}
	d.readers.New = func() any { return &reader{z: newInflater(), sum: sha1.New(), large: share{of: &d.memory}} }
	directories, err := Directories(objects)
	for _, directory := range directories {
		err = errors.Join(err, d.add(directory))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening git objects: %w", err), d.Close())
	}
	return d, nil
}

func (d *Database) add(objects string) error {
	d.dirs = append(d.dirs, objects)
	found, err := filepath.Glob(filepath.Join(escapeGlob(objects), "pack", "pack-*.idx"))
	if err != nil {
		return err
	}
	for _, path := range found {
		p, err := openPack(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // somebody repacks, or a run was killed between the two files
		}
		if err != nil {
			return err
		}
		d.packs = append(d.packs, p)
	}
	return nil
}

// Directories lists an objects directory and those that its info/alternates names, and theirs, as far as they exist
// (gitrepository-layout).
func Directories(objects string) ([]string, error) { return appendDirectories(nil, objects) }

func appendDirectories(all []string, objects string) ([]string, error) {
	if len(all) == maxDirectories {
		return nil, fmt.Errorf("git objects are in more than %d directories", maxDirectories)
	}
	if _, err := os.Stat(objects); err != nil {
		return nil, err
	}
	all = append(all, objects)
	text, err := regular.Read(filepath.Join(objects, "info", "alternates"), maxAlternatesFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSuffix(line, "\n"); line == "" || line[0] == '#' {
			continue
		}
		if !filepath.IsAbs(line) {
			line = filepath.Join(objects, line)
		}
		more, err := appendDirectories(all, line)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = more
	}
	return all, nil
}

// escapeGlob makes a path match only itself.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// Use lets WriteBlob take files from contents, which Close then closes.
func (d *Database) Use(contents *Contents) { d.contents = contents }

// Close closes the files. Objects cannot be read afterwards.
func (d *Database) Close() error {
	errs := []error{d.contents.Close()}
	for _, p := range d.packs {
		errs = append(errs, p.close())
	}
	d.packs = nil
	return errors.Join(errs...)
}

// Used returns the packs that objects were taken from so far: paths without suffix.
func (d *Database) Used() []string {
	var paths []string
	for _, p := range d.packs {
		if p.used.Load() {
			paths = append(paths, p.path)
		}
	}
	return paths
}

// locate returns the first pack that has an object, and where in it; nil where none has it.
func (d *Database) locate(id ID) (*packFile, int64, error) {
	for _, p := range d.packs {
		if offset, ok, err := p.index.find(id); err != nil || ok {
			return p, offset, err
		}
	}
	return nil, 0, nil
}

// Has tells whether the object is there. It does not read it.
func (d *Database) Has(id ID) (bool, error) {
	if p, _, err := d.locate(id); err != nil || p != nil {
		return err == nil, err
	}
	file, err := d.openLoose(id)
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
		return false, err
	}
	return true, file.Close()
}

// Read returns an object of the given type and checks that its content has the id.
func (d *Database) Read(id ID, want Type) ([]byte, error) {
	r := d.reader()
	defer d.release(r)
	return d.read(r, id, want)
}

func (d *Database) read(r *reader, id ID, want Type) ([]byte, error) {
	data, err := d.checked(r, id, want)
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", want, id, err)
	}
	return data, nil
}

func (d *Database) checked(r *reader, id ID, want Type) ([]byte, error) {
	kind, data, err := d.object(r, id)
	if err != nil {
		return nil, err
	}
	r.sum.Reset()
	r.sum.Write(appendHeader(nil, kind, int64(len(data))))
	r.sum.Write(data)
	if ID(r.sum.Sum(nil)) != id {
		return nil, fmt.Errorf("content has another id: %w", ErrCorrupt)
	}
	if kind != want {
		return nil, fmt.Errorf("is a %s: %w", kind, ErrKind)
	}
	return data, nil
}

// Size returns how many bytes an object has by its own account, without reading it.
func (d *Database) Size(id ID) (int64, error) {
	r := d.reader()
	defer d.release(r)
	p, offset, err := d.locate(id)
	if err != nil {
		return 0, err
	}
	if p == nil {
		_, data, err := d.loose(r, id)
		return int64(len(data)), err
	}
	at, err := p.place(offset)
	if err != nil || !at.kind.delta() {
		return at.size, err
	}
	head := make([]byte, min(at.size, maxDeltaHead))
	if err := r.z.readHead(p.file, at.body, head); err != nil {
		return 0, err
	}
	return announced(head), nil
}

// Type returns the type of an object.
func (d *Database) Type(id ID) (Type, error) {
	p, offset, err := d.locate(id)
	if err != nil {
		return 0, err
	}
	if p == nil {
		r := d.reader()
		defer d.release(r)
		kind, _, err := d.loose(r, id)
		return kind, err
	}
	for range maxChain {
		at, err := p.place(offset)
		if err != nil || !at.kind.delta() {
			return at.kind, err
		}
		if offset, err = p.baseOf(at); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("chain of more than %d deltas: %w", maxChain, ErrCorrupt)
}
