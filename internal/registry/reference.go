package registry

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/transports/alltransports"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// maxReference is the longest reference that is read, in bytes: a registry host (255), a repository (255), a tag
// (128) and a digest fit twice.
const maxReference = 2048

// ParseReference reads a user's reference: a fully qualified pull spec such as quay.io/okd/scos-release:4.17 or one
// with a digest, or a reference with a transport prefix that containers/image knows, such as oci:DIR:TAG or
// containers-storage:NAME. A pull spec with both tag and digest loses the tag, one with neither gets the tag latest.
// Anything else is a usage error.
func ParseReference(s string) (types.ImageReference, error) {
	if name, _, ok := strings.Cut(s, ":"); ok && isTransport(name) {
		if rest, isDocker := strings.CutPrefix(s, "docker://"); isDocker {
			return ParseReference(rest)
		}
		ref, err := alltransports.ParseImageName(s)
		if err != nil {
			return nil, fault.New(fault.Usage, "", fmt.Errorf("reference %q: %w", s, err))
		}
		return ref, nil
	}
	named, err := ParsePullSpec(s)
	if err != nil {
		return nil, err
	}
	return docker.NewReference(reference.TagNameOnly(named))
}

// isTransport tells whether name is a transport prefix. A registry host with a port, such as localhost:5000, is not.
func isTransport(name string) bool {
	return alltransports.TransportFromImageName(name+":") != nil
}

// SplitDigest cuts a pull spec by digest into its repository and its digest, which is "" where it has none. Neither is
// checked.
func SplitDigest(pullSpec string) (repository string, sum digest.Digest) {
	repository, text, _ := strings.Cut(pullSpec, "@")
	return repository, digest.Digest(text)
}

// ParsePullSpec reads a pull spec, and only that: registry host, repository and at most one of tag and digest (the
// digest wins). It is the reader for names that come from a payload: nothing in it can choose a transport, carry
// credentials or leave out the registry.
func ParsePullSpec(s string) (reference.Named, error) {
	if len(s) > maxReference {
		return nil, fault.Errorf(fault.Usage, "pull spec of %d bytes: longer than %d", len(s), maxReference)
	}
	host, rest, ok := strings.Cut(s, "/")
	if !ok || rest == "" || !strings.ContainsAny(host, ".:") && host != "localhost" {
		return nil, fault.New(fault.Usage, "Write the registry's name first, such as quay.io/okd/scos-release:4.17.",
			fmt.Errorf("pull spec %q does not name its registry", s))
	}
	if _, port, ok := strings.Cut(host, ":"); ok && !strings.HasPrefix(host, "[") {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, fault.Errorf(fault.Usage, "pull spec %q: %q is not a port", s, port)
		}
	}
	named, err := reference.ParseNormalizedNamed(s)
	if err != nil {
		return nil, fault.New(fault.Usage, "", fmt.Errorf("pull spec %q: %w", s, err))
	}
	if canonical, ok := named.(reference.Canonical); ok {
		if err := canonical.Digest().Validate(); err != nil {
			return nil, fault.New(fault.Usage, "", fmt.Errorf("pull spec %q: %w", s, err))
		}
		return reference.WithDigest(reference.TrimNamed(named), canonical.Digest())
	}
	return named, nil
}
