package ciconfig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"sync"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"golang.org/x/sync/errgroup"
)

const (
	// maxConfigs bounds the files of a tree. openshift/release has about 13,000 configs.
	maxConfigs = 100_000
	// maxEntries bounds what is looked at to find them.
	maxEntries = 1_000_000
)

// promoters lists the configs of the whole tree that may promote to one of the streams, sorted. The tree is read
// once; what each config says about promotion is kept.
func (t *Tree) promoters(ctx context.Context, streams []Stream) ([]string, error) {
	t.mu.Lock()
	sections := t.sections
	t.mu.Unlock()
	if sections == nil {
		var err error
		if sections, err = t.readSections(ctx); err != nil {
			return nil, err
		}
		t.mu.Lock()
		t.sections = sections
		t.mu.Unlock()
	}
	var names []string
	for _, name := range sortedKeys(sections) {
		if named(streams, sections[name]) {
			names = append(names, name)
		}
	}
	return names, nil
}

// readSections reads every config of the tree, unparsed. Files that cannot be read are kept out: they cannot be
// anyone's answer.
func (t *Tree) readSections(ctx context.Context) (map[string][]byte, error) {
	names, err := t.all(ctx)
	if err != nil {
		return nil, err
	}
	if remote, ok := t.files.(interface{ Prefetch(directory string) error }); ok {
		if err := remote.Prefetch(configDir); err != nil {
			return nil, fault.New(fault.Unresolved, "", fmt.Errorf("reading the configs of %s: %w", t.origin, err))
		}
	}
	sections := make(map[string][]byte, len(names))
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(2 * runtime.GOMAXPROCS(0))
	for _, name := range names {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			data, err := readRegular(t.files, name, MaxConfigSize)
			if err != nil {
				return ctx.Err()
			}
			section := bytes.Clone(promotionSection(data))
			mu.Lock()
			sections[name] = section
			mu.Unlock()
			return nil
		})
	}
	return sections, errors.Join(group.Wait(), ctx.Err())
}

// all lists every config of the tree, sorted.
func (t *Tree) all(ctx context.Context) ([]string, error) {
	var names []string
	seen := 0
	err := fs.WalkDir(t.files, configDir, func(name string, entry fs.DirEntry, err error) error {
		switch seen++; {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case seen > maxEntries:
			return fmt.Errorf("more than %d files and directories", maxEntries)
		case entry.IsDir() || !isConfigName(path.Base(name)) || unprintable(name):
			return nil
		case len(names) == maxConfigs:
			return fmt.Errorf("more than %d configs", maxConfigs)
		}
		names = append(names, name)
		return nil
	})
	if err != nil {
		return nil, fault.New(fault.Unresolved, "", fmt.Errorf("listing the configs of %s: %w", t.origin, err))
	}
	return names, nil
}

// promotionSection cuts out what a config says about promotion. Where the file is not laid out as openshift/release
// lays it out, top-level keys at the beginning of lines and no anchors, it returns all of it.
func promotionSection(data []byte) []byte {
	key := []byte("promotion:")
	start := 0
	if !bytes.HasPrefix(data, key) {
		start = bytes.Index(data, append([]byte("\n"), key...)) + 1
	}
	switch {
	case bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")), bytes.Contains(data, []byte("<<:")):
		return data
	case start == 0 && !bytes.HasPrefix(data, key):
		return nil
	}
	section := data[start:]
	for i := 0; i < len(section)-1; i++ {
		if section[i] == '\n' && bytes.IndexByte([]byte(" \t\r\n#-"), section[i+1]) < 0 {
			section = section[:i]
			break
		}
	}
	if bytes.ContainsAny(section, "*&") {
		return data
	}
	return section
}

// named reports whether a text names one of the streams.
func named(streams []Stream, text []byte) bool {
	return slices.ContainsFunc(streams, func(s Stream) bool { return bytes.Contains(text, []byte(s.Name)) })
}

// isParsed reports whether a config was parsed before.
func (t *Tree) isParsed(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.parsed[name] != nil
}

// elsewhere lists configs of other repositories that promote what is looked for, for a message.
func (t *Tree) elsewhere(ctx context.Context, query search) []string {
	names, err := t.promoters(ctx, query.streams)
	if err != nil {
		return nil
	}
	query.Org, query.Repo = "", ""
	var found []string
	for _, name := range names {
		if ctx.Err() != nil || len(found) == 5 {
			break
		}
		if !t.mentions(name, query) {
			continue
		}
		if config, err := t.Config(name); err == nil {
			if _, ok := query.consider(config); ok {
				found = append(found, name)
			}
		}
	}
	return found
}
