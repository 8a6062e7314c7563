package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild/scratch"
)

// withScratch clears away what killed runs left in the temporary directory, and gives do a directory of its own
// there, which TMPDIR names and which is gone when do has returned. What cannot be cleared away is told, and keeps
// nobody from working.
func withScratch(ctx context.Context, streams Streams, o outputOptions, do func() error) (err error) {
	if _, err := scratch.Clear(ctx); err != nil && !o.quiet {
		fmt.Fprintf(streams.Err, "warning: an earlier run was killed: %s\n", plain.Text(err.Error()))
	}
	directory, err := scratch.Enter()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, directory.Leave()) }()
	return do()
}
