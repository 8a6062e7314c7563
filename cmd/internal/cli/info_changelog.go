package cli

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild/changelog"
)

// openSources opens the cache of git repositories, in a directory of its own if one is named.
func openSources(directory, cacheDir string) (*gitsrc.Store, error) {
	if directory == "" {
		cache, err := cacheDirectory(cacheDir)
		if err != nil {
			return nil, err
		}
		directory = filepath.Join(cache, "git")
	}
	return gitsrc.Open(directory, gitsrc.Options{})
}

// history prints the changes of the source between two payloads: as Markdown, or the bugs alone.
func (o *infoOptions) history(ctx context.Context, w io.Writer, d payload.Diff) (err error) {
	directory := o.changelog
	if o.bugs != unset {
		directory = o.bugs
	}
	if directory == inCache {
		directory = ""
	}
	store, err := openSources(directory, o.cacheDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	logs, err := changelog.Read(ctx, store, d)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, changelog.Err(logs)) }() // what there is is printed
	form, template, _ := strings.Cut(o.output, "=")
	switch {
	case o.bugs != unset:
		return o.printBugs(w, form, template, logs)
	case form == "" || form == "text":
		return changelog.WriteMarkdown(w, d, logs)
	}
	return display.Template(w, form, template, changelog.Describe(d, logs), o.missing)
}

// printBugs prints the bugs that changes mention.
func (o *infoOptions) printBugs(w io.Writer, form, template string, logs []*changelog.Repository) error {
	bugs := changelog.Bugs(logs)
	switch form {
	case "", "text":
		t := display.NewTable(display.Narrow)
		t.Row("BUG", "URL", "REPOSITORIES")
		for _, bug := range bugs {
			t.Row(bug.Key, bug.URL, strings.Join(bug.Repositories, ", "))
		}
		return t.Write(w)
	case "name":
		for _, bug := range bugs {
			if err := display.Line(w, bug.Key); err != nil {
				return err
			}
		}
		return nil
	}
	return display.Form(w, form, template, bugs)
}
