package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/flock"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/scratch"
)

// pullable warns of images that were pushed to where a cluster cannot pull them: a new repository is private in most
// registries. An image that anybody gets, or that the cluster's own pull secret gets, is well.
func (o *registryOptions) pullable(ctx context.Context, streams Streams, api *cluster.Cluster, images ...string) error {
	var refused []string
	seen := map[string]bool{}
	secret, known := []byte(nil), false
	for _, image := range images {
		repository, _ := registry.SplitDigest(image)
		if seen[repository] {
			continue
		}
		seen[repository] = true
		got, err := o.gets(ctx, image, []byte(`{"auths":{}}`))
		if err == nil && !got {
			if !known {
				secret, known = pullSecret(ctx, api), true
			}
			if secret != nil {
				got, err = o.gets(ctx, image, secret)
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		switch {
		case err != nil:
			streams.notice(plain.Line(fmt.Sprintf("warning: whether the cluster can pull %s is not known: %v", image, err)))
		case !got:
			refused = append(refused, image)
		}
	}
	for _, image := range refused {
		why := "the cluster's pull secret does not get it either"
		if secret == nil {
			why = "the cluster's pull secret cannot be read"
		}
		streams.notice(plain.Line(fmt.Sprintf("warning: the cluster may not be able to pull %s: it is not public, and %s", image, why)))
		streams.notice("  Make the repository public, or give the cluster credentials for it: oc set data secret/pull-secret -n openshift-config --from-file=.dockerconfigjson=FILE")
	}
	return nil
}

// gets tells whether the credentials of an auth file get an image. A registry that does not answer is an error; one that
// says that there is none may only hide it.
func (o *registryOptions) gets(ctx context.Context, image string, auth []byte) (got bool, err error) {
	// where it is found, and removed, if the program is killed
	directory, alive, err := flock.MakeHeld(os.TempDir(), scratch.JobPrefix)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory), alive.Release()) }()
	file := filepath.Join(directory, "auth.json")
	if err := os.WriteFile(file, auth, 0o600); err != nil {
		return false, fmt.Errorf("writing credentials: %w", err)
	}
	options := o.Options
	options.AuthFile, options.Attempts, options.Platform = file, 2, "" // nothing is chosen from a list
	client, err := registry.New(options)
	if err != nil {
		return false, err
	}
	_, err = client.Resolve(ctx, image)
	if kind := fault.KindOf(err); kind == fault.Unauthorized || kind == fault.Unresolved {
		return false, client.Close()
	}
	return err == nil, errors.Join(err, client.Close())
}

// pullSecret returns what the cluster's nodes pull with; nil where that cannot be read.
func pullSecret(ctx context.Context, api *cluster.Cluster) []byte {
	var secret struct {
		Data map[string][]byte `json:"data"`
	}
	if api.Get(ctx, "api/v1/namespaces/openshift-config/secrets/pull-secret", &secret) != nil {
		return nil
	}
	if data := secret.Data[".dockerconfigjson"]; json.Valid(data) {
		return data
	}
	return nil
}
