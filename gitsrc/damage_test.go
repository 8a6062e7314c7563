package gitsrc_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// damages are ways in which a pack of the cache goes bad. They get its path without suffix.
var damages = []struct {
	description string
	damage      func(pack string) error
}{
	{"flipped bytes", func(pack string) error {
		data, err := os.ReadFile(pack + ".pack")
		for i := 12; i < len(data)-20; i++ {
			data[i] ^= 1
		}
		return errors.Join(err, os.Remove(pack+".pack"), os.WriteFile(pack+".pack", data, 0o600))
	}},
	{"a pack that is cut", func(pack string) error { return os.Truncate(pack+".pack", 100) }},
	{"an index that is cut", func(pack string) error { return os.Truncate(pack+".idx", 500) }},
	{"no index", func(pack string) error { return os.Remove(pack + ".idx") }},
	{"no pack", func(pack string) error { return os.Remove(pack + ".pack") }},
}

// spoil damages all packs of a cache.
func spoil(t *testing.T, s *gitsrc.Store, damage func(pack string) error) {
	t.Helper()
	packs, err := filepath.Glob(filepath.Join(s.Directory(), "*", "objects", "pack", "*.pack"))
	if err != nil || len(packs) == 0 {
		t.Fatalf("packs %v, %v", packs, err)
	}
	for _, pack := range packs {
		base := strings.TrimSuffix(pack, ".pack")
		if err := errors.Join(os.Chmod(pack, 0o600), os.Chmod(base+".idx", 0o600), damage(base)); err != nil {
			t.Fatal(err)
		}
	}
}

// readers are all that read the cache. Each returns what it has read, as a text.
func readers(commit string) map[string]func(*testing.T, *gitsrc.Store) (string, error) {
	ctx := context.Background()
	list := func(r *gitsrc.Revision, err error) (string, error) {
		if err != nil {
			return "", err
		}
		defer r.Close()
		var out strings.Builder
		err = fs.WalkDir(r, ".", func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			data, err := fs.ReadFile(r, path)
			fmt.Fprintf(&out, "%s %d\n", path, len(data))
			return err
		})
		return out.String(), err
	}
	return map[string]func(*testing.T, *gitsrc.Store) (string, error){
		"Fetch": func(t *testing.T, s *gitsrc.Store) (string, error) {
			tree, err := s.Fetch(ctx, gitsrc.Request{Repository: component, Commit: commit},
				filepath.Join(t.TempDir(), "checkout"))
			if err == nil {
				checkClean(t, tree)
			}
			return tree.Commit, err
		},
		"View": func(_ *testing.T, s *gitsrc.Store) (string, error) {
			r, _, err := s.View(ctx, gitsrc.Request{Repository: component, Commit: commit})
			return list(r, err)
		},
		"ReleaseTree": func(_ *testing.T, s *gitsrc.Store) (string, error) {
			return list(s.ReleaseTree(ctx, "openshift/component@"+commit))
		},
		"Log": func(_ *testing.T, s *gitsrc.Store) (string, error) {
			log, err := s.Log(ctx, component, commit, commit)
			return fmt.Sprint(log), err
		},
	}
}

func TestDamagedCacheIsFetchedAgain(t *testing.T) {
	server := serve(t, "any")
	commit := server.repo(t, "openshift/component").commitFiles("main", "one", someFiles())
	for name, read := range readers(commit) {
		for _, test := range damages {
			t.Run(name+", "+test.description, func(t *testing.T) {
				s, told := server.store(t)
				want, err := read(t, s)
				if err != nil {
					t.Fatal(err)
				}
				spoil(t, s, test.damage)
				got, err := read(t, s)
				if err != nil || got != want {
					t.Errorf("read %q, %v, want %q", got, err, want)
				}
				if !strings.Contains(told.String(), "damaged") {
					t.Errorf("nothing is said about the damage:\n%s", told)
				}
			})
		}
	}
}

// A view that is open when the damage happens goes on, too.
func TestDamageUnderAView(t *testing.T) {
	server := serve(t, "any")
	commit := server.repo(t, "openshift/component").commitFiles("main", "one", someFiles())
	s, _ := server.store(t)
	r, _, err := s.View(context.Background(), gitsrc.Request{Repository: component, Commit: commit})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := fs.ReadFile(r, "README"); err != nil {
		t.Fatal(err)
	}
	spoil(t, s, func(pack string) error { return os.Truncate(pack+".pack", 20) })
	if data, err := fs.ReadFile(r, "README"); err != nil || string(data) != someFiles()["README"] {
		t.Errorf("README is %q, %v", data, err)
	}
}

// Without the server nothing is thrown away, and the error says what to do.
func TestDamagedCacheWithoutServer(t *testing.T) {
	server := serve(t, "any")
	commit := server.repo(t, "openshift/component").commitFiles("main", "one", someFiles())
	for name, read := range readers(commit) {
		t.Run(name, func(t *testing.T) {
			server.wrap.Store(nil)
			s, _ := server.store(t)
			if _, err := read(t, s); err != nil {
				t.Fatal(err)
			}
			spoil(t, s, damages[0].damage)
			server.behaveDown()
			_, err := read(t, s)
			var e *fault.Error
			if !errors.As(err, &e) || !strings.Contains(e.Advice, "oc rebuild cache prune") ||
				!strings.Contains(err.Error(), "damaged") {
				t.Errorf("error %v, want one about damage with an advice that names oc rebuild cache prune", err)
			}
			if list, err := s.List(); err != nil || len(list) != 1 {
				t.Errorf("the cache has %v, %v, want what it had", list, err)
			}
		})
	}
}

// A new commit that shares directories with a damaged one is fetched whole.
func TestDamageUnderANewCommit(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	first := upstream.commitFiles("main", "one", someFiles())
	files := someFiles()
	files["new"] = "new\n"
	second := upstream.commitFiles("main", "two", files)
	for _, test := range damages {
		t.Run(test.description, func(t *testing.T) {
			s, _ := server.store(t)
			mustFetch(t, s, gitsrc.Request{Repository: component, Commit: first})
			spoil(t, s, test.damage)
			checkClean(t, mustFetch(t, s, gitsrc.Request{Repository: component, Commit: second}))
		})
	}
}
