package source_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/internal/copytree"
	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/rebuild/source"
)

// TestChangedMakesTheNewer edits a tree at random. Where Since says that it can be done, what changed, copied over a
// copy of the older state, makes the newer one; where it says not, something is gone or of another kind.
func TestChangedMakesTheNewer(t *testing.T) {
	made := 0
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		directory := t.TempDir()
		for range 12 {
			edit(t, random, directory)
		}
		older := list(t, directory)
		copied := root(t)
		if err := older.Copy(t.Context(), directory, copied); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(older, list(t, copied.Name())); diff != "" {
			t.Fatalf("seed %d: a copy of everything (-want +got):\n%s", seed, diff)
		}
		for range 1 + random.IntN(4) {
			edit(t, random, directory)
		}
		newer := list(t, directory)
		changed, ok := newer.Since(older)
		if !ok {
			continue
		}
		made++
		changes := root(t)
		if err := source.CopyChanged(t.Context(), directory, changed, changes); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := copytree.Copy(t.Context(), changes, ".", copied, "."); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(newer, list(t, copied.Name())); diff != "" {
			t.Fatalf("seed %d: %q over the older (-want +got):\n%s", seed, changed, diff)
		}
	}
	if made < 100 {
		t.Errorf("what changed was copied in %d of 300 tries", made)
	}
}

// edit does something to a tree: most of it can be copied, some cannot.
func edit(t *testing.T, random *rand.Rand, directory string) {
	t.Helper()
	name := fmt.Sprintf("%c", 'a'+random.IntN(4))
	for random.IntN(2) == 0 {
		name += fmt.Sprintf("/%c", 'a'+random.IntN(4))
	}
	name = filepath.Join(directory, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return // a file is there
	}
	var err error
	switch random.IntN(12) {
	case 0:
		err = os.RemoveAll(name)
	case 1:
		err = os.Symlink("a", name)
	case 2:
		err = os.Chmod(name, fs.FileMode(0o700+random.IntN(0o100)))
	case 3, 4:
		err = os.Mkdir(name, 0o750)
	default:
		err = os.WriteFile(name, []byte{byte(random.IntN(256))}, 0o640)
	}
	var refused *fs.PathError
	var link *os.LinkError
	if err != nil && !errors.As(err, &refused) && !errors.As(err, &link) { // something else is there
		t.Fatal(err)
	}
}

func list(t *testing.T, directory string) source.Listing {
	t.Helper()
	listing, err := new(source.Known).List(t.Context(), directory, nil)
	if err != nil {
		t.Fatal(err)
	}
	return listing
}

func root(t *testing.T) *os.Root {
	t.Helper()
	opened, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened
}

// TestListWhileFilesGoAway lists a tree and its .git, in which somebody makes and removes files all the time.
func TestListWhileFilesGoAway(t *testing.T) {
	directory := tree(t)
	if err := os.WriteFile(filepath.Join(directory, ".git", "later"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			for _, name := range []string{"gone", ".git/gone"} {
				name = filepath.Join(directory, name)
				if err := errors.Join(os.MkdirAll(filepath.Join(name, "below"), 0o755),
					os.WriteFile(filepath.Join(name, "below", "file"), nil, 0o644),
					os.RemoveAll(name)); err != nil {
					stopped <- err
					return
				}
			}
		}
	}()
	for range 2000 {
		listing, err := new(source.Known).List(t.Context(), directory, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := listing.AddRepository(t.Context(), directory); err != nil {
			t.Fatal(err)
		}
		if listing["Dockerfile"] == "" || listing[".git/later"] == "" {
			t.Fatal("what stays is not listed")
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
}

// TestPlainTrees refuses to keep a tree with modes and attributes that a copy of it would not have.
func TestPlainTrees(t *testing.T) {
	for description, test := range map[string]struct {
		do   func(path string) error
		want bool
	}{
		"as it is": {func(string) error { return nil }, true},
		"setgid":   {func(path string) error { return os.Chmod(path, 0o755|os.ModeSetgid) }, false},
		"an attribute": {func(path string) error { return unix.Setxattr(path, "user.oc-rebuild", []byte("x"), 0) },
			false},
	} {
		tree := t.TempDir()
		sub := filepath.Join(tree, "sub")
		if err := os.Mkdir(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := test.do(sub); errors.Is(err, unix.ENOTSUP) {
			continue // a file system without attributes has none to lose
		} else if err != nil {
			t.Fatal(err)
		}
		listing, err := new(source.Known).List(t.Context(), tree, nil)
		if err != nil || listing.IsPlain(tree) != test.want {
			t.Errorf("%s: IsPlain is %v, %v", description, listing.IsPlain(tree), err)
		}
	}
}
