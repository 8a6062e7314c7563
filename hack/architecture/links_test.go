package architecture

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLinks follows every link within the documents: to files, and to headings in them.
func TestLinks(t *testing.T) {
	root := filepath.Join("..", "..")
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	followed := 0
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "vendor" || entry.Name() == ".git" || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		if filepath.Ext(name) != ".md" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			target, heading, _ := strings.Cut(match[1], "#")
			if strings.Contains(match[1], "://") {
				continue
			}
			followed++
			to := name
			if target != "" {
				to = filepath.Join(filepath.Dir(name), target)
			}
			page, err := os.ReadFile(to)
			if info, statErr := os.Stat(to); statErr == nil && info.IsDir() && heading == "" {
				err = nil
			}
			if err != nil {
				t.Errorf("%s links to %s, which is not there", name, match[1])
			} else if heading != "" && !hasHeading(string(page), heading) {
				t.Errorf("%s links to %s: there is no such heading", name, match[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if followed < 50 {
		t.Errorf("%d links were followed", followed)
	}
}

// hasHeading tells whether a document has a heading by the name that GitHub gives it.
func hasHeading(page, name string) bool {
	drop := regexp.MustCompile("[^a-z0-9 _-]")
	for line := range strings.Lines(page) {
		if text := strings.TrimLeft(line, "#"); text != line {
			slug := drop.ReplaceAllString(strings.ToLower(strings.TrimSpace(text)), "")
			if strings.ReplaceAll(slug, " ", "-") == name {
				return true
			}
		}
	}
	return false
}
