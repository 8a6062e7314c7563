package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

// TestFigures is a small form of `make reliability`.
func TestFigures(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "oc-rebuild")
	if err := playground.BuildProgram(t.Context(), binary); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, figure := range figures() {
		if figure.name == "full" && os.Getuid() != 0 {
			t.Log("only root can mount a file system to be filled")
			continue
		}
		names = append(names, figure.name)
	}
	if err := run(t.Context(), binary, 2, 1, names); err != nil {
		t.Error(err)
	}
	if run(t.Context(), binary, 1, 1, []string{"unknown"}) == nil {
		t.Error("there is a figure that there is not")
	}
}
