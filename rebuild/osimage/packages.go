package osimage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"go.podman.io/storage/pkg/regexp"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

var (
	rpmFile     = regexp.Delayed(`^[A-Za-z0-9][A-Za-z0-9._+~^-]*\.rpm$`)
	repoFile    = regexp.Delayed(`^[A-Za-z0-9][A-Za-z0-9._-]*\.repo$`)
	packageName = regexp.Delayed(`^[A-Za-z0-9][A-Za-z0-9._+~^:-]*$`) // dnf's NEVRA; no globs, no options
	rpmMagic    = []byte{0xed, 0xab, 0xee, 0xdb}
)

// addPackages puts RPMs into the context under rpms/, and names of packages into the file packages.
func addPackages(root *os.Root, rpms []string) error {
	var names bytes.Buffer
	for _, rpm := range rpms {
		if isFile(rpm) {
			if err := addFile(root, "rpms", rpm, rpmFile, rpmMagic); err != nil {
				return err
			}
			continue
		}
		if !packageName.MatchString(rpm) {
			return fault.New(fault.Usage, "A file ends in .rpm or has a slash in its path.",
				fmt.Errorf("%q is not the name of a package", rpm))
		}
		names.WriteString(rpm + "\n")
	}
	if names.Len() == 0 {
		return nil
	}
	if err := root.WriteFile("packages", names.Bytes(), 0o644); err != nil {
		return fmt.Errorf("writing the names of the packages: %w", err)
	}
	return nil
}

// addFile copies a local file into a directory of the context, under its own name, which must be of a form that
// scripts can take, and begin with magic.
func addFile(root *os.Root, directory, source string, form regexp.Regexp, magic []byte) error {
	name := filepath.Base(source)
	if !form.MatchString(name) {
		return fault.Errorf(fault.Usage, "%q: the name of the file must match %s", source, form)
	}
	unresolved := func(err error) error {
		return fault.New(fault.Unresolved, "", fmt.Errorf("reading %q: %w", source, err))
	}
	in, err := regular.Open(source)
	if err != nil {
		return unresolved(err)
	}
	defer in.Close()
	begin := make([]byte, len(magic))
	if _, err := io.ReadFull(in, begin); err != nil || !bytes.Equal(begin, magic) {
		return unresolved(errors.New("it is not an RPM"))
	}
	if err := root.MkdirAll(directory, 0o755); err != nil {
		return fmt.Errorf("copying %q: %w", source, err)
	}
	out, err := root.OpenFile(path.Join(directory, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fault.Errorf(fault.Usage, "two files are called %q", name)
	}
	if err != nil {
		return fmt.Errorf("copying %q: %w", source, err)
	}
	_, err = io.Copy(out, io.MultiReader(bytes.NewReader(begin), in))
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("copying %q: %w", source, err)
	}
	return nil
}
