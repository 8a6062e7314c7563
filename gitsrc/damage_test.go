package gitsrc_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
)

func TestDamagedCacheIsFetchedAgain(t *testing.T) {
	server := serve(t, "any")
	commit := server.repo(t, "openshift/component").commitFiles("main", "one", someFiles())
	s, told := server.store(t)
	req := gitsrc.Request{Repository: component, Commit: commit}
	mustFetch(t, s, req)
	damage := map[string]func(pack string) error{
		"a flipped bit": func(pack string) error {
			data, err := os.ReadFile(pack + ".pack")
			data[len(data)/2] ^= 1
			return errors.Join(err, os.Remove(pack+".pack"), os.WriteFile(pack+".pack", data, 0o600))
		},
		"a pack that is cut":   func(pack string) error { return os.Truncate(pack+".pack", 100) },
		"an index that is cut": func(pack string) error { return os.Truncate(pack+".idx", 500) },
		"no index":             func(pack string) error { return os.Remove(pack + ".idx") },
		"no pack":              func(pack string) error { return os.Remove(pack + ".pack") },
	}
	for description, f := range damage {
		t.Run(description, func(t *testing.T) {
			packs, err := filepath.Glob(filepath.Join(s.Directory(), "*", "objects", "pack", "*.pack"))
			if err != nil || len(packs) != 1 {
				t.Fatalf("packs %v, %v", packs, err)
			}
			if err := os.Chmod(packs[0], 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(strings.TrimSuffix(packs[0], ".pack")+".idx", 0o600); err != nil {
				t.Fatal(err)
			}
			if err := f(strings.TrimSuffix(packs[0], ".pack")); err != nil {
				t.Fatal(err)
			}
			checkClean(t, mustFetch(t, s, req))
		})
	}
	if !strings.Contains(told.String(), "damaged") {
		t.Errorf("nothing is said about the damage:\n%s", told)
	}
}
