package worktree

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"

	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

const maxIgnoreFile = 1 << 20

// Home says what the user wants ignored beside what a repository says.
type Home struct {
	Nothing bool // whatever anybody says, nothing is
	// core.excludesFile of the user's git configuration, or where git looks if that is not set; may be missing
	ExcludesFile string
}

// ignorer decides what git ignores. Patterns of a directory are read when it is entered.
type ignorer struct {
	dir      string
	nothing  bool
	patterns []gitignore.Pattern
	matcher  gitignore.Matcher
}

func newIgnorer(dir string, r Repository, home Home) (*ignorer, error) {
	g := &ignorer{dir: dir, nothing: home.Nothing}
	for _, file := range []string{home.ExcludesFile, filepath.Join(r.CommonDir, "info", "exclude")} {
		if err := g.read(file, nil); err != nil {
			return nil, err
		}
	}
	g.matcher = gitignore.NewMatcher(g.patterns)
	return g, nil
}

func (g *ignorer) read(file string, domain []string) error {
	if file == "" || g.nothing {
		return nil
	}
	text, err := regular.Read(file, maxIgnoreFile)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading what git ignores: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSuffix(lines.Text(), "\r")
		if strings.TrimSpace(line) == "" || line[0] == '#' {
			continue
		}
		g.patterns = append(g.patterns, gitignore.ParsePattern(line, domain))
	}
	return lines.Err()
}

// enter reads the .gitignore of a directory; dir is "" or ends with a slash.
func (g *ignorer) enter(dir string) error {
	var domain []string
	if dir != "" {
		domain = splitPath(dir)
	}
	before := len(g.patterns)
	if err := g.read(filepath.Join(g.dir, dir, ".gitignore"), domain); err != nil {
		return err
	}
	if len(g.patterns) > before {
		g.matcher = gitignore.NewMatcher(g.patterns)
	}
	return nil
}

func (g *ignorer) match(name string, isDir bool) bool { return g.matcher.Match(splitPath(name), isDir) }
