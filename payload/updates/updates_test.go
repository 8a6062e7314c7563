package updates_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
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
