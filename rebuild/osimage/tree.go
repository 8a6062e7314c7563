package osimage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// maxEntries bounds the files of all overlays together. A whole operating system has a hundred thousand.
const maxEntries = 500_000

// unpatchable are the directories whose content an update of the operating system does not bring to a node, with the
// reason.
var unpatchable = map[string]string{
	"var": "an update leaves a node's /var alone", "home": "it is a link to /var/home on a node",
	"root": "it is a link to /var/roothome on a node",
	"mnt":  "it is a link to /var/mnt on a node", "media": "it is not part of the operating system",
	"srv":  "it is a link to /var/srv on a node",
	"boot": "kernels are in /usr/lib/modules", "run": "it is empty when a node starts",
	"tmp":  "it is empty when a node starts",
	"proc": "the kernel makes it", "sys": "the kernel makes it", "dev": "the kernel makes it",
	"sysroot": "it belongs to ostree", "ostree": "it belongs to ostree",
}

// target returns where a file of an overlay goes: /bin, /sbin and /lib are links into /usr on every such system, and
// /etc is /usr/etc in an ostree commit, but never in a container image. Directories that updates do not bring to a
// node are refused.
func target(kind Kind, name string) (string, error) {
	first, rest, _ := strings.Cut(name, "/")
	switch first {
	case "bin", "sbin", "lib", "lib64":
		return path.Join("usr", name), nil
	case "etc":
		if kind == Legacy {
			return path.Join("usr", name), nil
		}
	case "usr":
		if kind == Bootable && (rest == "etc" || strings.HasPrefix(rest, "etc/")) {
			return rest, nil
		}
	}
	if why, ok := unpatchable[first]; ok {
		return "", fault.New(fault.Usage, "Write such files with a MachineConfig, or put them under /usr or /etc.",
			fmt.Errorf("%q would never reach a node: %s", "/"+name, why))
	}
	return name, nil
}

// tree collects files for the root of the image in a directory.
type tree struct {
	kind    Kind
	root    *os.Root
	entries int
}

// add copies the files of an overlay. Links are copied as links and never followed; ownership is not kept: all files
// become root's.
func (t *tree) add(overlay string) error {
	source, err := os.OpenRoot(overlay)
	if err != nil {
		return fault.New(fault.Unresolved, "--overlay wants a directory that is laid out like the root of the image.",
			fmt.Errorf("opening the overlay: %w", err))
	}
	defer source.Close()
	before := t.entries
	err = fs.WalkDir(source.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if t.entries++; t.entries > maxEntries {
			return fmt.Errorf("more than %d files", maxEntries)
		}
		return t.copy(source, name, entry)
	})
	if err == nil && t.entries == before {
		err = errors.New("it is empty")
	}
	if err != nil {
		return fault.New(classOf(err), fault.AdviceOf(err), fmt.Errorf("overlay %q: %w", overlay, err))
	}
	return nil
}

// classOf keeps the class of an error that has one; what cannot be read is an input that cannot be resolved.
func classOf(err error) fault.Kind {
	if kind := fault.KindOf(err); kind != fault.Other {
		return kind
	}
	return fault.Unresolved
}

// copy copies one entry of an overlay.
func (t *tree) copy(source *os.Root, name string, entry fs.DirEntry) error {
	link := entry.Type()&fs.ModeSymlink != 0
	if link && slices.Contains([]string{"bin", "sbin", "lib", "lib64"}, name) {
		return nil // the overlay has the usual links; the image has them too
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		return fault.Errorf(fault.Usage, "the name of the file %q has a control character", name)
	}
	to, err := target(t.kind, name)
	if err != nil {
		return err
	}
	info, err := entry.Info()
	if err != nil {
		return err
	}
	switch {
	case entry.IsDir():
		return t.directory(to, info.Mode())
	case link:
		points, err := source.Readlink(name)
		if err != nil {
			return err
		}
		if err := t.clear(to); err != nil {
			return err
		}
		return t.root.Symlink(points, to)
	case info.Mode().IsRegular():
		file, err := source.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		return t.file(to, file, info.Mode())
	default:
		return fmt.Errorf("%q is neither a file, a directory nor a link", name)
	}
}

// replace puts a local file where the image has one.
func (t *tree) replace(r Replacement) (to string, err error) {
	name := strings.TrimPrefix(path.Clean("/"+r.Path), "/")
	if name == "" || strings.ContainsFunc(name, unicode.IsControl) {
		return "", fault.Errorf(fault.Usage, "--replace-file %q: not a path of a file", r.Path)
	}
	if to, err = target(t.kind, name); err != nil {
		return "", err
	}
	file, err := regular.Open(r.File)
	if err != nil {
		return "", fault.New(fault.Unresolved, "", fmt.Errorf("reading the file for %q: %w", r.Path, err))
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("reading the file for %q: %w", r.Path, err)
	}
	if !info.Mode().IsRegular() {
		return "", fault.Errorf(fault.Unresolved, "%q is not a regular file", r.File)
	}
	if err := t.root.MkdirAll(path.Dir(to), 0o755); err != nil {
		return "", fmt.Errorf("preparing %q: %w", r.Path, err)
	}
	return to, t.file(to, file, info.Mode())
}

// directory makes a directory. What an earlier overlay has in its place goes.
func (t *tree) directory(name string, mode fs.FileMode) error {
	if info, err := t.root.Lstat(name); err == nil && !info.IsDir() {
		if err := t.root.Remove(name); err != nil {
			return err
		}
	}
	if err := t.root.MkdirAll(name, 0o755); err != nil {
		return err
	}
	return t.root.Chmod(name, mode.Perm()|0o700) // what the user running this cannot enter, the build could not copy
}

// clear makes room for a file or link.
func (t *tree) clear(name string) error {
	if err := t.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	return t.root.RemoveAll(name)
}

// file writes a file.
func (t *tree) file(name string, content io.Reader, mode fs.FileMode) error {
	if mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
		return fault.New(fault.Usage, "Set the bit in a --containerfile, where it can be seen.",
			fmt.Errorf("%q is setuid or setgid", name))
	}
	if err := t.clear(name); err != nil {
		return err
	}
	file, err := t.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	if err := errors.Join(err, file.Chmod(mode.Perm()), file.Close()); err != nil {
		return fmt.Errorf("copying %q: %w", name, err)
	}
	t.entries++
	return nil
}
