package osimage

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestTarget(t *testing.T) {
	tests := []struct {
		kind       Kind
		name, want string
	}{
		{Bootable, "etc/a", "etc/a"}, {Bootable, "usr/etc/a", "etc/a"}, {Bootable, "usr/etc", "etc"},
		{Bootable, "usr/etcetera", "usr/etcetera"},
		{Legacy, "etc/a", "usr/etc/a"}, {Legacy, "usr/etc/a", "usr/etc/a"}, {Legacy, "etc", "usr/etc"},
		{Bootable, "sbin/a", "usr/sbin/a"}, {Legacy, "lib64/a", "usr/lib64/a"}, {Legacy, "opt/a", "opt/a"},
	}
	for _, test := range tests {
		if got, err := target(test.kind, test.name); got != test.want || err != nil {
			t.Errorf("target(%s, %q) = %q, %v, want %q", test.kind, test.name, got, err, test.want)
		}
	}
	for name := range unpatchable {
		if got, err := target(Bootable, name+"/x"); err == nil {
			t.Errorf("target(%q) = %q, want an error", name+"/x", got)
		}
	}
}

func TestOverlayReplacesAndStaysInside(t *testing.T) {
	first := local(t, map[string]string{"usr/share/dir/file": "1", "usr/lib/x": "1"})
	second := t.TempDir()
	if err := os.MkdirAll(filepath.Join(second, "usr/share"), 0o755); err != nil {
		t.Fatal(err)
	}
	outside := t.TempDir()
	for name, points := range map[string]string{"usr/share/dir": outside, "usr/lib": "/etc", "bin": "usr/bin"} {
		if err := os.Symlink(points, filepath.Join(second, name)); err != nil {
			t.Fatal(err)
		}
	}
	third := local(t, map[string]string{"usr/share/dir/other": "3"})
	context := t.TempDir()
	if _, err := New(context, bootableImage, Changes{Overlays: []string{first, second, third}}); err != nil {
		t.Fatal(err)
	}
	if left := list(t, outside); len(left) != 0 {
		t.Errorf("files %v were written through a link", left)
	}
	if got, want := list(t, filepath.Join(context, "tree")),
		[]string{"usr/lib", "usr/share/dir/other"}; !slices.Equal(got, want) {
		t.Errorf("the tree has %v, want %v", got, want)
	}
}
