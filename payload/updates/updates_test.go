package updates_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
	"github.com/oc-rebuild/oc-rebuild/payload/updates"
)

func TestFind(t *testing.T) {
	answers := map[string]string{
		"fast-4.12":      `{"nodes": [{"version": "4.12.1", "payload": "quay.io/o/r@sha256:1"}, {"version": "4.12.3", "payload": ""}]}`,
		"stable-4.12":    `{"nodes": [{"version": "4.12.3", "payload": "quay.io/o/r@sha256:3"}]}`,
		"candidate-4.12": `{"nodes": []}`, "fast-4.13": `<html>`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		answer, ok := answers[request.URL.Query().Get("channel")]
		if !ok || request.Header.Get("Accept") != "application/json" {
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(w, answer)
	}))
	defer server.Close()
	for version, want := range map[string]string{"4.12.1": "quay.io/o/r@sha256:1", "4.12.3": "quay.io/o/r@sha256:3"} {
		if got, err := updates.Find(t.Context(), server.Client(), server.URL, version); err != nil || got != want {
			t.Errorf("Find(%s) = %q, %v", version, got, err)
		}
	}
	for version, kind := range map[string]fault.Kind{
		"4.12.9": fault.Unresolved, "4.13.0": fault.Unresolved, "4.14.0": fault.Unresolved, "four": fault.Usage,
	} {
		if got, err := updates.Find(t.Context(), server.Client(), server.URL, version); fault.KindOf(err) != kind {
			t.Errorf("Find(%s) = %q, %v", version, got, err)
		}
	}
	for argument, want := range map[string]bool{"4.12.0": true, "4.17.0-okd-scos.0": true,
		"quay.io/a/b:4.12.0": false, "4.12": false} {
		if got := updates.IsVersion(argument); got != want {
			t.Errorf("IsVersion(%q) = %v", argument, got)
		}
	}
}

// answers is a client whose requests all get the same answer.
type answers []byte

// RoundTrip implements http.RoundTripper.
func (a answers) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(a))}, nil
}

// FuzzFind reads hostile answers of an update service. A pull spec that is found is the payload of a node with the
// version, as a reader finds it that knows nothing of nodes.
func FuzzFind(f *testing.F) {
	f.Add([]byte(`{"nodes": [{"version": "4.12.1", "payload": "quay.io/o/r@sha256:1"}], "edges": [[0, 1]]}`))
	f.Add([]byte(`{"nodes": [{"version": "4.12.1", "payload": ""}, {"version": "4.12.2", "payload": "x"}]}`))
	f.Add([]byte(`{"nodes": {"version": "4.12.1"}}`))
	f.Add([]byte(`{"Nodes": [{"VERSION": "4.12.1", "payload": "x", "Payload": "y"}]}{`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		fuzzing.Case(t)
		spec, err := updates.Find(t.Context(), &http.Client{Transport: answers(answer)}, updates.Service, "4.12.1")
		if err != nil {
			return
		}
		var document any
		if err := json.NewDecoder(bytes.NewReader(answer)).Decode(&document); err != nil {
			t.Fatalf("found %q in what is no JSON: %v", spec, err)
		}
		if !within(document, "4.12.1") || !within(document, spec) || spec == "" {
			t.Errorf("found %q, which the answer does not have", spec)
		}
	})
}

// within tells whether a document has a text among its values.
func within(document any, text string) bool {
	switch value := document.(type) {
	case string:
		return value == text
	case []any:
		return slices.ContainsFunc(value, func(one any) bool { return within(one, text) })
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(value)), func(one any) bool { return within(one, text) })
	}
	return false
}
