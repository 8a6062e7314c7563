package osimage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Check compares the context with the image that it is to change, before anything runs: files to be replaced must be
// there, and executable where the image's are; directories must not lie behind a link of the image. An error has the
// class fault.Unresolved.
func (r Recipe) Check(image *os.Root) error {
	if r.Kind != Bootable || r.File != "" {
		return nil // the tree of machine-os-content is not in the file system; its script checks
	}
	context := filepath.Join(r.Context, "tree")
	for _, name := range r.Replaced {
		if err := checkReplaced(image, context, name); err != nil {
			return err
		}
	}
	err := fs.WalkDir(os.DirFS(context), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." || !entry.IsDir() {
			return err
		}
		info, err := image.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			return fs.SkipDir
		}
		if err != nil || info.IsDir() {
			return nil // what os.Root cannot follow, the build will
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return fault.Errorf(fault.Unresolved, "the overlay has a directory %q where the image has a file", "/"+name)
		}
		points, _ := image.Readlink(name)
		advice := "Put the files where the link points, if that is under /usr or /etc."
		if strings.Contains(points, "var/") {
			advice = "An update leaves a node's /var alone: write such files with a MachineConfig, or put them elsewhere under /usr."
		}
		return fault.New(fault.Unresolved, advice,
			fmt.Errorf("the overlay has a directory %q where the image has a link to %q", "/"+name, points))
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no overlay
	}
	return err
}

// checkReplaced checks one file that takes the place of another.
func checkReplaced(image *os.Root, context, name string) error {
	have, err := image.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && have.IsDir() {
		return fault.New(fault.Unresolved, "--overlay DIR adds files that are new.",
			fmt.Errorf("--replace-file: the image has no file %q", "/"+name))
	}
	if err != nil {
		return nil // a link that leads elsewhere: it is there
	}
	next, err := os.Stat(filepath.Join(context, name))
	if err != nil {
		return fmt.Errorf("reading the file for %q: %w", name, err)
	}
	if have.Mode()&0o111 != 0 && next.Mode()&0o111 == 0 {
		return fault.New(fault.Unresolved, "Run chmod +x on it.",
			fmt.Errorf("--replace-file: %q is executable in the image, the file for it is not", "/"+name))
	}
	return nil
}

// Missing is the error for an image that has none of the programs that are needed.
func (n Need) Missing(image string) error {
	programs := strings.Join(n.Programs, ", ")
	if n.Tools {
		return fault.New(fault.Unresolved,
			"Pass --os-tools-image with an image that has ostree, createrepo_c, bash and awk; "+Guide+" says more.",
			fmt.Errorf("the tools image %q does not have %s, which %s needs", image, programs, n.For))
	}
	return fault.New(fault.Unresolved,
		"Put the files of the package in with --overlay, or build the image with --containerfile; "+Guide+" says more.",
		fmt.Errorf("%s: the image has no program to install packages with: none of %s", n.For, programs))
}
