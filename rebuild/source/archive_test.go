package source_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
	"github.com/oc-rebuild/oc-rebuild/rebuild/source"
)

// temporary makes a directory that can be removed, whatever the permissions of what is put into it.
func temporary(t *testing.T) string {
	t.Helper()
	directory := t.TempDir()
	t.Cleanup(func() {
		_ = filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				err = os.Chmod(path, 0o700)
			}
			return err
		})
	})
	return directory
}

// tree makes a directory with what a working tree may have.
func tree(t *testing.T) string {
	t.Helper()
	directory := temporary(t)
	when := time.Unix(1_600_000_000, 123_000_000)
	for name, text := range map[string]string{"Dockerfile": "FROM scratch\n", "deep/down/file": "x",
		".git/config": "secret", "bin/tool": "ignored",
		"closed/file": "y", strings.Repeat("long/", 40) + "name": "z"} {
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o775); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o664); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	for _, do := range []func() error{
		func() error { return os.Mkdir(filepath.Join(directory, "empty"), 0o700) },
		func() error { return os.Chmod(filepath.Join(directory, "Dockerfile"), 0o755|fs.ModeSetuid) },
		func() error { return os.Symlink("/etc/passwd", filepath.Join(directory, "link")) },
		func() error { return syscall.Mkfifo(filepath.Join(directory, "pipe"), 0o600) },
		func() error { return os.Symlink("../..", filepath.Join(directory, "deep/up")) },
		func() error { return os.Chmod(filepath.Join(directory, "closed"), 0o555) },
		func() error { return os.Chmod(filepath.Join(directory, "deep"), 0o777|fs.ModeSticky) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

// TestPack unpacks what was packed: a build sees the same.
func TestPack(t *testing.T) {
	directory, git, ignored := tree(t), t.TempDir(), []string{"bin/"}
	if err := os.MkdirAll(filepath.Join(git, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(git, ".git/HEAD"), []byte("head"), 0o644); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if err := source.Pack(t.Context(), &archive, directory, ignored, git); err != nil {
		t.Fatal(err)
	}
	unpacked := temporary(t)
	if err := source.Unpack(t.Context(), bytes.NewReader(archive.Bytes()), unpacked); err != nil {
		t.Fatal(err)
	}
	want, err := new(source.Known).Digest(t.Context(), directory, ignored)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := new(source.Known).Digest(t.Context(), unpacked, nil); got != want || err != nil {
		t.Errorf("the digest is %s, %v; want %s", got, err, want)
	}
	if text, err := os.ReadFile(filepath.Join(unpacked, ".git/HEAD")); string(text) != "head" || err != nil {
		t.Errorf(".git/HEAD is %q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(unpacked, ".git/config")); err == nil {
		t.Error("the user's .git was packed")
	}
	before, _ := os.Stat(filepath.Join(directory, "deep/down/file"))
	if after, err := os.Stat(filepath.Join(unpacked, "deep/down/file")); err != nil ||
		!after.ModTime().Equal(before.ModTime()) {
		t.Errorf("the time is %v, %v; want %v", after.ModTime(), err, before.ModTime())
	}
	var again bytes.Buffer
	if err := source.Pack(t.Context(), &again, directory, ignored, git); err != nil ||
		!bytes.Equal(archive.Bytes(), again.Bytes()) {
		t.Errorf("packed again it is another archive: %v", err)
	}
}

// archiveOf packs headers with contents.
func archiveOf(t testing.TB, files ...tar.Header) []byte {
	t.Helper()
	var archive bytes.Buffer
	compressed, err := zstd.NewWriter(&archive)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(compressed)
	for _, header := range files {
		if header.Mode == 0 {
			header.Mode = 0o644
		}
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if header.Size > 1<<20 { // it is refused by what it says
			break
		}
		if _, err := w.Write(make([]byte, header.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err == nil {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

// TestUnpackRefuses reads archives that a plan of a stranger may come with.
// TestPackRefuses packs what no machine would unpack.
func TestPackRefuses(t *testing.T) {
	for _, test := range []struct {
		says string
		make func(directory string) error
	}{
		{"more than 250000 files or 8589934592 bytes", func(directory string) error {
			file, err := os.Create(filepath.Join(directory, "large"))
			return errors.Join(err, file.Truncate(8<<30+1), file.Close())
		}},
		{"directories that are more than 100 deep", func(directory string) error {
			return os.MkdirAll(filepath.Join(directory, strings.Repeat("d/", 101)), 0o755)
		}},
	} {
		directory := t.TempDir()
		if err := test.make(directory); err != nil {
			t.Fatal(err)
		}
		err := source.Pack(t.Context(), io.Discard, directory, nil)
		if fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), test.says) {
			t.Errorf("error %v, want %s", err, test.says)
		}
	}
}

func TestUnpackRefuses(t *testing.T) {
	for description, files := range map[string][]tar.Header{
		"a name that climbs":        {{Name: "../outside", Typeflag: tar.TypeReg, Size: 1}},
		"a name from the root":      {{Name: "/outside", Typeflag: tar.TypeReg, Size: 1}},
		"a name that climbs inside": {{Name: "a/../../outside", Typeflag: tar.TypeReg, Size: 1}},
		"through a link to above": {{Name: "up", Typeflag: tar.TypeSymlink, Linkname: ".."},
			{Name: "up/outside", Typeflag: tar.TypeReg, Size: 1}},
		"through a link to /": {{Name: "up", Typeflag: tar.TypeSymlink, Linkname: "/"},
			{Name: "up/outside", Typeflag: tar.TypeReg, Size: 1}},
		"a directory over a link": {{Name: "up", Typeflag: tar.TypeSymlink, Linkname: ".."},
			{Name: "up/", Typeflag: tar.TypeDir, Mode: 0o777}},
		"a file over a link": {{Name: "f", Typeflag: tar.TypeSymlink, Linkname: "../outside"},
			{Name: "f", Typeflag: tar.TypeReg, Size: 1}},
		"a file twice": {{Name: "f", Typeflag: tar.TypeReg, Size: 1},
			{Name: "f", Typeflag: tar.TypeReg, Size: 2}},
		"a hard link":                {{Name: "f", Typeflag: tar.TypeLink, Linkname: "../outside"}},
		"a device":                   {{Name: "f", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}},
		"a pipe":                     {{Name: "f", Typeflag: tar.TypeFifo}},
		"the directory itself":       {{Name: "./", Typeflag: tar.TypeDir, Mode: 0o777}},
		"no name":                    {{Name: "", Typeflag: tar.TypeReg}},
		"files without end":          many(250_001),
		"directories in one another": {{Name: strings.Repeat("d/", 101) + "f", Typeflag: tar.TypeReg}},
		"bytes without end":          {{Name: "f", Typeflag: tar.TypeReg, Size: 8<<30 + 1}},
	} {
		t.Run(description, func(t *testing.T) {
			t.Parallel()
			above := t.TempDir()
			inside := filepath.Join(above, "inside")
			if err := os.Mkdir(inside, 0o755); err != nil {
				t.Fatal(err)
			}
			err := source.Unpack(t.Context(), bytes.NewReader(archiveOf(t, files...)), inside)
			if fault.KindOf(err) != fault.Unresolved {
				t.Errorf("Unpack = %v, of class %d", err, fault.KindOf(err))
			}
			entries, err := os.ReadDir(above)
			if info, _ := os.Stat(above); len(entries) != 1 || err != nil || info.Mode().Perm() == 0o777 {
				t.Errorf("outside are %v, %v", entries, err)
			}
		})
	}
	if err := source.Unpack(t.Context(), strings.NewReader("no archive"),
		t.TempDir()); fault.KindOf(err) != fault.Unresolved {
		t.Errorf("Unpack = %v", err)
	}
}

func many(n int) []tar.Header {
	list := make([]tar.Header, n)
	for i := range list {
		list[i] = tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755}
	}
	return list
}

// FuzzUnpack unpacks headers that the fuzzer makes: whatever they say, nothing is written outside of the directory.
func FuzzUnpack(f *testing.F) {
	f.Add("a/b", "", byte(tar.TypeReg), "up", "..", byte(tar.TypeSymlink), "up/x", "", byte(tar.TypeReg))
	f.Add("d/", "", byte(tar.TypeDir), "d", "/etc", byte(tar.TypeSymlink), "d/passwd", "d", byte(tar.TypeLink))
	f.Fuzz(func(t *testing.T, name1, link1 string, type1 byte, name2, link2 string, type2 byte, name3, link3 string, type3 byte) {
		fuzzing.Case(t)
		var archive bytes.Buffer
		compressed, err := zstd.NewWriter(&archive, zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<10))
		if err != nil {
			t.Fatal(err)
		}
		w := tar.NewWriter(compressed)
		for _, header := range []tar.Header{{Name: name1, Linkname: link1, Typeflag: type1},
			{Name: name2, Linkname: link2, Typeflag: type2},
			{Name: name3, Linkname: link3, Typeflag: type3}} {
			header.Mode = 0o777
			if w.WriteHeader(&header) != nil {
				return
			}
		}
		if w.Close() != nil || compressed.Close() != nil {
			return
		}
		above := t.TempDir()
		inside := filepath.Join(above, "inside")
		if err := os.Mkdir(inside, 0o755); err != nil {
			t.Fatal(err)
		}
		err = source.Unpack(t.Context(), &archive, inside)
		if err != nil && fault.KindOf(err) != fault.Unresolved {
			t.Errorf("Unpack = %v, of class %d", err, fault.KindOf(err))
		}
		if entries, err := os.ReadDir(above); len(entries) != 1 || err != nil {
			t.Errorf("outside are %v, %v", entries, err)
		}
		if info, err := os.Lstat(inside); err != nil || info.Mode() != fs.ModeDir|0o755 {
			t.Errorf("the directory itself is %v, %v", info, err)
		}
	})
}
