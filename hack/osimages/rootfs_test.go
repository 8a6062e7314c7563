package osimages

import (
	"archive/tar"
	"bytes"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// created is when the images of the tests were made.
var created = time.Date(2023, 1, 6, 15, 48, 0, 0, time.UTC)

// entry is one entry of a root file system: a file with content, a link, or a directory.
type entry struct {
	mode fs.FileMode
	data []byte
	link string
}

// rootfs is a layer of an image: entries by path.
type rootfs map[string]entry

func (r rootfs) file(name string, mode fs.FileMode, text string) rootfs {
	r[name] = entry{mode: mode, data: []byte(text)}
	return r
}

func (r rootfs) link(name, target string) rootfs {
	r[name] = entry{mode: fs.ModeSymlink | 0o777, link: target}
	return r
}

func (r rootfs) directory(name string) rootfs {
	r[name] = entry{mode: fs.ModeDir | 0o755}
	return r
}

// system is a root file system with a merged /usr, programs of this machine and the libraries that they are linked
// with.
func system(t *testing.T, programs ...string) rootfs {
	t.Helper()
	r := rootfs{}
	for _, name := range []string{"bin", "sbin", "lib", "lib64"} {
		r.link(name, "usr/"+name)
	}
	r.directory("tmp").directory("run").directory("var/tmp").directory("usr/bin").directory("usr/sbin").directory("usr/lib64")
	r.file("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\n").file("etc/group", 0o644, "root:x:0:\n")
	for _, program := range programs {
		host, err := exec.LookPath(program)
		check(t, err)
		host, err = filepath.EvalSymlinks(host)
		check(t, err)
		r["usr/bin/"+program] = entry{mode: 0o755, data: read(t, host)}
		out, _ := exec.Command("ldd", host).CombinedOutput() // fails for a script, which has no libraries
		for _, match := range regexp.MustCompile(`(?m)(/\S+) \(0x`).FindAllStringSubmatch(string(out), -1) {
			name := strings.TrimPrefix(match[1], "/")
			if !strings.HasPrefix(name, "usr/") {
				name = "usr/" + name
			}
			r[name] = entry{mode: 0o755, data: read(t, match[1])}
		}
	}
	return r
}

// tree adds a directory of this machine.
func (r rootfs) tree(t *testing.T, name, host string) rootfs {
	t.Helper()
	check(t, filepath.WalkDir(host, func(found string, d fs.DirEntry, err error) error {
		check(t, err)
		relative, err := filepath.Rel(host, found)
		check(t, err)
		to := path.Join(name, relative)
		info, err := d.Info()
		check(t, err)
		switch {
		case d.IsDir():
			r[to] = entry{mode: info.Mode()}
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(found)
			check(t, err)
			r.link(to, target)
		case info.Mode().IsRegular():
			r[to] = entry{mode: info.Mode(), data: read(t, found)}
		}
		return nil
	}))
	return r
}

// layer writes the root file system as a layer.
func (r rootfs) layer(t *testing.T) v1.Layer {
	t.Helper()
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	made := map[string]bool{}
	write := func(name string, e entry) {
		header := &tar.Header{Name: name, Mode: int64(e.mode.Perm()), ModTime: created, Typeflag: tar.TypeReg,
			Size: int64(len(e.data))}
		switch {
		case e.mode.IsDir():
			header.Typeflag, header.Name, made[name] = tar.TypeDir, name+"/", true
		case e.link != "":
			header.Typeflag, header.Linkname, header.Size = tar.TypeSymlink, e.link, 0
		}
		check(t, w.WriteHeader(header))
		_, err := w.Write(e.data)
		check(t, err)
	}
	for _, name := range slices.Sorted(maps.Keys(r)) {
		for _, parent := range parents(name) {
			if !made[parent] && r[parent].mode == 0 {
				write(parent, entry{mode: fs.ModeDir | 0o755})
			}
		}
		write(name, r[name])
	}
	check(t, w.Close())
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil },
		tarball.WithMediaType(types.DockerLayer))
	check(t, err)
	return layer
}

// parents lists the directories above a path, the highest first.
func parents(name string) []string {
	var list []string
	for d := path.Dir(name); d != "."; d = path.Dir(d) {
		list = append([]string{d}, list...)
	}
	return list
}

// image makes an image of layers, base first.
func image(t *testing.T, labels map[string]string, layers ...rootfs) v1.Image {
	t.Helper()
	made := mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.DockerConfigJSON), types.DockerManifestSchema2)
	var err error
	for _, layer := range layers {
		made, err = mutate.AppendLayers(made, layer.layer(t))
		check(t, err)
	}
	config, err := made.ConfigFile()
	check(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", "amd64", v1.Time{Time: created}
	config.Config.Labels = labels
	config.Config.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	made, err = mutate.ConfigFile(made, config)
	check(t, err)
	return made
}

// extract unpacks an image into a directory, each layer over the one before.
func extract(t *testing.T, made v1.Image) string {
	t.Helper()
	directory := t.TempDir()
	stream := mutate.Extract(made)
	defer stream.Close()
	for archive := tar.NewReader(stream); ; {
		header, err := archive.Next()
		if err == io.EOF {
			return directory
		}
		check(t, err)
		to := filepath.Join(directory, filepath.FromSlash(path.Clean("/"+header.Name)))
		check(t, os.MkdirAll(filepath.Dir(to), 0o755))
		switch header.Typeflag {
		case tar.TypeDir:
			check(t, os.MkdirAll(to, 0o755))
		case tar.TypeSymlink:
			check(t, os.Symlink(header.Linkname, to))
		case tar.TypeReg:
			data, err := io.ReadAll(archive)
			check(t, err)
			check(t, os.WriteFile(to, data, fs.FileMode(header.Mode).Perm()))
			check(t, os.Chmod(to, fs.FileMode(header.Mode).Perm()))
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	check(t, err)
	return data
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
