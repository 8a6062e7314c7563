package worktree

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/gitconfig"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

const (
	maxConfig     = 1 << 20 // bytes of .git/config
	maxRemoteRefs = 100_000
	remotePrefix  = "refs/remotes/"
)

// Remote is another repository that this one fetches from.
type Remote struct {
	Name string
	URL  string    // as the configuration has it
	Tips []pack.ID // what its branches were when they were fetched last
}

// Remotes returns the remotes in the order of the repository's configuration.
func (r Repository) Remotes() ([]Remote, error) {
	text, err := regular.Read(filepath.Join(r.CommonDir, "config"), maxConfig)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the configuration of the repository: %w", err)
	}
	entries, err := gitconfig.Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("reading the configuration of the repository: %w", err)
	}
	refs, err := r.remoteRefs()
	if err != nil {
		return nil, fmt.Errorf("reading the branches of remotes: %w", err)
	}
	var remotes []Remote
	seen := map[string]bool{}
	for _, e := range entries {
		if e.Section != "remote" || e.Name != "url" || seen[e.Subsection] {
			continue
		}
		seen[e.Subsection] = true
		remote := Remote{Name: e.Subsection, URL: e.Value}
		for name, tip := range refs {
			if strings.HasPrefix(name, remotePrefix+e.Subsection+"/") {
				remote.Tips = append(remote.Tips, tip)
			}
		}
		remotes = append(remotes, remote)
	}
	return remotes, nil
}

// remoteRefs returns the branches of all remotes by their full names.
func (r Repository) remoteRefs() (map[string]pack.ID, error) {
	refs := map[string]pack.ID{}
	packed, err := regular.Read(filepath.Join(r.CommonDir, "packed-refs"), maxPackedRefs)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(packed)); lines.Scan() && len(refs) < maxRemoteRefs; {
		text, name, _ := strings.Cut(lines.Text(), " ")
		if id, err := pack.ParseID(text); err == nil && strings.HasPrefix(name, remotePrefix) {
			refs[name] = id
		}
	}
	err = filepath.WalkDir(filepath.Join(r.CommonDir, "refs", "remotes"),
		func(path string, e fs.DirEntry, err error) error {
			if errors.Is(err, os.ErrNotExist) {
				return nil
			}
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			if len(refs) >= maxRemoteRefs {
				return fs.SkipAll
			}
			text, err := readSmall(path, maxSmallFile)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(r.CommonDir, path)
			if id, parseErr := pack.ParseID(text); parseErr == nil { // HEAD is the name of another one
				refs[filepath.ToSlash(name)] = id
			}
			return err
		})
	return refs, err
}
