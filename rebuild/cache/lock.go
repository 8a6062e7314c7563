package cache

import (
	"context"

	"github.com/oc-rebuild/oc-rebuild/internal/flock"
)

// Use takes a hold on a cache that others may share, and that keeps prunes away. It waits for a prune that is under
// way.
func Use(ctx context.Context, directory string) (*flock.Lock, error) {
	return flock.Use(ctx, directory, flock.Shared, nil)
}
