package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"go.podman.io/image/v5/docker/reference"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry/distribution"
)

// Tags lists the tags of a repository, which is asked as a place to write to is, at the registry itself.
func (c *Client) Tags(ctx context.Context, repository string) (tags []string, err error) {
	named, err := ParsePullSpec(repository)
	if err != nil {
		return nil, err
	}
	place, err := c.dial(reference.TrimNamed(named))
	if err == nil {
		err = c.retry(ctx, func() error {
			tags, err = place.AllTags(ctx)
			return err
		})
	}
	return tags, c.Explain(err, "listing the tags of", repository)
}

// Tag gives an image or a manifest list, a pull spec by digest, one more tag in its repository.
func (c *Client) Tag(ctx context.Context, pullSpec, tag string) error {
	repository, _ := SplitDigest(pullSpec)
	m, _, err := c.Raw(ctx, pullSpec)
	if err != nil {
		return err
	}
	target, err := c.Target(repository + ":" + tag)
	if err != nil {
		return err
	}
	_, err = target.Commit(ctx, m.Data)
	return err
}

// Untag removes a tag, and leaves what it names. Not every registry can do so (distribution specification, "Deleting
// tags"). The error has the class fault.Publish.
func (c *Client) Untag(ctx context.Context, pullSpec string) error {
	named, err := ParsePullSpec(pullSpec)
	if err != nil {
		return err
	}
	tagged, ok := named.(reference.Tagged)
	if !ok {
		return fault.Errorf(fault.Usage, "%q names no tag", pullSpec)
	}
	place, err := c.dial(reference.TrimNamed(named))
	if err == nil {
		deleting := place.Deleting()
		err = c.retry(ctx, func() error { return deleting.Untag(ctx, tagged.Tag()) })
	}
	var refused *distribution.Error
	if errors.As(err, &refused) && (refused.Status == http.StatusMethodNotAllowed ||
		refused.Status == http.StatusBadRequest) {
		return fault.New(fault.Publish, "Tags can be removed in other ways: by rules of the registry, or on its pages.",
			fmt.Errorf("the registry does not remove the tag %q: %w", pullSpec, err))
	}
	return c.Explain(err, "removing the tag", pullSpec)
}
