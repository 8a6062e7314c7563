package imagefile

import (
	"archive/tar"
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// A layer may remove more than fits into memory: only what may have been sought is kept.
func TestWhiteoutsOfOthers(t *testing.T) {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	names := []string{"etc/.wh.a", "srv/.wh.d", "opt/.wh..wh..opq"}
	for n := range 1000 {
		names = append(names, fmt.Sprintf("var/.wh.%d", n))
	}
	for _, name := range names {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	into := scan{sought: map[string]bool{"etc/a": true, "srv/d/e": true, "opt/x": true}, files: map[string]File{},
		removed: map[string]bool{}}
	if err := NewFinder(t.TempDir()).read(&layer, &into); err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(into.removed)), []string{"etc/a", "opt", "srv/d"}; !slices.Equal(got, want) {
		t.Errorf("kept are %q, want %q", got, want)
	}
}
