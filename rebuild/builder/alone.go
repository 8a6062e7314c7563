package builder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oc-rebuild/oc-rebuild/internal/flock"
)

// Alone waits until no other process that shares this storage builds what key names, and keeps others out until the
// function it returns is called: two builds of equal inputs make one image ID, and the one that ends first removes
// it.
func (b *Builder) Alone(ctx context.Context, key string) (release func(), err error) {
	directory := filepath.Join(b.store.RunRoot(), "oc-rebuild")
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, fmt.Errorf("locking a build: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(directory, filepath.Base(key)+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking a build: %w", err)
	}
	if err := flock.Wait(ctx, file, flock.Exclusive, nil); err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for another run: %w", err), file.Close())
	}
	return func() { file.Close() }, nil // the file stays: another process may be waiting for it
}
