package cli

import (
	"context"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// writable sends the smallest thing that a registry takes, an empty JSON object, to where the new payload will go.
func writable(ctx context.Context, client *registry.Client, to string) error {
	target, err := client.Target(to)
	if err != nil {
		return err
	}
	return target.Put(ctx, registry.Bytes([]byte("{}"), "application/vnd.oci.empty.v1+json"))
}
