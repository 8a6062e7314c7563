package image

import (
	"strings"
	"testing"
)

func TestHistoryDoesNotTellTheTimesOfCopiedFiles(t *testing.T) {
	config := func(sum string) []byte {
		return []byte(`{"os":"linux","history":[{"created_by":"/bin/sh -c #(nop) COPY dir:` + strings.Repeat(sum, 64) +
			` in /manifests","empty_layer":true}],"rootfs":{"type":"layers"}}`)
	}
	one, err := stableHistory(config("a"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := stableHistory(config("b"))
	if err != nil {
		t.Fatal(err)
	}
	if string(one) != string(other) {
		t.Errorf("configs differ:\n%s\n%s", one, other)
	}
	for _, kept := range []string{"COPY dir in /manifests", `"empty_layer":true`, `"rootfs":{"type":"layers"}`} {
		if !strings.Contains(string(one), kept) {
			t.Errorf("config %s lacks %s", one, kept)
		}
	}
	if _, err := stableHistory([]byte("[]")); err == nil {
		t.Error("no error for a config that is a list")
	}
}
