package treefs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/treefs"
)

// objects is a store of objects that counts what is read of it.
type objects struct {
	data map[pack.ID][]byte
	read int
}

func (o *objects) add(data []byte) pack.ID {
	var id pack.ID
	id[0], id[1] = byte(len(o.data)), 1
	o.data[id] = data
	return id
}

// entry is one line of a tree.
type entry struct {
	mode, name string
	id         pack.ID
}

func (o *objects) tree(entries ...entry) pack.ID {
	var data bytes.Buffer
	for _, e := range entries {
		fmt.Fprintf(&data, "%s %s\x00", e.mode, e.name)
		data.Write(e.id[:])
	}
	return o.add(data.Bytes())
}

func (o *objects) get(id pack.ID, _ pack.Type, _ []pack.ID) ([]byte, error) {
	o.read++
	data, ok := o.data[id]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(data), nil
}

var when = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// example has a file, a program, a directory, links to all of them, and links that lead nowhere good.
func example() (*objects, *treefs.FS) {
	o := &objects{data: map[pack.ID][]byte{}}
	text := o.add([]byte("text"))
	link := func(target string) pack.ID { return o.add([]byte(target)) }
	directory := o.tree(entry{"100644", "inner", text}, entry{"120000", "up", link("../file")})
	root := o.tree(
		entry{"120000", "absolute", link("/etc/passwd")},
		entry{"40000", "dir", directory},
		entry{"100644", "file", text},
		entry{"120000", "loop", link("loop")},
		entry{"120000", "outside", link("../../etc/passwd")},
		entry{"100755", "program", text},
		entry{"120000", "to-dir", link("dir")},
	)
	return o, treefs.New(root, when, o.get)
}

func TestReading(t *testing.T) {
	_, files := example()
	for name, want := range map[string]string{
		"file": "text", "dir/inner": "text", "dir/up": "text", "to-dir/inner": "text", "to-dir/up": "text",
		"program": "text",
	} {
		if got, err := files.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("ReadFile(%q) = %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"absolute", "outside", "loop", "file/x", "none", "dir", "to-dir/../../x", ""} {
		if got, err := files.ReadFile(name); err == nil {
			t.Errorf("ReadFile(%q) = %q, want an error", name, got)
		}
	}
	if _, err := files.ReadFile("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	info, err := files.Stat("program")
	if err != nil || info.Mode().Perm()&0o100 == 0 || !info.ModTime().Equal(when) || info.Size() != 4 {
		t.Errorf("Stat(program) = %v, %v", info, err)
	}
}

// TestFileSystem asks what the standard library asks of file systems, of the part that has no links out of it.
func TestFileSystem(t *testing.T) {
	o := &objects{data: map[pack.ID][]byte{}}
	text := o.add([]byte("text"))
	inner := o.tree(entry{"100644", "inner", text})
	root := o.tree(entry{"40000", "dir", inner}, entry{"100644", "file", text}, entry{"100755", "program", text})
	if err := fstest.TestFS(treefs.New(root, when, o.get), "file", "program", "dir/inner"); err != nil {
		t.Error(err)
	}
}

// TestDirectoriesAreReadOnce is what makes a search through a large tree affordable.
func TestDirectoriesAreReadOnce(t *testing.T) {
	o, files := example()
	for range 3 {
		if _, err := files.ReadDir("dir"); err != nil {
			t.Fatal(err)
		}
	}
	if o.read != 2 { // the root and dir
		t.Errorf("%d objects were read", o.read)
	}
}

func TestFiles(t *testing.T) {
	o, files := example()
	got, err := files.Files(".")
	if err != nil {
		t.Fatal(err)
	}
	texts := 0
	for _, id := range got {
		if string(o.data[id]) == "text" {
			texts++
		}
	}
	if texts != 1 { // four names, one content
		t.Errorf("the content of four files is listed %d times", texts)
	}
	if _, err := files.Files("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a missing directory: %v", err)
	}
}

// TestDamage is what a server may send: it must be an error, and no panic.
func TestDamage(t *testing.T) {
	for _, data := range []string{"100644 file", "100644 file\x00short", "x", "100644 a/b\x00aaaaaaaaaaaaaaaaaaaa",
		"100644 ..\x00aaaaaaaaaaaaaaaaaaaa"} {
		o := &objects{data: map[pack.ID][]byte{}}
		files := treefs.New(o.add([]byte(data)), when, o.get)
		if entries, err := files.ReadDir("."); err == nil &&
			slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !fs.ValidPath(e.Name()) }) {
			t.Errorf("%q: %v, %v", data, entries, err)
		} else if err == nil && len(entries) > 0 {
			t.Errorf("%q has entries: %v", data, entries)
		}
	}
}
