package imagefile_test

import (
	"archive/tar"
	"context"
	"errors"
	"os"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/imagefile"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

func TestFind(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	client := payloadtest.Client(t)
	layered, err := client.Image(context.Background(),
		r.Push(t, "test/image", "layers", payloadtest.Image{Layers: []map[string]string{
			{"etc/a": "lower", "etc/b": "b", "opt/c": "c", "srv/d/e": "e"},
			{"etc/a": "upper", "etc/.wh.b": "", "srv/d/.wh..wh..opq": ""},
			{"usr/x": "x"},
		}}.Build(t)))
	if err != nil {
		t.Fatal(err)
	}
	links, err := client.Image(context.Background(),
		r.Push(t, "test/image", "links", payloadtest.Layered(t, payloadtest.Tar(t, []tar.Header{
			{Name: "objects/1", Typeflag: tar.TypeReg, Size: 3},
			{Name: "usr/hard", Typeflag: tar.TypeLink, Linkname: "objects/1"},
			{Name: "usr/soft", Typeflag: tar.TypeSymlink, Linkname: "../usr/hard"},
			{Name: "usr/out", Typeflag: tar.TypeSymlink, Linkname: "../../../../objects/1"},
			{Name: "usr/loop", Typeflag: tar.TypeSymlink, Linkname: "loop"},
			{Name: "usr/dir", Typeflag: tar.TypeDir},
		}, map[string]string{"objects/1": "one"}))))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		image string
		paths []string
		want  string // "" = it is not there
	}{
		{"the uppermost", "layers", []string{"etc/a"}, "upper"},
		{"from a layer below", "layers", []string{"opt/c"}, "c"},
		{"removed", "layers", []string{"etc/b"}, ""},
		{"a directory made anew", "layers", []string{"srv/d/e"}, ""},
		{"one of several", "layers", []string{"etc/none", "opt/c", "etc/b"}, "c"},
		{"the uppermost of several", "layers", []string{"opt/c", "etc/a"}, "upper"},
		{"one that was removed is passed over", "layers", []string{"etc/b", "opt/c"}, "c"},
		{"a hard link", "links", []string{"usr/hard"}, "one"},
		{"a link to a link", "links", []string{"usr/soft"}, "one"},
		{"a link that leads above the root", "links", []string{"usr/out"}, "one"},
		{"a directory", "links", []string{"usr/dir"}, ""},
	}
	finder := imagefile.NewFinder(t.TempDir())
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			image := layered
			if test.image == "links" {
				image = links
			}
			got, err := finder.Find(context.Background(), image, test.paths...)
			if test.want == "" {
				if !errors.Is(err, os.ErrNotExist) {
					t.Fatalf("Find: %+v, %v", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if data, err := os.ReadFile(got.Path); err != nil || string(data) != test.want {
				t.Errorf("got %q, %v, want %q", data, err, test.want)
			}
		})
	}
	if _, err := finder.Find(context.Background(), links, "usr/loop"); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("a link to itself: %v", err)
	}
}

// Layers that are looked into for several files, all announced, are read once.
func TestFindReadsOnce(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	image, err := payloadtest.Client(t).Image(context.Background(), r.Push(t, "test/image", "once", payloadtest.Image{
		Layers: []map[string]string{{"a": "1"}, {"b": "2"}}}.Build(t)))
	if err != nil {
		t.Fatal(err)
	}
	finder := imagefile.NewFinder(t.TempDir())
	finder.Want(image, "a")
	finder.Want(image, "b")
	r.Reset()
	for _, name := range []string{"a", "b", "a"} {
		if _, err := finder.Find(context.Background(), image, name); err != nil {
			t.Fatal(err)
		}
	}
	if requests, _ := r.Reset(); len(requests) != 2 {
		t.Errorf("requests: %q", requests)
	}
}
