package plan_test

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

var update = flag.Bool("update", false, "write docs/plan.schema.json instead of comparing with it")

const schemaFile = "../../docs/plan.schema.json"

// schema makes the JSON Schema of plans from the types. Other fields are allowed: later versions have more.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	made, err := jsonschema.For[plan.Plan](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[dockerfile.File](): {Type: "string", Description: "text of a Dockerfile"},
		reflect.TypeFor[[]byte]():          {Types: []string{"string", "null"}, ContentEncoding: "base64"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	made.Schema, made.Title = "https://json-schema.org/draft/2020-12/schema", "A plan of oc rebuild"
	made.Description = "What `oc rebuild plan -o json` prints and `oc rebuild apply` reads, see docs/plans.md. Fields may be added to a version, never renamed."
	version := any(plan.Version)
	made.Properties["apiVersion"].Const = &version
	open(made)
	return made
}

// open allows fields that are not named.
func open(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if s.Properties != nil {
		s.AdditionalProperties = nil
	}
	for _, property := range s.Properties {
		open(property)
	}
	open(s.Items)
	open(s.AdditionalProperties)
}

// TestSchema compares docs/plan.schema.json with the types; `make docs` writes it. A plan that is read fits it.
func TestSchema(t *testing.T) {
	made := schema(t)
	text, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.WriteFile(schemaFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(schemaFile)
	if diff := cmp.Diff(string(text), string(kept)); err != nil || diff != "" {
		t.Errorf("%s is not current; run `make docs` (%v, -code +file):\n%s", schemaFile, err, diff)
	}
	resolved, err := made.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Read([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	written, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var instance map[string]any
	if err := json.Unmarshal(written, &instance); err != nil {
		t.Fatal(err)
	}
	if err := resolved.Validate(instance); err != nil {
		t.Errorf("a plan does not fit the schema: %v\n%s", err, written)
	}
	instance["more"] = "of a later version"
	if err := resolved.Validate(instance); err != nil {
		t.Errorf("a field of a later version: %v", err)
	}
	for _, wrong := range []func(){
		func() { instance["apiVersion"] = "oc-rebuild/v2" },
		func() { instance["apiVersion"] = plan.Version; instance["order"] = "first" },
		func() { delete(instance, "order") },
	} {
		if wrong(); resolved.Validate(instance) == nil {
			t.Errorf("the schema takes a plan that is none: %v", instance["order"])
		}
	}
}
