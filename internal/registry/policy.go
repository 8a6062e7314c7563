package registry

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/signature"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// loadPolicy reads the signature policy that images must meet: that of the options, or the machine's.
func (c *Client) loadPolicy() error {
	policy, err := signature.DefaultPolicy(c.system)
	if err != nil {
		return fault.New(fault.Usage, "", fmt.Errorf("reading the signature policy: %w", err))
	}
	if !acceptsAnything(policy) {
		c.policy = policy
	}
	return nil
}

// acceptsAnything tells whether a policy has no other requirement for any image.
func acceptsAnything(policy *signature.Policy) bool {
	lists := []signature.PolicyRequirements{policy.Default}
	for _, scopes := range policy.Transports {
		lists = slices.AppendSeq(lists, maps.Values(scopes))
	}
	anything := signature.NewPRInsecureAcceptAnything()
	for _, list := range lists {
		for _, requirement := range list {
			if !reflect.DeepEqual(requirement, anything) {
				return false
			}
		}
	}
	return true
}

// allow asks the signature policy whether an image, or the manifest list that it came from, may be used. A policy that
// accepts anything costs nothing; others fetch signatures.
func (c *Client) allow(ctx context.Context, i *Image) error {
	if c.policy == nil {
		return nil
	}
	// image/v5 knows where signatures are. It would wait for a silent registry without end.
	ctx, cancel := context.WithTimeout(ctx, 4*c.options.Patience)
	defer cancel()
	source, err := i.Reference.NewImageSource(ctx, c.system)
	if err != nil {
		return err
	}
	defer source.Close()
	policy, err := signature.NewPolicyContext(c.policy)
	if err != nil {
		return fmt.Errorf("reading the signature policy: %w", err)
	}
	top := i.TopDigest()
	_, err = policy.IsRunningImageAllowed(ctx, image.UnparsedInstance(source, &top))
	if destroyed := policy.Destroy(); err == nil {
		err = destroyed
	}
	if err != nil {
		return fault.New(fault.Unresolved,
			"The signature policy decides which images may be used: pass another with --signature-policy if this one is to be.",
			fmt.Errorf("the signature policy refuses the image: %w", err))
	}
	return nil
}
