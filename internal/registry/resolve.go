package registry

import (
	"context"
	"fmt"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry/distribution"
)

// Resolve returns a pull spec by digest for one that may name a tag, and checks that the registry has the image: one
// HEAD request, and for a digest too. The digest is that of the manifest list where the pull spec names one. Registries
// that registries.conf puts in place of the one named are asked in its order. A reference with another transport is
// returned as it is.
func (c *Client) Resolve(ctx context.Context, pullSpec string) (string, error) {
	ref, err := ParseReference(pullSpec)
	if err != nil {
		return "", err
	}
	if ref.Transport().Name() != docker.Transport.Name() {
		return pullSpec, nil
	}
	named := ref.DockerReference()
	source, err := c.reader(named)
	if err != nil {
		return "", c.Explain(err, "resolving", pullSpec)
	}
	var sum digest.Digest
	err = source.ask(ctx, func(place *distribution.Repository) (err error) {
		sum, err = place.Resolve(ctx, nameOf(named))
		return err
	})
	if err != nil {
		return "", c.Explain(err, "resolving", pullSpec)
	}
	if canonical, ok := named.(reference.Canonical); ok {
		if canonical.Digest() != sum {
			return "", fault.Errorf(fault.Unresolved, "resolving %q: the registry answers with %s", pullSpec, sum)
		}
		return named.String(), nil
	}
	resolved, err := reference.WithDigest(reference.TrimNamed(named), sum)
	if err != nil {
		return "", fmt.Errorf("resolving %q: the registry names digest %q: %w", pullSpec, sum, err)
	}
	return resolved.String(), nil
}

// resolve asks the registry itself, as a place to write to, for the digest that a tag, or a digest, names there.
func (c *Client) resolve(ctx context.Context, named reference.Named) (got digest.Digest, err error) {
	w, err := c.writer(reference.TrimNamed(named))
	if err != nil {
		return "", err
	}
	err = c.retry(ctx, func() error {
		got, err = w.repository.Resolve(ctx, nameOf(named))
		return err
	})
	return got, err
}
