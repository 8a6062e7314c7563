package mirror

import (
	"context"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// Registries is a Source and a Destination: all registries that a client reaches.
type Registries struct {
	client *registry.Client

	mu      sync.Mutex
	targets map[string]*registry.Target // by repository
}

// NewRegistries returns the registries that a client reaches.
func NewRegistries(c *registry.Client) *Registries {
	return &Registries{client: c, targets: map[string]*registry.Target{}}
}

// Close does nothing: connections are the client's.
func (r *Registries) Close() error { return nil }

// Manifest implements Source.
func (r *Registries) Manifest(ctx context.Context, spec string) (registry.Manifest,
	func(types.BlobInfo) registry.Blob, error) {
	return r.client.Raw(ctx, spec)
}

// Has implements Destination.
func (r *Registries) Has(ctx context.Context, ref string, want digest.Digest) (bool, error) {
	got, err := r.client.Names(ctx, ref)
	return got == want, err
}

// Blob implements Destination.
func (r *Registries) Blob(ctx context.Context, ref string, blob registry.Blob) error {
	target, err := r.repository(ref)
	if err != nil {
		return err
	}
	return target.Put(ctx, blob)
}

// Child implements Destination.
func (r *Registries) Child(ctx context.Context, ref string, data []byte) error {
	target, err := r.repository(ref)
	if err != nil {
		return err
	}
	_, err = target.Manifest(ctx, data)
	return err
}

// Tag implements Destination.
func (r *Registries) Tag(ctx context.Context, ref string, data []byte) error {
	target, err := r.client.Target(ref)
	if err != nil {
		return err
	}
	_, err = target.Commit(ctx, data)
	return err
}

// repository returns the connection that writes into the repository of a pull spec.
func (r *Registries) repository(ref string) (*registry.Target, error) {
	name := ref[:strings.LastIndex(ref, ":")]
	r.mu.Lock()
	defer r.mu.Unlock()
	if target, ok := r.targets[name]; ok {
		return target, nil
	}
	target, err := r.client.Target(name)
	if err == nil {
		r.targets[name] = target
	}
	return target, err
}
