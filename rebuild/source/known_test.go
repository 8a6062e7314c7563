package source_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/rebuild/source"
)

// TestKnownFiles edits a tree at random and lists it again and again: what earlier listings know of it makes no
// difference, even where an edit leaves a file its size and takes its old time back.
func TestKnownFiles(t *testing.T) {
	tree, kept := t.TempDir(), t.TempDir()
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	name := func() string {
		return filepath.Join(tree, fmt.Sprintf("d%d", random.IntN(4)), fmt.Sprintf("f%d", random.IntN(60)))
	}
	must := func(err error) {
		t.Helper()
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	for i := range 240 {
		path := filepath.Join(tree, fmt.Sprintf("d%d", i%4), fmt.Sprintf("f%d", i/4))
		must(os.MkdirAll(filepath.Dir(path), 0o755))
		must(os.WriteFile(path, []byte{byte(i)}, 0o644))
	}
	edits := map[string]func(){
		"write": func() {
			path := name()
			info, err := os.Stat(path)
			must(os.WriteFile(path, []byte{byte(random.IntN(256))}, 0o644))
			if err == nil {
				must(os.Chtimes(path, info.ModTime(), info.ModTime()))
			}
		},
		"remove":   func() { must(os.Remove(name())) },
		"swap":     func() { must(os.Rename(name(), name())) },
		"mode":     func() { must(os.Chmod(name(), 0o600|os.FileMode(random.IntN(0o100)))) },
		"link":     func() { path := name(); must(os.Remove(path)); must(os.Symlink(fmt.Sprint(random.IntN(9)), path)) },
		"hardlink": func() { path := name(); must(os.Remove(path)); must(os.Link(name(), path)) },
	}
	known := &source.Known{Directory: kept}
	for round := range 60 {
		for range random.IntN(8) {
			for _, edit := range edits { // in no order
				edit()
				break
			}
		}
		switch round % 20 {
		case 0:
			known = &source.Known{Directory: kept} // another run
		case 10:
			time.Sleep(2100 * time.Millisecond) // now files are known
		}
		got, err := known.List(t.Context(), tree, nil)
		want, wantErr := (*source.Known)(nil).List(t.Context(), tree, nil)
		if diff := cmp.Diff(want, got); diff != "" || err != nil || wantErr != nil {
			t.Fatalf("round %d: %v, %v (-want +got):\n%s", round, err, wantErr, diff)
		}
	}
	if files, err := os.ReadDir(kept); len(files) != 1 || err != nil {
		t.Errorf("kept: %v, %v", files, err)
	}
}

// TestKnownFilesAreNotRead shows that a file that is known is not opened, and that one which was changed just now is.
func TestKnownFilesAreNotRead(t *testing.T) {
	tree, kept := t.TempDir(), t.TempDir()
	for i := range 100 {
		if err := os.WriteFile(filepath.Join(tree, fmt.Sprint(i)), make([]byte, 1<<20), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	list := func() time.Duration {
		begin := time.Now()
		if _, err := (&source.Known{Directory: kept}).List(t.Context(), tree, nil); err != nil {
			t.Fatal(err)
		}
		return time.Since(begin)
	}
	took := list() // on a busy machine their second may be over then
	if files, err := os.ReadDir(kept); len(files) != 0 && took < time.Second || err != nil {
		t.Fatalf("files of this second are known: %v, %v", files, err)
	}
	time.Sleep(2100 * time.Millisecond)
	first := list()
	if again := list(); again > first/2 {
		t.Errorf("100 MB: %v at first, %v again", first, again)
	}
	for _, damage := range []string{"", "damage"} {
		files, err := os.ReadDir(kept)
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		if err := os.WriteFile(filepath.Join(kept, files[0].Name()), []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		list()
	}
}

// TestDigestsOfLinks has a link whose target says what a file would say.
func TestDigestsOfLinks(t *testing.T) {
	digest := func(links map[string]string, files ...string) string {
		directory := t.TempDir()
		for name, target := range links {
			if err := os.Symlink(target, filepath.Join(directory, name)); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range files {
			if err := os.WriteFile(filepath.Join(directory, name), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		sum, err := new(source.Known).Digest(t.Context(), directory, nil)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if digest(map[string]string{"a": "x"}, "b") == digest(map[string]string{"a": "x\n\"b\" -rw-r--r-- " + empty}) {
		t.Error("a link stands for a file")
	}
}

// TestRepositoryBelow has a .git in a directory of the source: it is part of what a step copies of that.
func TestRepositoryBelow(t *testing.T) {
	tree := t.TempDir()
	write := func(text string) string {
		if err := os.MkdirAll(filepath.Join(tree, "sub/.git"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, "sub/.git/version"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		sum, err := new(source.Known).DigestFiles(t.Context(), tree, nil, []string{"sub"})
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	if write("1") == write("2") {
		t.Error("what a step copies has one digest with two repositories")
	}
}
