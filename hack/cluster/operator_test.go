package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
)

const versionPath = "apis/config.openshift.io/v1/clusterversions/version"

// versionOperator does what the cluster version operator does: it puts back what others change in the objects of the
// payload, but for those that it is told to leave alone, and goes to the payload that it is asked for.
type versionOperator struct {
	api     *cluster.Cluster
	objects map[string]string // manifests by their addresses
}

type version struct {
	Metadata struct {
		Generation int64 `json:"generation"`
	} `json:"metadata"`
	Spec struct {
		Overrides []struct {
			Kind, Name, Namespace string
			Unmanaged             bool
		} `json:"overrides"`
		DesiredUpdate *struct {
			Image string `json:"image"`
		} `json:"desiredUpdate"`
	} `json:"spec"`
	Status struct {
		Desired cluster.Release `json:"desired"`
	} `json:"status"`
}

// run works until the context ends.
func (o *versionOperator) run(ctx context.Context, t *testing.T) {
	for ctx.Err() == nil {
		if err := o.sync(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, cluster.ErrExists) {
			t.Errorf("the cluster version operator: %v", err)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(300 * time.Millisecond):
		}
	}
}

func (o *versionOperator) sync(ctx context.Context) error {
	var v version
	if err := o.api.Get(ctx, versionPath, &v); err != nil {
		return err
	}
	for address, manifest := range o.objects {
		if slices.ContainsFunc(v.Spec.Overrides, func(one struct {
			Kind, Name, Namespace string
			Unmanaged             bool
		}) bool {
			return one.Unmanaged && strings.HasSuffix(address,
				"/"+one.Namespace+"/"+strings.ToLower(one.Kind)+"s/"+one.Name)
		}) {
			continue
		}
		if err := o.apply(ctx, address, manifest); err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
	}
	if wanted := v.Spec.DesiredUpdate; wanted != nil && wanted.Image != v.Status.Desired.Image {
		if err := o.status(ctx, wanted.Image, "Partial", "Working towards the new payload"); err != nil {
			return err
		}
		time.Sleep(2 * time.Second)
		return o.status(ctx, wanted.Image, "Completed", "")
	}
	return nil
}

// apply makes an object, or changes it to what the manifest says.
func (o *versionOperator) apply(ctx context.Context, address, manifest string) error {
	body, err := yaml.YAMLToJSON([]byte(manifest))
	if err != nil {
		return err
	}
	err = o.api.Merge(ctx, address, body)
	if errors.Is(err, cluster.ErrNotFound) {
		err = o.api.Create(ctx, filepath.Dir(address), body, nil)
	}
	return err
}

// status says which payload the cluster runs, or is on its way to.
func (o *versionOperator) status(ctx context.Context, image, state, progress string) error {
	now := time.Now().UTC().Format(time.RFC3339)
	progressing := "False"
	if progress != "" {
		progressing = "True"
	}
	status := map[string]any{
		"desired": map[string]any{"image": image, "version": "4.17.0"}, "observedGeneration": 1, "versionHash": "x",
		"availableUpdates": []any{},
		"history": []any{map[string]any{"state": state, "image": image, "version": "4.17.0", "verified": false,
			"startedTime":    now,
			"completionTime": now}},
		"conditions": []any{map[string]any{"type": "Progressing", "status": progressing, "message": progress,
			"reason": "x", "lastTransitionTime": now}},
	}
	body, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	return o.api.Merge(ctx, versionPath+"/status", body)
}

// definitions gives the cluster the kinds of config.openshift.io that the program has to do with, as OpenShift's own
// API module has them.
func definitions(t *testing.T, api *cluster.Cluster) {
	t.Helper()
	// vendor/ has the Go files alone
	download := exec.Command("go", "mod", "download", "-json", "github.com/openshift/api")
	download.Env = append(os.Environ(), "GOFLAGS=")
	out, err := download.Output()
	var module struct{ Dir string }
	if err := errors.Join(err, json.Unmarshal(out, &module)); err != nil {
		t.Fatalf("finding the definitions: %v\n%s", err, out)
	}
	directory := filepath.Join(module.Dir, "config/v1/zz_generated.crd-manifests")
	for _, name := range []string{"clusterversions-Default", "clusteroperators"} {
		data, err := os.ReadFile(filepath.Join(directory, "0000_00_cluster-version-operator_01_"+name+".crd.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := yaml.YAMLToJSON(data)
		if err != nil {
			t.Fatal(err)
		}
		err = api.Create(context.Background(), "apis/apiextensions.k8s.io/v1/customresourcedefinitions", body, nil)
		if err != nil && !errors.Is(err, cluster.ErrExists) {
			t.Fatal(err)
		}
	}
	eventually(t, "the definitions are served", func() bool {
		var list any
		return api.Get(context.Background(), filepath.Dir(versionPath), &list) == nil
	})
}

// eventually waits for something.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("a minute long it was not so that %s", what)
}
