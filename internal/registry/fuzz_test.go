package registry

import (
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
)

// FuzzParseManifest reads hostile manifests: what they refer to must be named by digests that are fit to be part of a
// path.
func FuzzParseManifest(f *testing.F) {
	const sum = "sha256:f30638f60452062aba36a26ee6c036feead2f03b28f2c47f2b0a991e4182331e"
	f.Add([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"digest":"` + sum +
		`"},"layers":[{"digest":"sha256:../../x","urls":["http://169.254.169.254/"]}]}`))
	f.Add([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[{"digest":"` + sum + `","platform":{"os":"linux","architecture":"amd64"}}]}`))
	f.Add([]byte(`{"schemaVersion":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.Case(t)
		m, err := ParseManifest(data, "", "")
		if err != nil {
			return
		}
		var digests []digest.Digest
		for _, blob := range m.Blobs {
			digests = append(digests, blob.Digest)
			if len(blob.URLs) > 0 {
				t.Errorf("a blob is to be fetched from %v", blob.URLs)
			}
		}
		for _, instance := range m.Instances {
			digests = append(digests, instance.Digest)
		}
		for _, d := range digests {
			if err := d.Validate(); err != nil {
				t.Errorf("a manifest refers to %q: %v", d, err)
			}
		}
	})
}

// FuzzParseMirrors reads hostile mirror files.
func FuzzParseMirrors(f *testing.F) {
	f.Add([]byte("kind: ImageDigestMirrorSet\nspec:\n  imageDigestMirrors:\n  - {source: a, mirrors: [b]}\n---\nkind: ImageTagMirrorSet\n"))
	f.Add([]byte("kind: ImageContentSourcePolicy\nspec: &a {repositoryDigestMirrors: []}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.Case(t)
		registries, err := parseMirrors(data)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, r := range registries {
			if seen[r.Prefix] {
				t.Errorf("two rules for %q", r.Prefix)
			}
			seen[r.Prefix] = true
		}
	})
}
