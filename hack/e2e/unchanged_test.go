package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	imagev1 "github.com/openshift/api/image/v1"
	"github.com/rogpeppe/go-internal/testscript"
)

// unchanged OLD NEW COMPONENT... checks that two payloads differ in these components alone: image-references in their
// tags, and every other file of the release layer in their pull specs.
func unchanged(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) >= 3, "unchanged OLD NEW COMPONENT...")
	before, err := of(ts).Release(context.Background(), args[0])
	ts.Check(err)
	after, err := of(ts).Release(context.Background(), args[1])
	ts.Check(err)
	components := args[2:]
	var moves []string
	for _, name := range components {
		was, is := before.PullSpec(name), after.PullSpec(name)
		if is == "" || was == is {
			ts.Fatalf("component %s is %q in the new payload and was %q", name, is, was)
		}
		moves = append(moves, was, is)
	}
	ignored := []string{"image-references", "release-metadata"}
	renamed := strings.NewReplacer(append(moves, before.References.Name, after.References.Name)...)
	want := slices.Sorted(maps.Keys(before.Files))
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(after.Files))); diff != "" {
		ts.Fatalf("the files of the release layer (-old +new):\n%s", diff)
	}
	for _, name := range want {
		if slices.Contains(ignored, name) {
			continue
		}
		if was := []byte(renamed.Replace(string(before.Files[name]))); !bytes.Equal(was, after.Files[name]) {
			ts.Fatalf("%s (-old, with the new pull specs, +new):\n%s", name,
				cmp.Diff(string(was), string(after.Files[name])))
		}
	}
	if diff := cmp.Diff(others(before.References, components), others(after.References, components)); diff != "" {
		ts.Fatalf("the other tags of image-references (-old +new):\n%s", diff)
	}
	if text, err := json.MarshalIndent(after.References, "", "  "); err != nil ||
		!bytes.Equal(text, after.Files["image-references"]) {
		ts.Fatalf("image-references is not serialised as oc does it: %v", err)
	}
}

func others(stream imagev1.ImageStream, without []string) []imagev1.TagReference {
	return slices.DeleteFunc(slices.Clone(stream.Spec.Tags), func(tag imagev1.TagReference) bool {
		return slices.Contains(without, tag.Name)
	})
}
