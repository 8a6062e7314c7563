package builder

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Alone waits until no other process that shares this storage builds what key names, and keeps others out until the function it returns is
// called: two builds of equal inputs make one image ID, and the one that ends first removes it.
func (b *Builder) Alone(ctx context.Context, key string) (release func(), err error) {
	directory := filepath.Join(b.store.RunRoot(), "oc-rebuild")
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, fmt.Errorf("locking a build: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(directory, filepath.Base(key)+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking a build: %w", err)
	}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil // closing unlocks; the file stays, another process may be waiting on it
		}
		if err != unix.EWOULDBLOCK && err != unix.EINTR {
			file.Close()
			return nil, fmt.Errorf("locking a build: %w", err)
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, ctx.Err()
		case <-ticker.C:
		}
	}
}
