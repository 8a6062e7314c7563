package registry

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/docker/config"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/registry/distribution"
)

// login returns what looks up the credentials for a repository, once. A credential helper is a program that may ask a
// person or another machine, and image/v5 waits for it without end: here it is left to itself after a while.
func (c *Client) login(named reference.Named) distribution.Login {
	var once sync.Once
	var found types.DockerAuthConfig
	var failed error
	done := make(chan struct{})
	return func(ctx context.Context) (types.DockerAuthConfig, error) {
		once.Do(func() {
			go func() {
				found, failed = config.GetCredentialsForRef(c.system, named)
				close(done)
			}()
		})
		limit := 2 * c.options.Patience
		early, late := time.NewTimer(limit/3), time.NewTimer(limit)
		defer early.Stop()
		defer late.Stop()
		for {
			select {
			case <-done:
				return found, failed
			case <-early.C:
				c.notice("the credential helper for "+reference.Domain(named), limit/3)
			case <-late.C:
				return types.DockerAuthConfig{}, fmt.Errorf("the credential helper for %q has not answered for %s",
					named.Name(), limit)
			case <-ctx.Done():
				return types.DockerAuthConfig{}, context.Cause(ctx)
			}
		}
	}
}
