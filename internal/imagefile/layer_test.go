package imagefile

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
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

// FuzzRead takes files out of hostile layers. What it gives is what a plain reader of the layer keeps of each path, and
// nothing else is left in the directory.
func FuzzRead(f *testing.F) {
	for _, headers := range [][]tar.Header{
		{{Name: "a", Size: 3}, {Name: "d/b", Typeflag: tar.TypeSymlink, Linkname: "../../a"}, {Name: "d/.wh.c"}},
		{{Name: "a", Size: 1}, {Name: "./a", Size: 2}, {Name: "d/../a", Typeflag: tar.TypeLink, Linkname: "x"}},
		{{Name: "d/.wh..wh..opq"}, {Name: "/d/b", Size: 4}, {Name: ".wh."}, {Name: "a/.wh.b", Size: 1}},
	} {
		var layer bytes.Buffer
		w := tar.NewWriter(&layer)
		for _, header := range headers {
			if err := w.WriteHeader(&header); err != nil {
				f.Fatal(err)
			}
			if _, err := w.Write([]byte("text")[:header.Size]); err != nil {
				f.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(layer.Bytes())
	}
	f.Fuzz(func(t *testing.T, layer []byte) {
		fuzzing.Case(t)
		directory := t.TempDir()
		into := scan{sought: map[string]bool{"a": true, "d/b": true}, files: map[string]File{},
			removed: map[string]bool{}}
		err := NewFinder(directory).read(bytes.NewReader(layer), &into)
		for name := range into.removed {
			if !slices.Contains([]string{"a", "d", "d/b", ""}, name) {
				t.Errorf("%q is kept as removed", name)
			}
		}
		if err != nil {
			return
		}
		got := map[string]string{}
		for name, file := range into.files {
			got[name] = "-> " + file.link
			if file.Path != "" {
				data, err := os.ReadFile(file.Path)
				if err != nil {
					t.Fatal(err)
				}
				got[name] = string(data)
			}
		}
		if want := plainly(t, layer); !maps.Equal(got, want) {
			t.Errorf("taken out are %q, want %q", got, want)
		}
		files := slices.DeleteFunc(slices.Collect(maps.Values(into.files)),
			func(file File) bool { return file.Path == "" })
		if left, err := os.ReadDir(directory); err != nil || len(left) != len(files) {
			t.Errorf("%d files are left of %d: %v", len(left), len(files), err)
		}
	})
}

// plainly reads the two paths of FuzzRead in a layer.
func plainly(t *testing.T, layer []byte) map[string]string {
	t.Helper()
	got := map[string]string{}
	for r := tar.NewReader(bytes.NewReader(layer)); ; {
		header, err := r.Next()
		if err != nil {
			return got
		}
		name := path.Clean("/" + header.Name)[1:]
		if name != "a" && name != "d/b" {
			continue
		}
		switch header.Typeflag {
		case tar.TypeReg:
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			got[name] = string(data)
		case tar.TypeSymlink:
			link := header.Linkname
			if !path.IsAbs(link) {
				link = path.Clean("/" + path.Dir(name) + "/" + link)
			}
			got[name] = "-> " + link
		case tar.TypeLink:
			got[name] = "-> /" + header.Linkname
		default:
			delete(got, name)
		}
	}
}
