package payload

import (
	"bytes"
	"testing"

	imagev1 "github.com/openshift/api/image/v1"
	corev1 "k8s.io/api/core/v1"
)

// RenderForTest renders one manifest of an operator with the given image-references, into a payload with the tag cli.
func RenderForTest(references, text string) {
	payload := &imagev1.ImageStream{Spec: imagev1.ImageStreamSpec{Tags: []imagev1.TagReference{
		{Name: "cli", From: &corev1.ObjectReference{Kind: "DockerImage", Name: "quay.io/x/cli@sha256:0"}}}}}
	operator := contents{Labels: map[string]string{labelOperator: "true"}, Manifests: []File{
		{Name: "a.yaml", Data: []byte(text)}, {Name: fileReferences, Data: []byte(references)}}}
	_, _ = renderer{payload: payload, release: "4.12.0"}.render("operator", operator)
}

// ReadForTest reads a layer, and text as image-references, release-metadata and an image stream. It returns the files
// of the layer.
func ReadForTest(t *testing.T, data, text []byte) map[string]bool {
	t.Helper()
	_, _ = parseReferences(text)
	_, _ = parseMetadata(text)
	_, _ = FromStream(text, Public)
	_, _ = parseVersions(string(text), string(text))
	_ = applyManifests(bytes.NewReader(data), map[string]File{})
	names := map[string]bool{}
	l, err := readLayer(bytes.NewReader(data))
	if err != nil {
		return names
	}
	for _, e := range l.entries {
		if !e.directory {
			names[e.Name] = true
		}
	}
	var written bytes.Buffer
	if err := l.write(&written); err != nil {
		if len(l.entries) > 0 {
			t.Logf("writing what was read: %v", err)
		}
		return names
	}
	again, err := readLayer(&written)
	if err != nil && len(names) > 0 || len(again.entries) != len(l.entries) {
		t.Errorf("of %d entries that were read and written, %d are read again: %v", len(l.entries),
			len(again.entries), err)
	}
	return names
}
