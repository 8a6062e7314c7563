package rebuild_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"
	"go.podman.io/storage"
	storagetypes "go.podman.io/storage/types"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// layers lists the layers of the playground's storage.
func (p *playground) layers(t *testing.T) []string {
	t.Helper()
	store, err := storage.GetStore(storagetypes.StoreOptions{GraphRoot: filepath.Join(p.storage, "storage"),
		RunRoot: filepath.Join(p.storage, "run")})
	check(t, err)
	defer func() {
		_, err := store.Shutdown(false)
		check(t, err)
	}()
	layers, err := store.Layers()
	check(t, err)
	var found []string
	for _, layer := range layers {
		found = append(found, layer.ID)
	}
	return found
}

// stored lists the containers of the playground's storage and the images that have no name: a base is pulled by one,
// what a build leaves is not.
func (p *playground) stored(t *testing.T) []string {
	t.Helper()
	store, err := storage.GetStore(storagetypes.StoreOptions{GraphRoot: filepath.Join(p.storage, "storage"),
		RunRoot: filepath.Join(p.storage, "run")})
	check(t, err)
	defer func() {
		_, err := store.Shutdown(false)
		check(t, err)
	}()
	var found []string
	containers, err := store.Containers()
	check(t, err)
	for _, container := range containers {
		found = append(found, "container "+container.ID)
	}
	images, err := store.Images()
	check(t, err)
	for _, image := range images {
		if len(image.Names) == 0 {
			found = append(found, "image "+image.ID)
		}
	}
	return found
}

// readBack checks that a plan written as JSON and read again is the same plan.
func readBack(t testing.TB, planned *plan.Plan) {
	t.Helper()
	data, err := json.Marshal(planned)
	must(t, err)
	var again plan.Plan
	fits(t, data)
	must(t, json.Unmarshal(data, &again))
	if reflect.DeepEqual(*planned, again) {
		return
	}
	diff := cmp.Diff(*planned, again, cmp.Comparer(func(a, b dockerfile.File) bool { return reflect.DeepEqual(a, b) }))
	t.Errorf("the plan that was read back (-want +got):\n%s", diff)
}

// planOf makes a plan, which must be a value.
func planOf(t testing.TB, job *rebuild.Job, request plan.Request) (*plan.Plan, error) {
	t.Helper()
	planned, err := job.Plan(t.Context(), request)
	if planned != nil {
		readBack(t, planned)
	}
	return planned, err
}

// fits holds a plan that was written against docs/plan.schema.json.
func fits(t testing.TB, written []byte) {
	t.Helper()
	text, err := os.ReadFile("../docs/plan.schema.json")
	must(t, err)
	var schema jsonschema.Schema
	must(t, json.Unmarshal(text, &schema))
	resolved, err := schema.Resolve(nil)
	must(t, err)
	var instance map[string]any
	must(t, json.Unmarshal(written, &instance))
	if err := resolved.Validate(instance); err != nil {
		t.Errorf("a plan does not fit its schema: %v", err)
	}
}
