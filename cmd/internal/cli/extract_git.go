package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// clonesAtOnce is how many repositories are fetched at once.
const clonesAtOnce = 8

// extractSources checks the source of every component out, below the host and the path of its repository, and prints
// where.
func (o *extractOptions) extractSources(ctx context.Context, streams Streams, release *payload.Release) (err error) {
	store, err := openSources("", o.cacheDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	out := plain.Writer(streams.Out)
	var mu sync.Mutex
	var failed []string
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(clonesAtOnce)
	for _, component := range o.sources(streams, release) {
		group.Go(func() error {
			directory, err := o.checkout(groupContext, store, component)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				if fault.KindOf(err) == fault.Interrupted {
					return err
				}
				failed = append(failed, component.Name)
				fmt.Fprintln(streams.Err, plain.Line(fmt.Sprintf("error: %s: %v", component.Source, err)))
				return nil
			}
			return printSource(out, directory, component.Commit, o.output)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if len(failed) > 0 {
		return fault.Errorf(fault.Unresolved, "the sources of %d components cannot be checked out, %s among them",
			len(failed), failed[0])
	}
	return nil
}

func printSource(w io.Writer, directory, commit, form string) error {
	if form == "commit" {
		directory += " " + commit
	}
	if _, err := fmt.Fprintln(w, directory); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

// sources lists one component of each repository. A repository that the release has at two commits is taken at the
// first one.
func (o *extractOptions) sources(streams Streams, release *payload.Release) []payload.Component {
	first := map[string]payload.Component{}
	var list []payload.Component
	for _, component := range release.Components() {
		if component.Source == "" || component.Commit == "" {
			continue
		}
		other, ok := first[component.Source]
		if !ok {
			first[component.Source] = component
			list = append(list, component)
		} else if other.Commit != component.Commit && !o.quiet {
			fmt.Fprintln(streams.Err,
				plain.Line(fmt.Sprintf("warning: %s is at commit %s for %s and at %s for %s: only the first is checked out",
					component.Source, other.Commit, other.Name, component.Commit, component.Name)))
		}
	}
	return list
}

// checkout puts the source of a component where its URL says.
func (o *extractOptions) checkout(ctx context.Context, store *gitsrc.Store,
	component payload.Component) (string, error) {
	u, err := url.Parse(component.Source) // payload has checked host and path: they stay inside the directory
	if err != nil {
		return "", err
	}
	directory := filepath.Join(o.git, u.Hostname(), filepath.FromSlash(strings.TrimSuffix(u.Path, ".git")))
	if err := os.MkdirAll(filepath.Dir(directory), 0o755); err != nil {
		return "", err
	}
	_, err = store.Fetch(ctx, gitsrc.Request{Repository: component.Source, Commit: component.Commit,
		Branch: component.Ref}, directory)
	return directory, err
}
