package pack_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
)

// A file that was kept is written as it is in git, whether it came whole or as a delta, and the pack is not read for
// it.
func TestContentsStandInForThePack(t *testing.T) {
	repo := history(t)
	objects, dir := t.TempDir(), t.TempDir()
	packs := filepath.Join(objects, "pack")
	if err := os.Mkdir(packs, 0o700); err != nil {
		t.Fatal(err)
	}
	contents, err := pack.NewContents(dir)
	if err != nil {
		t.Fatal(err)
	}
	receiver := pack.Receiver{Directory: packs, Limits: pack.DefaultLimits(), Contents: contents}
	name, err := receiver.Receive(context.Background(), bytes.NewReader(packOf(t, repo, "--delta-base-offset")))
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("the file of the contents has a name: %v, %v", left, err)
	}
	db, err := pack.Open(objects)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.Use(contents)
	path := filepath.Join(packs, name+".pack")
	data := read(t, path)
	for i := 12; i < len(data)-20; i++ {
		data[i] ^= 0xff
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	list := strings.Fields(string(run(t, repo, nil, "cat-file", "--batch-all-objects",
		"--batch-check=%(objectname) %(objecttype)")))
	blobs := 0
	for i := 0; i < len(list); i += 2 {
		id, err := pack.ParseID(list[i])
		if err != nil {
			t.Fatal(err)
		}
		if list[i+1] != "blob" {
			continue
		}
		blobs++
		var got bytes.Buffer
		if n, err := db.WriteBlob(&got, id); err != nil || n != int64(got.Len()) {
			t.Fatalf("%s: %d bytes, %v", id, n, err)
		}
		if !bytes.Equal(got.Bytes(), run(t, repo, nil, "cat-file", "blob", id.String())) {
			t.Errorf("%s differs from what git says", id)
		}
	}
	if blobs < 30 {
		t.Errorf("only %d files", blobs)
	}
	if used := db.Used(); len(used) != 1 {
		t.Errorf("packs in use: %v, want the one that has the files", used)
	}
	if err := contents.Close(); err != nil {
		t.Fatal(err)
	}
	id, err := pack.ParseID(list[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.WriteBlob(&bytes.Buffer{}, id); err == nil {
		t.Error("the damaged pack was not noticed once the contents were closed")
	}
}
