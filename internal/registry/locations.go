package registry

import (
	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker/reference"
)

// location is a blob of a registry.
type location struct {
	domain string
	blob   digest.Digest
}

// locate records that a repository was seen to have a blob.
func (c *Client) locate(named reference.Named, blob digest.Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.places[location{reference.Domain(named), blob}] = reference.Path(named)
}

// located returns the path of another repository in the registry of named that has a blob.
func (c *Client) located(named reference.Named, blob digest.Digest) (path string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	path, ok = c.places[location{reference.Domain(named), blob}]
	return path, ok && path != reference.Path(named)
}
