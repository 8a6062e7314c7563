package rebuild

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/source"
)

// unpack puts the patches that a plan holds into files, and checks that they make the source that the plan says: the key of
// what is built of it goes by that.
func (j *Job) unpack(ctx context.Context, planned *plan.Plan) (*plan.Plan, error) {
	unpacked := *planned
	var err error
	if unpacked.Components, err = j.unpackAll(ctx, planned.Components); err != nil {
		return nil, err
	}
	unpacked.Images, err = j.unpackAll(ctx, planned.Images)
	return &unpacked, err
}

func (j *Job) unpackAll(ctx context.Context, components []plan.Component) ([]plan.Component, error) {
	components = slices.Clone(components)
	for i := range components {
		component := &components[i]
		if len(component.Source.Patches) == 0 {
			continue
		}
		for _, patch := range component.Source.Patches {
			name := filepath.Join(j.scratch, "patches", digest.FromBytes(patch.Data).Encoded(), patch.Name)
			if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				return nil, fmt.Errorf("unpacking the plan: %w", err)
			}
			if err := os.WriteFile(name, patch.Data, 0o600); err != nil {
				return nil, fmt.Errorf("unpacking the plan: %w", err)
			}
			component.Source.Request.Patches = append(component.Source.Request.Patches, name)
		}
		tree, err := j.sources.Checkout(ctx, component.Name, component.Source.Request)
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", component.Noun(), component.Name, err)
		}
		sum, err := source.Digest(ctx, tree.Directory, tree.Ignored)
		if err != nil {
			return nil, err
		}
		if sum != component.Source.Digest {
			return nil, fault.Errorf(fault.Usage, "%s %q: source.digest is %s, and the commit with the plan's patches is %s", component.Noun(),
				component.Name, component.Source.Digest, sum)
		}
	}
	return components, nil
}
