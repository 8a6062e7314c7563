package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Resolve returns a pull spec by digest for one that may name a tag, and checks that the registry has the image: one HEAD request, and for
// a digest too. The digest is that of the manifest list where the pull spec names one. Registries that registries.conf puts in place of
// the one named are asked in its order. A reference with another transport is returned as it is.
func (c *Client) Resolve(ctx context.Context, pullSpec string) (string, error) {
	ref, err := ParseReference(pullSpec)
	if err != nil {
		return "", err
	}
	if ref.Transport().Name() != docker.Transport.Name() {
		return pullSpec, nil
	}
	named := ref.DockerReference()
	sources, err := c.pullSources(named)
	if err != nil {
		return "", c.Explain(err, "resolving", pullSpec)
	}
	var sum digest.Digest
	var failures []error
	for _, source := range sources {
		err := c.retry(ctx, func() (err error) {
			sum, err = c.head(ctx, source)
			return err
		})
		if err == nil {
			break
		}
		failures = append(failures, err)
	}
	if len(failures) == len(sources) {
		return "", c.Explain(errors.Join(failures...), "resolving", pullSpec)
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

// pullSources lists where an image is looked for: the mirrors that registries.conf names, then the place itself.
func (c *Client) pullSources(named reference.Named) ([]sysregistriesv2.PullSource, error) {
	found, err := sysregistriesv2.FindRegistry(c.system, named.Name())
	if err != nil {
		return nil, fmt.Errorf("reading the registries configuration: %w", err)
	}
	if found == nil {
		return []sysregistriesv2.PullSource{{Reference: named}}, nil
	}
	if found.Blocked {
		return nil, fmt.Errorf("registries.conf blocks %q", named.Name())
	}
	return found.PullSourcesFromReference(named)
}

// head asks one place for the digest of an image.
func (c *Client) head(ctx context.Context, source sysregistriesv2.PullSource) (digest.Digest, error) {
	ref, err := docker.NewReference(source.Reference)
	if err != nil {
		return "", err
	}
	system := c.SystemContext()
	if source.Endpoint.Insecure {
		system.DockerInsecureSkipTLSVerify = types.OptionalBoolTrue
	}
	return docker.GetDigest(ctx, system, ref)
}
