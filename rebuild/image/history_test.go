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
	one, err := stableHistory(config("a"), nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := stableHistory(config("b"), nil)
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
	if _, err := stableHistory([]byte("[]"), nil); err == nil {
		t.Error("no error for a config that is a list")
	}
}

// TestHistoryNamesBasesAsTheDockerfileDoes has a base under the name that another registry gave it in local storage.
func TestHistoryNamesBasesAsTheDockerfileDoes(t *testing.T) {
	sum, other := "sha256:"+strings.Repeat("a", 64), "sha256:"+strings.Repeat("b", 64)
	config := func(name string) []byte {
		return []byte(`{"history":[{"comment":"FROM q.io/old@` + other + `"},{"comment":"FROM ` + name + `@` + sum +
			`"},{"comment":"` + sum + `"}]}`)
	}
	bases := map[string]string{sum: "q.io/named@" + sum}
	got, err := stableHistory(config("elsewhere.example.org/mirror"), bases)
	if err != nil {
		t.Fatal(err)
	}
	if want := string(config("q.io/named")); string(got) != want {
		t.Errorf("the config is %s, want %s", got, want)
	}
}
