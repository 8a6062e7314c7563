package payload

import "github.com/oc-rebuild/oc-rebuild/internal/registry"

// Method is a way to assemble a payload.
type Method string

// The ways to assemble a payload. All give the same files; Delta reads a few images where Full reads all.
const (
	Copy  Method = "copy"  // nothing changes: the release image is the old one
	Delta Method = "delta" // the old release layer is edited
	Full  Method = "full"  // the manifests are extracted from every operator again
)

// AssembleOptions adjust an assembly. The zero value keeps everything of the old release but the changed components.
type AssembleOptions struct {
	// of the new release, a semantic version; "" = the old one's, or 0.0.1-DATE where there is no old release
	Name     string
	Previous []string       // versions that can upgrade to it; nil = as before
	Next     []string       // versions that it can upgrade to; nil = as before
	Metadata map[string]any // other metadata; nil = as before

	// versions of the release as a whole, key=version[,key=version], for keys that no component declares
	Versions     string
	DisplayNames string // and what they are called, key=text[,key=text]

	Exclude []string // components that are left out, whatever needs them
	Include []string // components that stay even though no operator names them
	// pull spec of the image that the release image is built on; "" = as before, or cluster-version-operator
	Base       string
	Repository string // repository that the pull specs of all components are written with; "" = each its own
	KeepList   bool   // a release image that is a manifest list stays one: every image of it gets the release layer
	// of the list that is kept, the images that are; nil = all
	Platforms []registry.Platform

	Method Method // Full forces a full extraction; "" = Delta wherever that gives the same
	Cache  *Cache // labels and manifests of images that were read before; nil = they are kept for this call only
	Jobs   int    // images that are read at once; 0 = 16

	AllowMissing      bool // operators may name tags that the payload lacks
	SkipManifestCheck bool // manifests are not parsed
	TrustTag          bool // after a push the registry is not asked what the tag names, which takes a request
}

// changesRelease tells whether the options ask for anything else than a copy.
func (o AssembleOptions) changesRelease() bool {
	return o.Name != "" || o.Previous != nil || o.Next != nil || o.Metadata != nil || o.Versions != "" ||
		o.DisplayNames != "" ||
		len(o.Exclude) > 0 || len(o.Include) > 0 || o.Base != "" || o.Repository != ""
}
