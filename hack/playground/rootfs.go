package playground

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// rootfs collects files of the host into the root filesystem of an image: programs with the libraries that they need.
// Nothing is unpacked or mounted, so it works without root.
type rootfs struct {
	host map[string]string // path in the image to path on the host
	made []file
	link map[string]string
	dirs []string // empty directories
}

func newRootfs() *rootfs { return &rootfs{host: map[string]string{}, link: map[string]string{}} }

// programs adds programs of the host's PATH to /usr/bin, with their shared libraries.
func (r *rootfs) programs(names ...string) error {
	for _, name := range names {
		found, err := exec.LookPath(name)
		if err != nil {
			return fmt.Errorf("the base images need the program %q of this machine: %w", name, err)
		}
		if err := r.program("usr/bin/"+name, found); err != nil {
			return fmt.Errorf("adding program %q: %w", name, err)
		}
	}
	return nil
}

func (r *rootfs) program(name, host string) error {
	host, err := filepath.EvalSymlinks(host)
	if err != nil {
		return err
	}
	r.host[name] = host
	libraries, err := librariesOf(host)
	if err != nil {
		return err
	}
	for _, library := range libraries {
		r.host[merged(library)] = library
	}
	return nil
}

// librariesOf asks the dynamic loader which libraries a program is linked with. It knows none for a static program or
// a script.
func librariesOf(program string) ([]string, error) {
	out, err := exec.Command("ldd", program).CombinedOutput()
	if err != nil {
		if bytes.Contains(out, []byte("not a dynamic executable")) {
			return nil, nil
		}
		return nil, fmt.Errorf("ldd %s: %w: %s", program, err, out)
	}
	var libraries []string
	for _, match := range regexp.MustCompile(`(?m)(/\S+) \(0x`).FindAllSubmatch(out, -1) {
		libraries = append(libraries, string(match[1]))
	}
	return libraries, nil
}

// merged returns the path in an image whose /bin, /sbin, /lib and /lib64 are links into /usr.
func merged(host string) string {
	name := strings.TrimPrefix(host, "/")
	if !strings.HasPrefix(name, "usr/") {
		name = path.Join("usr", name)
	}
	return name
}

// tree adds the regular files below a directory of the host for which keep returns true. The path it is asked about
// is relative.
func (r *rootfs) tree(name, host string, keep func(string) bool) error {
	host, err := filepath.EvalSymlinks(host)
	if err != nil {
		return err
	}
	return filepath.WalkDir(host, func(found string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(host, found)
		if err != nil {
			return err
		}
		if entry.IsDir() && relative != "." && !keep(relative+"/") {
			return filepath.SkipDir
		}
		if entry.Type().IsRegular() && keep(relative) {
			r.host[path.Join(name, filepath.ToSlash(relative))] = found
		}
		return nil
	})
}

// write writes everything, each directory before what is in it, with times that do not change from run to run.
func (r *rootfs) write(w *tar.Writer) error {
	names := map[string]func() error{}
	for _, f := range r.made {
		names[f.Name] = func() error { return writeData(w, f) }
	}
	for name, host := range r.host {
		names[name] = func() error { return writeHost(w, name, host) }
	}
	for name, target := range r.link {
		names[name] = func() error {
			return w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777,
				ModTime: created()})
		}
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	made := map[string]bool{".": true}
	for _, dir := range r.dirs {
		if err := writeDirs(w, made, dir); err != nil {
			return err
		}
	}
	for _, name := range sorted {
		if err := writeDirs(w, made, path.Dir(name)); err != nil {
			return err
		}
		if err := names[name](); err != nil {
			return err
		}
	}
	return nil
}

// writeDirs writes a directory and those above it, unless made says that they are there.
func writeDirs(w *tar.Writer, made map[string]bool, dir string) error {
	if made[dir] {
		return nil
	}
	if err := writeDirs(w, made, path.Dir(dir)); err != nil {
		return err
	}
	made[dir] = true
	mode := int64(0o755)
	if path.Base(dir) == "tmp" {
		mode = 0o1777
	}
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: mode, ModTime: created()})
}

func writeData(w *tar.Writer, f file) error {
	mode := f.Mode
	if mode == 0 {
		mode = 0o644
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: f.Name, Mode: mode, Size: int64(len(f.Data)), ModTime: created()}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.Write(f.Data)
	return err
}

func writeHost(w *tar.Writer, name, host string) error {
	f, err := os.Open(host)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	mode := int64(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: info.Size(), ModTime: created()}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}
